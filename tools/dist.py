"""Build the wheels of all distributions: `python -m tools.dist FOLDER`.

Each distribution is built in a copy of its folder, to which the license is added, and to the command line the examples.
"""

import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

ROOT: Final = Path(__file__).parents[1]
EXAMPLES: Final = ROOT / "examples"
CONSOLE: Final = ROOT / "services/gateway/src/gateway/console_files/index.html"
_LOCAL_FILES: Final = shutil.ignore_patterns("__pycache__", "*.egg-info")


class DistFailed(Exception):
    """The wheels could not be built."""


def list_members() -> list[Path]:
    """Return the folder of each distribution, from the uv workspace in pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns: list[str] = project["tool"]["uv"]["workspace"]["members"]
    return sorted(
        folder for pattern in patterns for folder in ROOT.glob(pattern) if (folder / "pyproject.toml").exists()
    )


def build_wheels(folder: Path) -> list[Path]:
    """Build a wheel of each distribution into `folder` and return their paths. Raises DistFailed."""
    if not CONSOLE.exists():
        raise DistFailed("the console is not built: run `make console`")
    folder.mkdir(parents=True, exist_ok=True)
    for outdated in folder.glob("flowport*.whl"):
        outdated.unlink()
    with TemporaryDirectory() as temporary:
        builds = [_start_build(copy, folder) for copy in _copy_members(Path(temporary))]
        outputs = [build.communicate()[0] for build in builds]
    failed = [output for build, output in zip(builds, outputs, strict=True) if build.returncode]
    if failed:
        raise DistFailed("\n".join(failed))
    return sorted(folder.glob("flowport*.whl"))


def _copy_members(folder: Path) -> Iterator[Path]:
    for member in list_members():
        copy = folder / member.name
        shutil.copytree(member, copy, ignore=_LOCAL_FILES)
        shutil.copy(ROOT / "LICENSE", copy)
        if member.name == "cli":
            packaged = copy / "src/flowport/examples"
            packaged.mkdir()
            for example in EXAMPLES.glob("*.json"):
                shutil.copy(example, packaged)
        yield copy


def _start_build(project: Path, folder: Path) -> subprocess.Popen[str]:
    command = (sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder.resolve()))
    return subprocess.Popen(  # noqa: S603 - our own Python
        command, cwd=project, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def main() -> None:
    """Build into the folder named on the command line."""
    (folder,) = sys.argv[1:]
    try:
        wheels = build_wheels(Path(folder))
    except DistFailed as error:
        sys.exit(f"error: {error}")
    for wheel in wheels:
        print(f"{wheel.stat().st_size / 1e6:6.2f} MB  {wheel}")  # noqa: T201 - a command


if __name__ == "__main__":
    main()
