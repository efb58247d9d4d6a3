"""Every pinned image belongs to a release line whose end of support is known."""

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from tools.support import NOTICE, STALE, Line, Pin, list_pins, read_lines, review

TODAY = date(2026, 11, 29)
PIN = Pin("rabbitmq", "4.3.5", "deploy/compose.yaml")
LINE = Line("rabbitmq", "4.3", "https://example.org", TODAY, latest="4.3.5", ends=TODAY + timedelta(days=400))


def test_every_pin_of_the_repository_has_an_entry_and_every_entry_a_pin() -> None:
    lines = read_lines()
    pinned = list_pins()
    unknown = [pin for pin in pinned if not any(pin.image == one.image and pin.belongs_to(one.line) for one in lines)]
    assert unknown == []
    unused = [one for one in lines if not any(pin.image == one.image and pin.belongs_to(one.line) for pin in pinned)]
    assert unused == []


def test_every_file_that_pins_an_image_is_read() -> None:
    assert {(pin.image, pin.file) for pin in list_pins()} >= {
        ("python", "deploy/Dockerfile"),
        ("debian", "deploy/Dockerfile"),
        ("grafana/grafana", "deploy/compose.yaml"),
        ("rabbitmq", "k8s/components/rabbitmq-operator/rabbitmq.yaml"),
        ("mongo", "k8s/components/mongodb-operator/mongodb.yaml"),
        ("mongo", "k8s/components/backup/backup.yaml"),
        ("rabbitmq", "k8s/overlays/dev/servers.yaml"),
    }


def test_one_image_has_the_same_version_everywhere() -> None:
    versions: dict[str, set[str]] = {}
    for pin in list_pins():
        versions.setdefault(pin.image, set()).add(pin.version)
    assert {image: found for image, found in versions.items() if len(found) > 1} == {}


def test_a_supported_line_passes() -> None:
    (finding,) = review([PIN], [LINE], TODAY)
    assert (finding.is_failure, finding.text) == (False, f"supported until {LINE.ends}")


def test_a_line_fails_from_the_day_after_its_support() -> None:
    ended = replace(LINE, ends=TODAY)
    assert not review([PIN], [ended], TODAY)[0].is_failure
    assert review([PIN], [ended], TODAY + timedelta(days=1))[0].is_failure


def test_a_pin_without_an_entry_fails() -> None:
    assert review([Pin("rabbitmq", "4.30.1", "f")], [LINE], TODAY)[0].is_failure


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (replace(LINE, ends=TODAY + NOTICE), "support ends soon"),
        (replace(LINE, read=TODAY - STALE), "review https://example.org again"),
        (replace(LINE, latest="4.3.6"), "newer: 4.3.6"),
        (replace(LINE, ends=None), "no end announced"),
    ],
)
def test_the_report_warns_without_failing(line: Line, said: str) -> None:
    (finding,) = review([PIN], [line], TODAY)
    assert said in finding.text
    assert not finding.is_failure


def test_make_audit_runs_the_report() -> None:
    assert "-m tools.support" in (Path(__file__).parents[3] / "Makefile").read_text()
