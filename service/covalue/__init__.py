"""
covalue: value co-creation and business models as a queryable graph.

The package builds one dataset from the sources in `ontology/` and `graph/`, and serves it by SPARQL.
"""

from covalue.errors import CovalueError, FindingsError, InputError, Place, StoreError
from covalue.findings import Finding, Report, Severity
from covalue.project import Project, find_project

__version__ = "0.1.0"

__all__ = [
    "CovalueError",
    "Finding",
    "FindingsError",
    "InputError",
    "Place",
    "Project",
    "Report",
    "Severity",
    "StoreError",
    "__version__",
    "find_project",
]
