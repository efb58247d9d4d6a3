"""Deliberate mistakes in workflow files: `flowport validate` names each once, with its line and its fix."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.command_line import CommandLine

DATA = Path(__file__).parent / "data"
CORRECT = {name: (DATA / f"{name}.yaml").read_text() for name in ("order-desk", "review")}
CHANGES: list[dict[str, Any]] = yaml.load((DATA / "correct.yaml").read_text(), yaml.CSafeLoader)
MISTAKES: list[dict[str, Any]] = yaml.load((DATA / "mistakes.yaml").read_text(), yaml.CSafeLoader)


@pytest.fixture(scope="module")
def problems(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[int, str]]]:
    """Line and message of each problem, by the name of its file: the correct files, and one for each mistake."""
    folder = tmp_path_factory.mktemp("files")
    texts = {
        case.get("mistake") or case["change"]: CORRECT[case["file"]].replace(case["replace"], case["by"], 1)
        for case in (*MISTAKES, *CHANGES)
    }
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


@pytest.mark.parametrize("case", CHANGES, ids=[case["change"] for case in CHANGES])
def test_a_correct_change_has_no_problem(problems: dict[str, list[tuple[int, str]]], case: dict[str, Any]) -> None:
    assert case["replace"] in CORRECT[case["file"]]
    assert problems[case["change"]] == []


@pytest.mark.parametrize("case", MISTAKES, ids=[case["mistake"] for case in MISTAKES])
def test_a_mistake_is_named_once_with_its_line_and_its_fix(
    problems: dict[str, list[tuple[int, str]]], case: dict[str, Any]
) -> None:
    assert case["replace"] in CORRECT[case["file"]]
    assert problems[case["mistake"]] == [(case["line"], case["message"])]


CLASSIFY: dict[str, Any] = json.loads((Path(__file__).parents[3] / "examples" / "classify-support.json").read_text())


ROUTE = next(key for key, block in CLASSIFY["state"]["blocks"].items() if block["name"] == "Route")


def classify(block: dict[str, Any] | None = None, **state: Any) -> str:
    """Return an exported workflow as JSON, with other keys of its function block or its state."""
    found = json.loads(json.dumps(CLASSIFY))
    found["state"].update(state)
    function = next(each for each in found["state"]["blocks"].values() if each["name"] == "Classify")
    function.update(block or {})
    return json.dumps(found, indent=2)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (
            classify(edges=[*CLASSIFY["state"]["edges"], {**CLASSIFY["state"]["edges"][0], "id": "again"}]),
            204,
            'Start: the edge to "Classify" is there twice. Remove one.',
        ),
        (
            classify().replace(f'"target": "{ROUTE}"', '"target": "route"', 1),
            176,
            f'no block has the id "route". Did you mean "Route", with the id "{ROUTE}"?',
        ),
    ],
)
def test_a_mistake_in_a_json_file_is_named_once_with_its_line(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    file = tmp_path / "workflow.json"
    file.write_text(text)
    (found,) = CommandLine({})("validate", str(file), "--json").json
    assert (found["line"], message in found["message"]) == (line, True), found


@pytest.mark.parametrize(
    ("right", "wrong", "message"),
    [
        ("retry: {maxTries: 3, waitBetweenTriesMs: 500}", "retry: 3", "Classify: retry must be a mapping with"),
        ("- else if:", "- elif:", 'Route: "elif" is not a key of a branch'),
        ("on_error: Failed", "onError: Failed", 'Classify: function blocks have no key "onError"'),
    ],
)
def test_a_mistake_of_the_file_names_its_block(tmp_path: Path, right: str, wrong: str, message: str) -> None:
    file = tmp_path / "workflow.yaml"
    file.write_text(CORRECT["order-desk"].replace(right, wrong, 1))
    assert f": {message}" in CommandLine({})("validate", str(file)).err


def test_a_mistake_in_a_reference_names_the_setting_that_has_it(tmp_path: Path) -> None:
    file = tmp_path / "workflow.yaml"
    file.write_text(CORRECT["order-desk"].replace("<lookup.data>", "<request.data>", 1))
    assert ": Found: <request.data> in data matches no block." in CommandLine({})("validate", str(file)).err


def test_a_json_file_may_begin_with_a_byte_order_mark_and_escape_characters_in_pairs(tmp_path: Path) -> None:
    file = tmp_path / "workflow.json"
    file.write_text("\ufeff" + classify().replace('"Classify support"', '"Classify \\ud83d\\ude00"'))
    assert CommandLine({})("validate", str(file)).code == 0


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ('{"a": 1,}', "Remove the comma"),
        ('{"a": [1,]}', "Remove the comma"),
        ("{'a': 1}", "Write names and texts in double quotes"),
        ("{a: 1}", "Write names and texts in double quotes"),
        ('{"a": True}', "Write texts in double quotes; other values are numbers, true, false and null"),
        ('{"a": 1} // why', "JSON has no comments: remove it"),
        ('{"a": {"b": 1}', "The text ends too early: close what is open, with a quote, } or ]"),
        ('{"a": 1 "b": 2}', "Put a comma between two entries"),
        ('{"a" 1}', "Put a colon between a name and its value"),
        ('{"a": 1}{}', "Remove what follows the end of the JSON"),
        ('{"a": "C:\\docs"}', "Write \\\\ for \\"),
        ('{"a": "b\nc"}', "Write a line break as \\n"),
        ('{"a": NaN}', "Write a finite number, or null"),
    ],
)
def test_a_syntax_error_of_json_has_a_fix(tmp_path: Path, text: str, fix: str) -> None:
    file = tmp_path / "workflow.json"
    file.write_text(text)
    (found,) = CommandLine({})("validate", str(file), "--json").json
    assert found["message"].startswith("Invalid JSON: ")
    assert fix in found["message"]
