"""Hatchling build hook: a wheel carries the knowledge as `covalue/data/`; an editable install reads the checkout itself."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

FOLDERS = ("ontology", "graph", "queries")


class CustomBuildHook(BuildHookInterface):
    """Adds the three folders of knowledge to standard wheels only; in editable mode they would be stale copies."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name == "wheel" and version == "standard":
            for name in FOLDERS:
                build_data["force_include"][str(Path(self.root) / name)] = f"covalue/data/{name}"
