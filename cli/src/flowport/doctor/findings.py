"""What a check found."""

from enum import StrEnum

import msgspec


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at. `fix` says what to do, and is empty where all is well."""

    check: str
    verdict: Verdict
    found: str
    fix: str = ""


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check, Verdict.OK, found)


def warning(check: str, found: str, fix: str) -> Finding:
    """It works, and will not always."""
    return Finding(check, Verdict.WARNING, found, fix)


def problem(check: str, found: str, fix: str) -> Finding:
    """It does not work."""
    return Finding(check, Verdict.PROBLEM, found, fix)
