"""Runs the stages of the Dockerfile on a clean Debian that represents the official base images."""

import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path, PurePosixPath
from string import Template
from typing import Final

from tests.images.root import Root
from tests.support.dockerfile import DOCKERFILE, ROOT, Stage, lineage

_PATH: Final = "/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin"
_BASES: Final = {
    "${PYTHON}": "python3 -m venv --copies /usr/local",  # as in the image: below /usr/local, with pip
    "${NODE}": "apt-get update && apt-get install --yes --no-install-recommends nodejs npm",
}


class Builder:
    """Builds below `folder`, each stage on the layers of its base."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._roots: dict[str, Root] = {}

    def make_bases(self) -> None:
        """Install a clean Debian with the contents of the two base images. Raises CalledProcessError."""
        debian, include = self._folder / "debian", "--include=python3,python3-venv,ca-certificates"
        subprocess.run(["debootstrap", "--variant=minbase", include, _release(), debian, _mirror()], check=True)
        shutil.copytree("/etc/apt/apt.conf.d", debian / "etc/apt/apt.conf.d", dirs_exist_ok=True)
        for number, (base, command) in enumerate(_BASES.items()):
            self._roots[base] = Root((debian,)).above(self._folder / f"base-{number}")
            self._roots[base].run(command, environment={"PATH": _PATH, "HOME": "/root"}, folder="/")

    def build(self, stage: Stage) -> Root:
        """Build the stage. Raises CalledProcessError."""
        root = self._roots[stage.name] = self._roots[stage.base].above(self._folder / stage.name)
        for number, (instruction, argument) in enumerate(stage.steps):
            if instruction == "RUN":
                root.run(argument, environment=environment_of(stage, number), folder=_folder_of(stage, number))
            elif instruction == "COPY":
                self._copy(root, argument, _folder_of(stage, number))
        return root

    def _copy(self, root: Root, argument: str, folder: str) -> None:
        *sources, target = shlex.split(argument)
        place = root.top / str(PurePosixPath(folder, target)).lstrip("/")
        if sources[0].startswith("--from="):
            self._roots[sources[0].removeprefix("--from=")].copy(sources[1], place)
        else:
            for source in sources:
                _copy_files(source, place)


def environment_of(stage: Stage, steps: int | None = None) -> dict[str, str]:
    """Return the variables after `steps` steps, those of its bases included."""
    found = {"PATH": _PATH, "HOME": "/root"}
    for each in reversed(lineage(stage.name)):
        for instruction, argument in each.steps[: steps if each.name == stage.name else None]:
            if instruction in ("ARG", "ENV"):
                pairs = shlex.split(Template(argument).safe_substitute(found))
                found |= dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    return found


def entrypoint_of(stage: Stage) -> list[str]:
    """Return the program that an image runs."""
    command: list[str] = json.loads(stage.last("ENTRYPOINT"))
    return command


def user_of(stage: Stage) -> str:
    """Return the user that runs it."""
    return next(each.last("USER") for each in lineage(stage.name) if each.last("USER"))


def _folder_of(stage: Stage, steps: int) -> str:
    own = Stage(stage.name, stage.base, stage.steps[:steps])
    return next((each.last("WORKDIR") for each in (own, *lineage(stage.name)[1:]) if each.last("WORKDIR")), "/")


def _copy_files(source: str, place: Path) -> None:
    """Copy the files that git tracks or would add: git ignores what Dockerfile.dockerignore leaves out."""
    listing = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", source)
    found = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in filter(None, found.split("\0")):
        file = Path(name)
        copy = place / (file.relative_to(source) if (ROOT / source).is_dir() else file.name)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / file, copy)


def debian_source() -> tuple[str, str]:
    """Return the Debian release of the base images, and the mirror that this machine uses."""
    return _release(), _mirror()


def _release() -> str:
    """Return the Debian release of the base images."""
    found = re.search(r"^ARG PYTHON=\S+-slim-(\w+)$", DOCKERFILE.read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def _mirror() -> str:
    """Return the package sources of this machine."""
    command = ("apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages")
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    return next(line for line in found if line.startswith("http"))
