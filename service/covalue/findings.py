"""Findings: what a check has to say about the sources, collected and printed as text or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from covalue.errors import Place


class Severity(IntEnum):
    """How grave a finding is; only a violation fails a check."""

    INFO = 0
    WARNING = 1
    VIOLATION = 2


@dataclass(frozen=True)
class Finding:
    """One fault or remark: its rule, its place, the value, and in both languages what is wrong and what would be right."""

    rule: str
    en: str
    zh: str
    place: Place | None = None
    value: str = ""
    severity: Severity = Severity.VIOLATION

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{self.severity.name.lower()} {where}[{self.rule}] {self.en} | {self.zh}"

    def as_dict(self) -> dict[str, object]:
        """The finding as JSON-ready values; absent parts are left out."""
        place = {k: v for k, v in vars(self.place).items() if v is not None} if self.place else None
        all_parts = {
            "severity": self.severity.name.lower(),
            "rule": self.rule,
            "place": place,
            "value": self.value or None,
            "message": {"en": self.en, "zh": self.zh},
        }
        return {k: v for k, v in all_parts.items() if v is not None}


def _order(finding: Finding) -> tuple[object, ...]:
    p = finding.place or Place("")
    return (-finding.severity, p.path, p.row or p.line or 0, p.cell or "", p.column or 0, finding.rule, finding.en)


@dataclass
class Report:
    """Findings in the order of their severity and place."""

    findings: list[Finding] = field(default_factory=list)

    def add(self, finding: Finding) -> None:
        self.findings.append(finding)

    def extend(self, findings: Iterable[Finding]) -> None:
        self.findings.extend(findings)

    def __iter__(self) -> Iterator[Finding]:
        return iter(sorted(self.findings, key=_order))

    def __len__(self) -> int:
        return len(self.findings)

    @property
    def violations(self) -> int:
        """How many findings fail the check."""
        return sum(f.severity is Severity.VIOLATION for f in self.findings)

    @property
    def ok(self) -> bool:
        return self.violations == 0

    def summary(self) -> tuple[str, str]:
        """One closing sentence in English and in Chinese."""
        bad, rest = self.violations, len(self.findings) - self.violations
        return f"{bad} fault(s), {rest} remark(s)", f"{bad} 处错误，{rest} 条提示"

    def as_text(self) -> str:
        """A line for each finding, and the summary."""
        return "\n".join([*map(str, self), " | ".join(self.summary())])

    def as_json(self) -> str:
        """A JSON object with `ok`, `violations` and the list of findings."""
        body = {"ok": self.ok, "violations": self.violations, "findings": [f.as_dict() for f in self]}
        return json.dumps(body, ensure_ascii=False, indent=2)
