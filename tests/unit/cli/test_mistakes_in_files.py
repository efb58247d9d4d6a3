"""Deliberate mistakes in workflow files: `flowport validate` names each once, with its line and its fix."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.command_line import CommandLine

DATA = Path(__file__).parent / "data"
CORRECT = {name: (DATA / f"{name}.yaml").read_text() for name in ("order-desk", "review")}
MISTAKES: list[dict[str, Any]] = yaml.safe_load((DATA / "mistakes.yaml").read_text())


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[int, str]]]:
    """Line and message of each problem, by the name of its file: the correct files, and one for each mistake."""
    folder = tmp_path_factory.mktemp("files")
    texts = {case["mistake"]: CORRECT[case["file"]].replace(case["replace"], case["by"], 1) for case in MISTAKES}
    files = {folder / f"{number}.yaml": name for number, name in enumerate([*CORRECT, *texts])}
    for file, name in files.items():
        file.write_text({**CORRECT, **texts}[name])
    found: dict[str, list[tuple[int, str]]] = {name: [] for name in files.values()}
    for row in CommandLine({})("validate", *map(str, files), "--json").json:
        found[files[Path(row["file"])]].append((row.get("line"), row["message"]))
    return found


@pytest.mark.parametrize("name", CORRECT)
def test_a_correct_file_has_no_problem(problems: dict[str, list[tuple[int, str]]], name: str) -> None:
    assert problems[name] == []


@pytest.mark.parametrize("case", MISTAKES, ids=[case["mistake"] for case in MISTAKES])
def test_a_mistake_is_named_once_with_its_line_and_its_fix(
    problems: dict[str, list[tuple[int, str]]], case: dict[str, Any]
) -> None:
    assert case["replace"] in CORRECT[case["file"]]
    assert problems[case["mistake"]] == [(case["line"], case["message"])]
