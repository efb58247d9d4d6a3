"""The version of Flowport, one for all distributions, images and the console.

`python -m tools.version` prints it, `python -m tools.version 0.2.0` writes it into every file that names it.
"""

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from tools.dist import ROOT, list_members

_PROJECT: Final = re.compile(r'(?m)(?<=^version = ")[^"]+|(?<===)[^"]+(?=")')
_OURS: Final = re.compile(r'(?m)^version = .*|"flowport[a-z-]*(?:\[[a-z]+\])?==.*?"')
_IMAGES: Final = re.compile(r"(?<=newTag: )[^}]+")
_PACKAGE: Final = re.compile(r'(?<="version": ")[^"]+')


def read_version() -> str:
    """Return the version in pyproject.toml."""
    version: str = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    return version


def with_version(version: str) -> Mapping[Path, str]:
    """Return the content that each file has at this version."""
    return dict(_render(version))


def _render(version: str) -> Iterator[tuple[Path, str]]:
    for project in (ROOT, *list_members()):
        file = project / "pyproject.toml"
        yield file, _OURS.sub(lambda ours: _PROJECT.sub(version, ours[0]), file.read_text())
    images = ROOT / "k8s/base/kustomization.yaml"
    yield images, _IMAGES.sub(version, images.read_text())
    for name, places in (("console/package.json", 1), ("console/package-lock.json", 2)):
        package = ROOT / name
        yield package, _PACKAGE.sub(version, package.read_text(), count=places)


def main() -> None:
    """Print or set the version."""
    if len(sys.argv) == 1:
        print(read_version())  # noqa: T201 - a command
        return
    (version,) = sys.argv[1:]
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        sys.exit(f"error: {version} is not a version like 0.2.0")
    for file, content in with_version(version).items():
        file.write_text(content)


if __name__ == "__main__":
    main()
