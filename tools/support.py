"""Report the pinned release lines that are out of support.

The dates come from deploy/support.toml, because the machine may be offline. `python -m tools.support` prints a table
and exits with 1 if support of a line has ended or a pin has no entry. It warns if support ends soon or an entry was
reviewed long ago.
"""

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import yaml

ROOT: Final = Path(__file__).parents[1]
TABLE: Final = ROOT / "deploy/support.toml"
NOTICE: Final = timedelta(days=90)
"""Time before the end of support at which the report warns."""
STALE: Final = timedelta(days=180)
"""Age at which an entry must be reviewed again."""
DEBIAN: Final[Mapping[str, str]] = {"bookworm": "12", "trixie": "13"}
OPERATED: Final[Mapping[str, str]] = {"MongoDBCommunity": "mongo"}
"""Image that an operator runs for a custom resource that names only a version."""


@dataclass(frozen=True, slots=True)
class Pin:
    """An image at a version, and the file that names it."""

    image: str
    version: str
    file: str

    def belongs_to(self, line: str) -> bool:
        """Return whether the version is one of release line `line`."""
        return self.version == line or self.version.startswith(f"{line}.")


@dataclass(frozen=True, slots=True)
class Line:
    """Release line of an image, with the end of support if the vendor announced one."""

    image: str
    line: str
    source: str
    read: date
    latest: str = ""
    ends: date | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """Pinned line and its status."""

    pin: Pin
    text: str
    is_failure: bool = False


def read_lines(table: Path = TABLE) -> list[Line]:
    """Return the release lines of the table."""
    return [Line(**entry) for entry in tomllib.loads(table.read_text())["line"]]


def list_pins(root: Path = ROOT) -> list[Pin]:
    """Return every third-party image that the Dockerfile, compose.yaml and the manifests pin."""
    found = {pin for file, named in _named_images(root) for pin in _pins_of(named, file)}
    return sorted(found, key=lambda pin: (pin.image, pin.version, pin.file))


def review(pinned: Sequence[Pin], lines: Sequence[Line], today: date) -> list[Finding]:
    """Return a finding for each pin, as of `today`."""
    return [_judge(pin, lines, today) for pin in pinned]


def _judge(pin: Pin, lines: Sequence[Line], today: date) -> Finding:
    line = next((line for line in lines if line.image == pin.image and pin.belongs_to(line.line)), None)
    if line is None:
        return Finding(pin, f"no entry in {TABLE.name}: add the line with its end of support", is_failure=True)
    if line.ends is not None and line.ends < today:
        return Finding(pin, f"out of support since {line.ends}: {line.source}", is_failure=True)
    notes = [f"supported until {line.ends}" if line.ends else "supported, no end announced"]
    if line.ends is not None and line.ends - today <= NOTICE:
        notes.append("WARNING: support ends soon")
    if today - line.read >= STALE:
        notes.append(f"WARNING: reviewed {line.read}, review {line.source} again")
    if line.latest not in ("", pin.version):
        notes.append(f"newer: {line.latest}")
    return Finding(pin, ", ".join(notes))


def _named_images(root: Path) -> Iterator[tuple[str, str]]:
    dockerfile = root / "deploy/Dockerfile"
    for base in re.findall(r"^ARG \w+=(\S+:\S+)$", dockerfile.read_text(), re.MULTILINE):
        yield _name(dockerfile, root), base
    compose = root / "deploy/compose.yaml"
    for service in yaml.safe_load(compose.read_text())["services"].values():
        if "build" not in service:
            yield _name(compose, root), service["image"]
    for file in sorted((root / "k8s").rglob("*.yaml")):
        for document in yaml.safe_load_all(file.read_text()):
            for image in _images_in(document):
                yield _name(file, root), image


def _images_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if (image := OPERATED.get(str(value.get("kind")))) and "version" in value.get("spec", {}):
            yield f"{image}:{value['spec']['version']}"
        for key, inner in value.items():
            if key == "image" and isinstance(inner, str):
                yield inner
            else:
                yield from _images_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _images_in(inner)


def _pins_of(named: str, file: str) -> Iterator[Pin]:
    image, _, tag = named.partition("@")[0].partition(":")
    if image.startswith("flowport/"):
        return
    yield Pin(image, tag.removeprefix("v").partition("-")[0], file)
    for codename in DEBIAN.keys() & set(tag.split("-")):
        yield Pin("debian", DEBIAN[codename], file)


def _name(file: Path, root: Path) -> str:
    return file.relative_to(root).as_posix()


def main() -> int:
    """Print the report. Return 1 if it has a failure."""
    findings = review(list_pins(), read_lines(), datetime.now(UTC).date())
    for finding in findings:
        mark = "FAILED" if finding.is_failure else "ok"
        sys.stdout.write(f"{mark:<7}{finding.pin.file}: {finding.pin.image} {finding.pin.version}: {finding.text}\n")
    return 1 if any(finding.is_failure for finding in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
