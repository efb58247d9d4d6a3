"""No process contacts anything but loopback, during start, work, idle time and shutdown."""

from pathlib import Path

from tests.support.cut_off import run_cut_off

from shared.settings import CommonSettings


def test_everything_works_without_a_network_and_nothing_looks_for_one(tmp_path: Path) -> None:
    seen = run_cut_off(tmp_path)
    assert seen.answers.are_good, seen.answers
    assert seen.tries == 0
    assert seen.tries_on_purpose == 1


def test_traces_are_exported_only_to_a_configured_endpoint() -> None:
    assert CommonSettings.model_fields["tracing_endpoint"].default == ""
