"""Queries in the pages of alerts."""

import re
from pathlib import Path

from gateway.app import build  # noqa: F401 - so that every error of the gateway is known

ROOT = Path(__file__).parents[2]


FOLDER = "docs/operations/runbooks"
RUNBOOKS = ROOT / FOLDER


NAME = re.compile(r"\bflowport_[a-z_]+")


QUERY = re.compile(r"`([^`\n]*\bflowport_[a-z_]+[^`\n]*)`")


def runbook_queries() -> set[str]:
    """Return the queries that the pages of alerts ask people to run."""
    return {query for page in RUNBOOKS.glob("*.md") for query in QUERY.findall(page.read_text())}


def families(query: str) -> set[str]:
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in NAME.findall(query)}
