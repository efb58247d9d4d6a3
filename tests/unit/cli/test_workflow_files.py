"""Workflow files at the command line, without a server."""

import json
import re
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine

from flowport.workflow_files import message_of, read_source
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.files.formatter import format_file
from shared.workflow.validate.validator import problems

ROOT = Path(__file__).parents[3]
TEMPLATES = ("agent", "branches", "approval")


@pytest.fixture
def flowport() -> CommandLine:
    return CommandLine({})


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_new_file_is_valid_and_formatted(flowport: CommandLine, template: str, tmp_path: Path) -> None:
    file = tmp_path / "my-first.yaml"
    made = flowport("init", str(file), "--template", template)
    assert (made.code, made.out) == (0, ""), made.err
    assert "name: My first\n" in file.read_text()
    assert flowport("validate", str(file)).code == 0
    assert flowport("fmt", "--check", str(file)).code == 0
    again = flowport("init", str(file))
    assert again.code == 1
    assert "--force" in again.err
    assert flowport("init", str(file), "--force").code == 0
    assert flowport("init", str(file), "--template", "nonsense").code == 2


def test_mistakes_are_listed_with_line_fix_and_the_name_that_accepts_them(
    flowport: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "support.yaml"
    flowport("init", str(file), "--template", "branches")
    file.write_text(file.read_text().replace("status: 202", "status: banana").replace("model:", "modle:"))
    found = flowport("validate", str(file))
    assert found.code == 1
    assert f'{file}:28: Escalate: status must be an integer from 100 to 599, not "banana".' in found.err
    assert '[--accept "invalid_setting:Escalate"]' in found.err
    assert 'Did you mean "model"?' in found.err
    (row,) = [each for each in flowport("validate", str(file), "--json").json if each["block"] == "Escalate"]
    assert (row["code"], row["field"], row["line"]) == ("invalid_setting", "status", 28)
    left = flowport("validate", str(file), "--accept", "invalid_setting:Escalate", "--json").json
    assert {each["block"] for each in left} == {"Answer"}


def test_json_exports_are_checked_too(flowport: CommandLine) -> None:
    files = [str(file) for file in sorted((ROOT / "examples").glob("*.json"))]
    assert flowport("validate", *files).code == 0


def test_a_problem_of_a_json_file_has_its_line(flowport: CommandLine, tmp_path: Path) -> None:
    text = json.dumps(json.loads((ROOT / "examples" / "summarise.json").read_text()), indent=2)
    file = tmp_path / "x.json"
    file.write_text(text.replace('"model"', '"modle"'))
    rows = flowport("validate", str(file), "--json").json
    (row,) = [each for each in rows if each["field"] == "modle"]
    assert text.splitlines()[row["line"] - 1].strip().startswith('"model": {')
    assert f"{file}:{row['line']}: " in flowport("validate", str(file)).err


@pytest.mark.parametrize("first", ["name: J, ", "'nam': J, "])
def test_a_yaml_file_in_flow_style_is_not_taken_for_json(flowport: CommandLine, tmp_path: Path, first: str) -> None:
    file = tmp_path / "short.yaml"
    file.write_text(f"{{{first}blocks: {{Start: {{type: start}}, R: {{type: response, data: {{a: 1}}}}}}}}")
    found = flowport("validate", str(file))
    is_correct = first.startswith("name")
    assert (found.code, "Did you mean" in found.err) == ((0, False) if is_correct else (1, True)), found.err
    assert "JSON" not in found.err


def test_a_file_is_formatted_in_place_or_from_standard_input(flowport: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    untidy = "blocks:\n    Start: {inputs: {q: string}, type: start} # first\n"
    file.write_text(untidy)
    for checked in (flowport("fmt", "--check", str(file)), flowport("fmt", "--check", "-", stdin=untidy)):
        assert (checked.code, checked.out) == (1, "")
    assert file.read_text() == untidy
    assert flowport("fmt", str(file)).code == 0
    assert file.read_text() == format_file(untidy) == flowport("fmt", "-", stdin=untidy).out
    assert "# first" in file.read_text()


def test_the_schema_is_the_one_that_is_shipped(flowport: CommandLine) -> None:
    printed = flowport("schema")
    assert printed.code == 0
    assert printed.json == json.loads((ROOT / "docs" / "workflow.schema.json").read_text())


def test_a_file_that_is_not_utf_8_is_named_with_its_line_beside_the_others(
    flowport: CommandLine, tmp_path: Path
) -> None:
    latin, good = tmp_path / "a.yaml", tmp_path / "b.yaml"
    latin.write_bytes(b"name: A\ndescription: f\xfcr Werk\n")
    flowport("init", str(good))
    found = flowport("validate", str(latin), str(good))
    assert found.code == 1
    assert f"{latin}:2: not valid UTF-8" in found.err
    assert f"valid  {good}" in found.err
    (row,) = flowport("validate", str(latin), str(good), "--json").json
    assert (row["file"], row["severity"]) == (str(latin), "error")


def test_missing_settings_are_named_with_their_keys(flowport: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(
        "blocks:\n  S: {type: start}\n  A: {type: agent, messages: Hi}\n  M: {type: memory, role: user, content: Hi}\n"
    )
    found = flowport("validate", str(file)).err
    assert "A is missing required fields: Model. Set model" in found
    assert "M is missing required fields: Conversation ID. Set settings: {id}" in found


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("gpt-5-mini", "OPENAI_API_KEY"),
        ("gemini-2.5-pro", "GEMINI_API_KEY"),
        ("azure/gpt-5", "AZURE_OPENAI_API_KEY"),
        ("openrouter/x/y", "OPENROUTER_API_KEY"),
    ],
)
def test_a_missing_key_of_a_provider_is_named_with_the_servers_setting_and_a_secret(
    tmp_path: Path, model: str, name: str
) -> None:
    file = tmp_path / "x.yaml"
    file.write_text(f"blocks:\n  S: {{type: start}}\n  A: {{type: agent, messages: Hi, model: {model}}}\n")
    source = read_source(file)
    (problem,) = problems(compile_workflow(source.state))
    fix = f'Set {name} on the server, or apiKey: "{{{{{name}}}}}", which is a secret of the workspace'
    assert message_of(source, problem) == f"A is missing required fields: API Key. {fix}"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"name": "Agent 1"', '"name": "Agent 1", "name": "Other"', "Duplicate key: name"),
        ('"target": ', '"to": ', "Edge at index 0 missing required field: target"),
    ],
)
def test_a_mistake_in_the_structure_of_a_json_file_has_its_line(
    flowport: CommandLine, tmp_path: Path, old: str, new: str, message: str
) -> None:
    text = json.dumps(json.loads((ROOT / "examples" / "summarise.json").read_text()), indent=2)
    file = tmp_path / "x.json"
    file.write_text(text.replace(old, new, 1))
    (line,) = [each for each in flowport("validate", str(file)).err.splitlines() if message in each]
    assert re.search(r"line \d+: |x\.json:\d+: ", line), line


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_numbers_that_json_does_not_have_are_refused(flowport: CommandLine, tmp_path: Path, number: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(json.dumps({"blocks": {}, "edges": [], "x": 0}).replace("0", number))
    assert f"{number} is no number of JSON" in flowport("validate", str(file)).err


def test_an_empty_json_file_is_named_as_such(flowport: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    file.write_text("\n")
    assert "the file is empty" in flowport("validate", str(file)).err
