"""The distributions: one version, and requirements that match it."""

import tomllib
from typing import Any, Final

import pytest
from packaging.requirements import Requirement
from tools.dist import list_members
from tools.version import read_version, with_version

OLDEST_UNSUPPORTED_PYTHON: Final = "3.14"
PROJECTS: Final[dict[str, dict[str, Any]]] = {
    project["name"]: project
    for folder in list_members()
    for project in (tomllib.loads((folder / "pyproject.toml").read_text())["project"],)
}


def requirements_of(name: str) -> list[Requirement]:
    """Return the requirements of a distribution, extras included."""
    project = PROJECTS[name]
    extras: dict[str, list[str]] = project.get("optional-dependencies", {})
    return [Requirement(line) for lines in (project["dependencies"], *extras.values()) for line in lines]


def test_every_file_that_names_the_version_names_the_same_one() -> None:
    assert [str(file) for file, content in with_version(read_version()).items() if file.read_text() != content] == []


def test_a_new_version_is_written_into_every_distribution_image_and_console() -> None:
    written = with_version("9.8.7")
    assert {file.name for file, content in written.items() if "9.8.7" not in content} == set()
    assert not any(
        read_version() in line for content in written.values() for line in content.splitlines() if "flowport" in line
    )


@pytest.mark.parametrize("name", PROJECTS)
def test_a_distribution_requires_the_others_at_its_own_version(name: str) -> None:
    ours = [requirement for requirement in requirements_of(name) if requirement.name in PROJECTS]
    assert {str(requirement.specifier) for requirement in ours} <= {f"=={PROJECTS[name]['version']}"}


@pytest.mark.parametrize("name", PROJECTS)
def test_a_distribution_excludes_pythons_that_adr_24_does_not_allow(name: str) -> None:
    assert PROJECTS[name]["requires-python"] == f">=3.11,<{OLDEST_UNSUPPORTED_PYTHON}"


def test_the_embedded_extra_includes_the_server_extra() -> None:
    embedded = PROJECTS["flowport"]["optional-dependencies"]["embedded"]
    assert "flowport[server]" in {line.partition("==")[0] for line in embedded}
