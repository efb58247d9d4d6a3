"""Mistakes in workflow files: each is named with its line."""

import time

import pytest

from shared.errors import InvalidWorkflow
from shared.workflow.catalog import Catalog
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.files.reader import read_file
from shared.workflow.files.workflow_file import WorkflowFile
from shared.workflow.transfer.importer import read_yaml_import
from shared.workflow.validate.validator import problems

CATALOG = Catalog()


def read(text: str) -> WorkflowFile:
    return read_file(text, catalog=CATALOG)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("blocks:\n  S: {type: start, nxt: []}", 2, 'Block "S" has the unknown key "nxt". Did you mean "next"?'),
        (
            "blocks:\n  S:\n    type: start\n    next: Clas\n  Class: {type: function}",
            4,
            'Did you mean "Class"?',
        ),
        ("blocs: {}", 1, 'Did you mean "blocks"?'),
        ("blocks:\n  S: {id: x}", 2, 'Block "S" has no type.'),
        ("blocks:\n  S: {type: start}\n  S: {type: start}", 3, '"S" is written twice.'),
        ('blocks:\n  S:\n    x: [1, {"<start.text": 1}]\n    x: []', 4, '"x" is written twice.'),
        ("blocks:\n  C:\n    type: condition\n    branches: {if: x}", 4, "branches must be a list"),
        ("blocks:\n  C:\n    type: condition\n    branches:\n      - {iff: x}", 5, 'Did you mean "if"?'),
        ("blocks:\n  C:\n    type: condition\n    branches:\n      - {elif: x}", 5, 'Did you mean "else if"?'),
        ("blocks:\n  C:\n    type: condition\n    branches:\n      - {next: C}", 5, "branch 1 has no if, else if or"),
        ("blocks:\n  C:\n    type: condition\n    branches:\n      - if: x\n        else: C", 5, "one branch for each"),
        (
            "blocks:\n  C:\n    type: condition\n    branches:\n      - if: x\n      - if: y",
            6,
            'branch 2 is another "if". Did you mean "else if"?',
        ),
        ("blocks:\n  F: {type: function, branches: []}", 2, "its type is function"),
        ("blocks: {S: {type: start}}\nedges:\n  - {from: S}", 3, "an edge needs from and to: {from: NAME, to: NAME}."),
        ("blocks: {S: {type: start}}\nedgeIds:\n  e1: S", 3, "an edge id needs [from, to]"),
        ("blocks:\n  S: {type: [1}", 2, "Invalid YAML"),
        ("blocks:\n  F:\n    code: a: b", 3, "Quote a text that contains"),
        ("blocks:\n\tF: {type: function}", 2, "Indent with spaces"),
        ("blocks:\n  S:\n    type: start\n    enabled true\n    next: []", 4, "Write a key, a colon and a space"),
        ('blocks:\n  S:\n    type: start\n    name: "a\n    id: \\d\n', 4, "Close the quote that begins here"),
        ("blocks:\n  S:\n    type: start\n    next: [\n  T:\n    type: note", 4, "Close what begins here"),
        ('blocks:\n  S:\n    type: start\n    name: "a\0"', 4, "control characters are not allowed"),
        ("blocks:\n  S: {type: start}\nR: {type: response}", 3, "Is it a block? Indent it like the others under"),
        (
            "blocks:\n  S:\n    type: start\n    R:\n      type: response\n      status: 200",
            4,
            '"R" is inside of "S". Is it a block? Give it the same indentation.',
        ),
        ("blocks:\n  C:\n    type: condition\n    next: C", 4, '"C" is a condition: write next in its branches.'),
        (
            "blocks:\n  A:\n    type: agent\n    model: a\n    settings: {model: b}",
            5,
            '"model" is written twice: at the block and under settings.',
        ),
        ("blocks:\n  S:\n    type: start\n    inputs:\n      '': string", 5, "an input has no name."),
        ("name: [a]\nblocks: {S: {type: start}}", 1, "name must be a text."),
        ("name: ''\nblocks: {S: {type: start}}", 1, "name is empty."),
        ('name: "a\\u0007"\nblocks: {S: {type: start}}', 1, "name has control characters or line breaks."),
        ("- 1", 1, "A workflow file is a mapping"),
        ("```yaml\nblocks:\n  S: {type: start}\n```", 1, "Remove the ``` lines."),
        ("blocks:\n  S:\n    type: start\n```\n", 4, "Remove the ``` lines."),
        ("blocks:\n  S:\n    type:start\n    next: []", 3, 'write a space after "type:".'),
        ("blocks:\n  S:\n    type:start", 2, 'Block "S" has no type, because "type:" has no space after it. Add one.'),
        ("blocks:\n  S: &a {type: start}\n  T: *a", 2, "Anchors and aliases are not supported."),
        ("blocks:\n  C:\n    if: !<start.urgent>", 3, 'Quote a text that begins with "!"'),
        ("blocks:\n  S: !!python/object:os.system {type: start}", 2, "is not supported."),
        ("blocks: {S: {type: start, layout: 3}}", 1, "layout must be [x, y]"),
        ("name: x", 1, "The file has no blocks."),
    ],
)
def test_a_mistake_in_a_file_is_named_with_its_line(text: str, line: int, message: str) -> None:
    found = read(text).problems
    assert any(problem.line == line and message in problem.message for problem in found), found
    with pytest.raises(InvalidWorkflow, match=f"line {line}: "):
        read_yaml_import(text)


@pytest.mark.parametrize(
    ("kind", "given", "message"),
    [
        ("start", "enabled: flase", "enabled must be true or false"),
        ("function", "retry: {tries: 3}", 'retry has no "tries". Did you mean "maxTries"?'),
        ("function", "retry: {maxTries: 9}", "maxTries must be a number from 2 to 5"),
        ("start", "retry: {maxTries: 3}", "retry has no effect"),
        ("start", "inputs: {q: {typ: string}}", 'the input "q" has no "typ". Did you mean "type"?'),
    ],
)
def test_what_a_file_says_without_effect_is_a_warning_with_its_line(kind: str, given: str, message: str) -> None:
    found = read(f"blocks:\n  S:\n    type: {kind}\n    {given}")
    assert found.problems == []
    (warned,) = found.warnings
    assert (warned.line, warned.block_name) == (4, "S")
    assert message in warned.message


def test_edges_of_a_condition_without_a_handle_leave_from_its_branches_in_their_order() -> None:
    branches = "{type: condition, branches: [{if: x, id: a}, {else: , id: b}]}"
    text = f"blocks:\n  C: {branches}\n  R: {{type: response}}\nedges:\n  - {{from: C, to: R}}\n"
    assert read(text).warnings == []


@pytest.mark.parametrize("tools", ["search", "{type: mcp}", "[search]", "[{title: x}]"])
def test_tools_are_a_list_of_mappings_with_a_type(tools: str) -> None:
    (problem,) = read(f"blocks:\n  A:\n    type: agent\n    tools: {tools}").problems
    assert problem.line == 4
    assert "with a type" in problem.message


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("type: loop, count: 3, collection: <start.l>", "count has no effect beside collection"),
        ("type: loop, while: x, do_while: y", "do_while has no effect beside while"),
        ("type: parallel, collection: <start.l>, count: 2", "count has no effect beside collection"),
    ],
)
def test_a_container_has_one_kind(given: str, message: str) -> None:
    (warned,) = read(f"blocks:\n  L: {{{given}}}").warnings
    assert (warned.line, warned.block_name) == (2, "L")
    assert message in warned.message


def test_an_expression_of_a_loop_has_its_line() -> None:
    text = (
        "blocks:\n  Start: {type: start}\n  L:\n    type: loop\n    while: 1 +\n"
        "    blocks:\n      F: {type: function, code: return 1}\n"
    )
    found = read(text)
    (problem,) = problems(compile_workflow(found.state), catalog=CATALOG)
    assert (problem.code, found.line_of(problem)) == ("code_syntax", 5)


def test_the_warning_for_an_unknown_loop_setting_lists_the_known_ones() -> None:
    (warned,) = read("blocks:\n  P: {type: parallel, while: x}").warnings
    assert warned.message.endswith("Use one of: count, collection, batchSize, blocks.")


def test_a_misspelled_name_is_a_mistake_beside_a_block_that_is_written_twice() -> None:
    text = "blocks:\n  S: {type: start, next: [Clas, Failed]}\n  Class: {type: function}\n  Class: {type: function}"
    assert [problem.message for problem in read(text).problems] == [
        '"Class" is written twice. Remove or rename one.',
        'next names "Clas", but no block has this name. Did you mean "Class"?',
    ]


def test_all_mistakes_of_a_file_are_listed_at_once() -> None:
    text = "bloks: 1\nblocks:\n  S: {type: start, next: X, layout: 1}\n  T: {}"
    assert len(read(text).problems) == 4


@pytest.mark.parametrize(
    "bomb", ["[" * 100_000, "{a: " * 100_000, "a: [\n" * 50_000, "x" * 600_000, "a: [" + "1," * 70_000 + "1]"]
)
def test_a_file_that_is_too_deep_or_large_is_refused(bomb: str) -> None:
    assert read(bomb).problems


def test_inputs_of_an_unknown_type_of_block_are_not_reported() -> None:
    found = read("blocks:\n  S: {type: gmail_poller, inputs: {a: string}}")
    assert [*found.problems, *found.warnings] == []


@pytest.mark.parametrize(
    "name", ["\U0001f469\u200d\U0001f4bb Support", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "Order\u00a07"]
)
def test_names_in_any_language_are_valid(name: str) -> None:
    assert read(f'name: "{name}"\nblocks: {{S: {{type: start}}}}').problems == []


def test_keys_with_a_wrong_indentation_are_not_sent() -> None:
    found = read("blocks:\n  Call:\n    type: api\n    url: https://a.example\n    params:\n    note: internal")
    (block,) = found.state["blocks"].values()  # type: ignore[union-attr]
    assert (set(block["subBlocks"]), len(found.warnings)) == ({"url", "params"}, 1)  # type: ignore[arg-type,call-overload,index]


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
