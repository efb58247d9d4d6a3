"""Settings for operators."""

import pytest

from jobs_service.settings import JobsSettings


def test_the_queue_limits_are_those_that_callers_were_promised() -> None:
    limits = JobsSettings().queue_limits

    assert (limits.per_workspace, limits.overall) == (1_000, 50_000)


@pytest.mark.parametrize("prefix", ["", "FLOWPORT_"])
def test_the_queue_limits_go_by_the_names_people_know(monkeypatch: pytest.MonkeyPatch, prefix: str) -> None:
    monkeypatch.setenv(f"{prefix}DISPATCH_MAX_QUEUE_PER_WORKSPACE", "7")
    monkeypatch.setenv(f"{prefix}DISPATCH_MAX_QUEUE_GLOBAL", "9")

    limits = JobsSettings().queue_limits
    assert (limits.per_workspace, limits.overall) == (7, 9)


def test_the_default_retention_is_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    assert JobsSettings().rules.retention.total_seconds() == 86_400

    monkeypatch.setenv("FLOWPORT_JOB_RETENTION_SECONDS", "60")
    assert JobsSettings().rules.retention.total_seconds() == 60
