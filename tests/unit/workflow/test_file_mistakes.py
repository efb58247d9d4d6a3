"""What workflow files refuse: wrong forms by the JSON Schema, hostile sizes, and code outside of their folder."""

import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from shared.errors import InvalidWorkflow
from shared.workflow.catalog import Catalog
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.files.formatter import format_file
from shared.workflow.files.reader import read_file
from shared.workflow.files.workflow_file import WorkflowFile
from shared.workflow.files.writer import write_file
from shared.workflow.files.yaml_text import MAX_BYTES
from shared.workflow.transfer.importer import read_import, read_yaml_import
from shared.workflow.validate.validator import problems

CATALOG = Catalog()
DATA = Path(__file__).parents[1] / "cli" / "data"
START = "blocks:\n  S:\n    type: start\n"
FUNCTION = "blocks:\n  F:\n    type: function\n    code: {file: PATH}\n"


def read(text: str, folder: Path | None = None) -> WorkflowFile:
    return read_file(text, catalog=CATALOG, folder=folder)


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("- 1", 1, None, "A workflow file is a mapping"),
        ("name: x", 1, None, "The file has no blocks."),
        ("blocs: {}", 1, 1, '"blocs" is not a key of a workflow file. Did you mean "blocks"?'),
        ("name: [a]\nblocks: {S: {type: start}}", 1, 1, "name must be a text."),
        ("name: ''\nblocks: {S: {type: start}}", 1, 1, "name is empty."),
        ('name: "a\\u0007"\nblocks: {S: {type: start}}', 1, 1, "name has control characters or line breaks."),
        ("blocks: {S: {type: start}}\nvariables: [a]", 2, 1, "variables must be a mapping of names to values."),
        ("blocks: {S: {type: start}}\nedges:\n  - {from: S}", 3, 5, "{from: NAME, to: NAME}."),
        ("blocks: {S: {type: start}}\nedgeIds:\n  e1: S", 3, 3, "e1 must be a list, [from, to]"),
        ("blocks:\n  S: {id: x}", 2, 3, 'Block "S" has no type.'),
        ("blocks:\n  S: start", 2, 3, 'Block "S" must be a mapping with the key type'),
        (f"{START}    nxt: []", 4, 5, 'start_trigger blocks have no key "nxt". Did you mean "next"?'),
        (f"{START}    layout: 3", 4, 5, "layout must be [x, y]"),
        (f"{START}    layout: [1, 2, 3]", 4, 5, "layout must be [x, y] or [x, y, width, height]."),
        (f"{START}    enabled: flase", 4, 5, "enabled must be true or false."),
        (f"{START}    inputs: [a]", 4, 5, "inputs must be a mapping of names to types."),
        (f"{START}    settings: [a]", 4, 5, "settings must be a mapping of names to values."),
        (f"{START}    next: T", 4, 5, 'next names "T", but no block has this name.'),
        (f"{START}    next: Clas\n  Class: {{type: wait}}", 4, 5, 'Did you mean "Class"?'),
        (f"{START}    next: {{to: S}}", 4, 5, "next must be the name of a block, or a list of names."),
        (
            f"{START}  s:\n    type: note\n    id: 5\n  T: {{type: note, id: 5}}",
            7,
            3,
            "id of another block: 5.",
        ),
        ("blocks:\n  F: {type: function, retry: 3}", 2, 23, "retry must be a mapping with maxTries"),
        ("blocks:\n  F: {type: function, retry: {tries: 3}}", 2, 31, '"tries" is not a key of retry.'),
        ("blocks:\n  F: {type: function, branches: []}", 2, 23, 'function blocks have no key "branches".'),
        ("blocks:\n  P: {type: parallel, while: x}", 2, 23, "Use one of: next, blocks, count, collection, batchSize."),
        ("blocks:\n  C:\n    type: condition\n    next: C", 4, 5, '"C" is a condition: write next in its branches.'),
        ("blocks:\n  C:\n    type: condition\n    branches: {if: x}", 4, 5, "branches must be a list"),
        ("blocks:\n  C:\n    type: condition\n    branches:\n      - {iff: x}", 5, 10, 'Did you mean "if"?'),
        ("blocks:\n  C:\n    type: condition\n    branches:\n      - {next: C}", 5, 9, "one of if, else if and else"),
        (
            "blocks:\n  C:\n    type: condition\n    branches:\n      - if: x\n        else: C",
            5,
            9,
            "one of if, else if",
        ),
        ("blocks:\n  C:\n    type: condition\n    branches:\n      - if: x\n      - if: y", 6, 9, "like one above it."),
        ("blocks:\n  A:\n    type: agent\n    model: a\n    settings: {model: b}", 5, 16, '"model" is written twice'),
        ("blocks:\n  S: {type: start}\n  S: {type: start}", 3, 3, '"S" is written twice.'),
        ("blocks:\n  S: {type: [1}", 2, 13, "Invalid YAML: expected ',' or ']'"),
        ("blocks:\n  F:\n    code: a: b", 3, 12, "Quote a text that contains"),
        ("blocks:\n\tF: {type: function}", 2, 1, "Indent with spaces, not with tabs."),
        (f"{START}    enabled true\n    next: []", 4, 5, "Write a key, a colon and a space."),
        (f'{START}    name: "a\n    id: \\d\n', 4, 11, "Within double quotes, write"),
        (f'{START}    name: "a\0"', 4, 13, "special characters are not allowed"),
        ("a: 1\n---\nb: 1", 2, 1, "A file has one workflow: remove the second document."),
        ("blocks:\n  S: {[a]: 1}", 2, 7, "A key must be a text."),
        ("blocks:\n  S: &a {type: start}\n  T: *a", 2, 6, "Anchors and aliases are not supported."),
        ("blocks:\n  C:\n    if: !<start.urgent>", 3, 9, 'Quote a text that begins with "!"'),
        ("blocks:\n  S: !!python/object:os.system {type: start}", 2, 6, "is not supported."),
        (f"{START}    name: !!binary aGk=", 4, 11, "is not supported."),
    ],
)
def test_a_mistake_is_named_with_line_and_column(text: str, line: int, column: int | None, message: str) -> None:
    found = read(text)
    assert [(each.line, each.column) for each in found.problems if message in each.message] == [(line, column)]
    assert found.state["blocks"] == {}
    with pytest.raises(InvalidWorkflow, match=f"line {line}: "):
        read_yaml_import(text)


def test_all_mistakes_in_the_form_of_a_file_are_listed_at_once() -> None:
    text = "bloks: 1\nblocks:\n  S: {type: start, nxt: X, layout: 1}\n  T: {}"
    assert len(read(text).problems) == 4


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{a: " * 100_000,
        "a: [\n" * 50_000,
        "- " * 100_000,
        "x" * 600_000,
        "a: [" + "1," * 70_000 + "1]",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nblocks: *c",
        "<<: {a: 1}\nblocks: &x {y: *x}",
        "blocks:\n" + "".join(f"  B{number}: {{type: note}}\n" for number in range(2_001)),
        "? " * 50_000,
        "%TAG ! tag:x,2000:\n---\n!a b: 1",
        "blocks: {S: {type: start, next: " + "[" * 90 + "]" * 90 + "}}",
    ],
    ids=lambda text: text[:16],
)
def test_a_hostile_file_is_refused_soon(text: str) -> None:
    began = time.process_time()
    assert read(text).problems
    assert time.process_time() - began < 10


@pytest.mark.parametrize(
    "name", ["\U0001f469\u200d\U0001f4bb Support", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "Order\u00a07"]
)
def test_names_in_any_language_are_valid(name: str) -> None:
    assert read(f'name: "{name}"\nblocks: {{S: {{type: start}}}}').problems == []


def test_an_expression_of_a_loop_has_its_line() -> None:
    found = read(
        "blocks:\n  Start: {type: start}\n  L:\n    type: loop\n    while: 1 +\n"
        "    blocks:\n      F: {type: function, code: return 1}\n"
    )
    (problem,) = problems(compile_workflow(found.state), catalog=CATALOG)
    assert (problem.code, found.line_of(problem)) == ("code_syntax", 5)


def test_edges_of_a_condition_without_a_handle_leave_from_its_branches_in_their_order() -> None:
    branches = "{type: condition, branches: [{if: x, id: a}, {else: , id: b}]}"
    text = f"blocks:\n  C: {branches}\n  R: {{type: response}}\nedges:\n  - {{from: C, to: R}}\n"
    assert read(text).problems == []


def test_inputs_of_an_unknown_type_of_block_are_not_reported() -> None:
    assert read("blocks:\n  S: {type: gmail_poller, inputs: {a: string}}").problems == []


def test_keys_with_a_wrong_indentation_are_not_sent() -> None:
    found = read("blocks:\n  Call:\n    type: api\n    url: https://a.example\n    params:\n    note: internal")
    assert setting(found, "params") is None
    unknown = [each.fields for each in problems(compile_workflow(found.state)) if each.code == "unknown_setting"]
    assert unknown == [("note",)]


def test_many_wrong_references_to_a_loop_of_many_functions_are_checked_in_linear_time() -> None:
    code = "".join(f"const a{number} = <loop.index> * {number}; " for number in range(20))
    functions = "".join(
        f'      F{number}:\n        type: function\n        code: "{code}return {{ v{number}: 1 }}"\n'
        for number in range(70)
    )
    loop = f"  Each:\n    type: loop\n    count: 2\n    blocks:\n{functions}"
    data = "".join(f"      k{number}: <each.total{number}>\n" for number in range(200))
    reply = f"  Reply:\n    type: response\n    data:\n{data}"
    workflow = compile_workflow(read(f"blocks:\n  Start:\n    type: start\n{loop}{reply}").state)
    began = time.process_time()
    assert len(problems(workflow)) == 200
    assert time.process_time() - began < 5


# Code in files of its own


def setting(found: WorkflowFile, key: str) -> Any:
    """Return the value of a setting of a file's only block."""
    blocks: Any = found.state["blocks"]
    (block,) = blocks.values()
    return block["subBlocks"][key]["value"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with code, beside another one that a workflow file must not read."""
    inside = tmp_path / "workflows"
    (inside / "code").mkdir(parents=True)
    (inside / "code" / "price.js").write_text("return <start.amount> * 2;\n")
    (inside / "large.js").write_text("x" * (MAX_BYTES + 1))
    (inside / "latin.js").write_bytes(b"return '\xfc'")
    (tmp_path / "secret.js").write_text("secret")
    (inside / "link.js").symlink_to(tmp_path / "secret.js")
    (inside / "up").symlink_to(tmp_path)
    (inside / "near.js").symlink_to(inside / "code" / "price.js")
    return inside


@pytest.mark.parametrize("path", ["code/price.js", "./code/price.js", "near.js"])
def test_code_is_read_from_the_folder_of_the_workflow_file(folder: Path, path: str) -> None:
    found = read(FUNCTION.replace("PATH", path), folder)
    assert setting(found, "code") == "return <start.amount> * 2;\n"
    assert found.code_files == {("blocks", "F", "code"): path}


def test_the_code_of_a_tool_is_read_from_a_file(folder: Path) -> None:
    tool = "{type: custom-tool, title: t, code: {file: code/price.js}}"
    found = read(f"blocks:\n  A:\n    type: agent\n    tools: [{tool}]\n", folder)
    assert setting(found, "tools")[0]["code"] == "return <start.amount> * 2;\n"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("../secret.js", "must be a path inside the folder"),
        ("code/../../secret.js", "must be a path inside the folder"),
        ("/etc/passwd", "must be a path inside the folder"),
        ("..\\secret.js", "must be a path inside the folder"),
        ("[a]", "must be a path inside the folder"),
        ("link.js", 'has no file "link.js"'),
        ("up/secret.js", 'has no file "up/secret.js"'),
        ("missing.js", 'has no file "missing.js"'),
        ("code", 'has no file "code"'),
        ('"a\\0b"', "null"),
        ("large.js", "more than 500,000 bytes"),
        ("latin.js", "utf-8"),
    ],
)
def test_code_outside_of_the_folder_is_refused(folder: Path, path: str, message: str) -> None:
    (problem,) = read(FUNCTION.replace("PATH", path), folder).problems
    assert message in problem.message
    assert (problem.line, problem.block_name) == (4, "F")


def test_all_code_files_together_are_bounded(folder: Path) -> None:
    (folder / "half.js").write_text("x" * (MAX_BYTES // 2 + 1))
    blocks = "".join(f"  F{number}: {{type: function, code: {{file: half.js}}}}\n" for number in range(2))
    (problem,) = read(f"blocks:\n{blocks}", folder).problems
    assert "more than 500,000 bytes" in problem.message


def test_a_server_reads_no_files() -> None:
    with pytest.raises(InvalidWorkflow, match="only where the workflow file is"):
        read_import(FUNCTION.replace("PATH", "/etc/passwd"))


# Round trips

CORRECT: list[dict[str, Any]] = yaml.safe_load((DATA / "correct.yaml").read_text())
TEXTS = {name: (DATA / f"{name}.yaml").read_text() for name in ("order-desk", "review")}


@pytest.mark.parametrize("case", CORRECT, ids=[case["change"] for case in CORRECT])
def test_a_correct_file_survives_formatting_and_export(case: dict[str, Any]) -> None:
    text = TEXTS[case["file"]].replace(case["replace"], case["by"], 1)
    stored = read(text).state
    canonical = format_file(text, catalog=CATALOG)
    assert read(canonical).state == stored
    assert format_file(canonical, catalog=CATALOG) == canonical
    exported = write_file(stored, catalog=CATALOG)
    again = read(exported)
    assert again.problems == []
    assert write_file(again.state, catalog=CATALOG) == exported
