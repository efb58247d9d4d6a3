"""Private APIs of dependencies are listed, bounded and still exist."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.version import Version
from tests.support.private_apis import SEEN, USES, PrivateUse

ROOT: Final = Path(__file__).parents[3]
PROJECTS: Final = sorted(
    [ROOT / "shared/pyproject.toml", ROOT / "cli/pyproject.toml", *ROOT.glob("services/*/pyproject.toml")]
)
STANDARD: Final = frozenset({"_exit", "_replace", "_Decompress", "_typeshed"})
"""Private names of the standard library that are documented, or for type checkers alone."""


@pytest.mark.parametrize("use", USES, ids=lambda use: f"{use.owner} in {Path(use.used_by).name}")
def test_the_installed_version_has_every_used_private_member(use: PrivateUse) -> None:
    assert not list(use.problems())
    assert (ROOT / use.used_by).exists()


def test_a_missing_member_is_reported_with_package_version_and_file() -> None:
    use = PrivateUse(
        package="uvicorn",
        owner="uvicorn:Server",
        used_by="shared/x.py",
        members=("gone", "startup"),
        parameters=("ago",),
    )
    lost = PrivateUse(package="uvicorn", owner="uvicorn.nowhere:Server", used_by="shared/x.py")
    found = [*use.problems(), *lost.problems()]
    assert [sentence.partition(" lacks ")[2].partition(";")[0] for sentence in found] == [
        "uvicorn:Server.gone",
        "the parameter ago of uvicorn:Server",
        "uvicorn.nowhere:Server",
    ]
    assert found[0].startswith("uvicorn 0.")
    assert found[0].endswith(f"last seen in {SEEN['uvicorn']}, used by shared/x.py")


@pytest.mark.parametrize("package", SEEN)
def test_a_package_whose_private_api_is_used_is_bounded_to_the_minor_version_that_was_seen(package: str) -> None:
    major, minor = map(int, SEEN[package].split("."))
    above = f"{major}.{minor + 1}"
    requirements = [requirement for requirement in _requirements() if requirement.name == package]
    assert requirements
    for requirement in requirements:
        assert requirement.specifier.contains(Version(f"{major}.{minor}.999"))
        assert not requirement.specifier.contains(Version(above)), (
            f"bound {requirement} to <{above}: see private_apis.py"
        )


def test_every_package_of_the_list_has_a_version_in_which_it_was_seen() -> None:
    assert {use.package for use in USES} == set(SEEN)


def test_every_private_name_that_our_code_reads_is_ours_or_listed() -> None:
    known = {name for use in USES for name in use.members} | STANDARD
    used: list[tuple[str, str]] = []
    for path in _sources():  # one tree at a time: all of them are millions of objects
        tree = ast.parse(path.read_text())
        known.update(_defined(tree))
        used += [(name, f"{path.relative_to(ROOT)}:{line}: {name}") for line, name in _private_names(tree)]
    found = {place for name, place in used if name not in known}
    assert not found, f"Add to private_apis.py, and bound the package: {sorted(found)}"


def _requirements() -> Iterator[Requirement]:
    for path in PROJECTS:
        project = tomllib.loads(path.read_text())["project"]
        for lines in (project["dependencies"], *project.get("optional-dependencies", {}).values()):
            yield from map(Requirement, lines)


def _sources() -> Iterator[Path]:
    for folder in ("shared/src", "cli/src", "benchmarks", *(str(each) for each in ROOT.glob("services/*/src"))):
        yield from (ROOT / folder).rglob("*.py")


def _defined(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.name
            case ast.Name(ctx=ast.Store()):
                yield node.id
            case ast.Attribute(value=ast.Name(id="self"), ctx=ast.Store()):
                yield node.attr


def _private_names(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(lineno=line, attr=name):
                names = [name]
            case ast.Import(lineno=line, names=aliases):
                names = [part for alias in aliases for part in alias.name.split(".")]
            case ast.ImportFrom(lineno=line, module=module, names=aliases):
                names = [*(module or "").split("."), *(alias.name for alias in aliases)]
            case _:
                continue
        yield from ((line, name) for name in names if name.startswith("_") and not name.startswith("__"))
