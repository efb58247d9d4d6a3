"""Mistakes that authors make often: `flowport validate`, or the deploy, names each with its fix."""

from pathlib import Path
from textwrap import indent
from typing import NamedTuple

import pytest
from tests.support.command_line import CommandLine

from deploy_service.domain.check import values_not_set
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.files.reader import read_file


class Mistake(NamedTuple):
    name: str
    blocks: str
    code: str
    line: int | None
    said: str


START = "Start:\n  type: start\n  inputs: {text: string, amount: number}\n"
"""The first lines below `blocks`: what follows begins in line 5."""
TOKEN = "gh" + "p_16C7e42F292c6912E7710c838347Ae178B4a"  # no real one
CHECK = "Check:\n  type: condition\n  branches:\n    - if: <start.amount> > 1\n"
MISTAKES = [
    Mistake(
        "misspelled block in a reference",
        f"{START}Run: {{type: function, code: return <strat.text>}}",
        "unknown_reference",
        5,
        'Run: <strat.text> in code matches no block. Did you mean "<start.text>"?',
    ),
    Mistake(
        "misspelled input in a reference",
        f"{START}Run: {{type: function, code: return <start.amonut>}}",
        "unknown_field",
        5,
        'Did you mean "<start.amount>"?',
    ),
    Mistake(
        "field that an API call does not have",
        f"{START}Call: {{type: api, url: 'https://x.test', method: GET}}\n"
        "Run: {type: function, code: return <call.body>}",
        "unknown_field",
        6,
        "Run: <call.body> in code",
    ),
    Mistake(
        "next names no block",
        f"{START}Run: {{type: function, code: return 1, next: Replay}}\nReply: {{type: response, data: {{a: 1}}}}",
        "invalid_file",
        5,
        'Did you mean "Reply"?',
    ),
    Mistake("no start", "Run: {type: function, code: return 1}", "no_start_block", 1, "Add a start block"),
    Mistake(
        "cycle in place of a loop",
        f"{START}Run: {{type: function, code: return 1}}\n{CHECK}      next: Run\n    - else: Reply\n"
        "Reply: {type: response, data: {a: 1}}",
        "cycle",
        9,
        'Remove the edge from "Check" to "Run". To repeat blocks, put them in a loop.',
    ),
    Mistake(
        "number in JSON with a comma",
        f"{START}Reply:\n  type: response\n  data: '{{\"total\": 1,5}}'",
        "invalid_setting",
        7,
        "Reply: data is not JSON",
    ),
    Mistake(
        "number that is a word",
        f"{START}Call: {{type: api, url: 'https://x.test', method: GET, timeout: ten}}",
        "invalid_setting",
        5,
        "Call: timeout must be",
    ),
    Mistake(
        "misspelled setting",
        f"{START}Call: {{type: api, url: 'https://x.test', methd: GET}}",
        "unknown_setting",
        5,
        'Did you mean "method"?',
    ),
    Mistake(
        "value that is not allowed",
        f"{START}Call: {{type: api, url: 'https://x.test', method: FETCH}}",
        "invalid_setting",
        5,
        "Use one of: GET, POST",
    ),
    Mistake(
        "brace that is not closed",
        f"{START}Run:\n  type: function\n  code: |\n    if (<start.amount> > 1) {{\n      return 1",
        "code_syntax",
        7,
        "Run: the JavaScript of code does not parse at line 2",
    ),
    Mistake(
        "wrong indentation of Python",
        f"{START}Run:\n  type: function\n  language: python\n  code: |\n    if <start.amount> > 1:\n    return 1",
        "code_syntax",
        8,
        "an indented block is missing",
    ),
    Mistake(
        "secret in clear",
        f"{START}Call: {{type: api, url: 'https://x.test', method: GET, headers: {{Authorization: Bearer {TOKEN}}}}}",
        "plain_secret",
        5,
        "Store it with `flowport secrets set NAME`, and write {{NAME}} in its place.",
    ),
    Mistake(
        "input declared twice",
        "Start:\n  type: start\n  inputs: {text: string, text: number}\nRun: {type: function, code: return 1}",
        "invalid_file",
        4,
        '"text" is written twice. Remove or rename one.',
    ),
    Mistake(
        "two starts",
        f"{START}Again: {{type: start}}\nRun: {{type: function, code: return 1}}",
        "several_starts",
        2,
        "Keep one.",
    ),
    Mistake(
        "on_error of a block that never fails",
        "Start:\n  type: start\n  inputs: {text: string}\n  on_error: Reply\nReply: {type: response, data: {a: 1}}",
        "unknown_handle",
        5,
        "on_error",
    ),
    Mistake(
        "block that nothing leads to",
        f"{START}{CHECK}      next: Reply\nReply: {{type: response, data: {{a: 1}}}}\n"
        "Run: {type: function, code: return 1}",
        "unreachable_block",
        11,
        "Connect it after a block that runs, in a file with next",
    ),
    Mistake("no model", f"{START}Ask: {{type: agent, messages: Hi}}", "missing_fields", 5, "Set model"),
    Mistake("unknown type", f"{START}Run: {{type: functoin, code: return 1}}", "unknown_block_type", 5, '"function"'),
    Mistake(
        "temperature out of range",
        f"{START}Ask: {{type: agent, messages: Hi, model: gpt-5-mini, temperature: 7}}",
        "invalid_setting",
        5,
        "from 0 to 2",
    ),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=[mistake.name for mistake in MISTAKES])
def test_a_common_mistake_is_named_once_with_its_line_and_fix(mistake: Mistake, tmp_path: Path) -> None:
    file = tmp_path / "workflow.yaml"
    file.write_text(f"blocks:\n{indent(mistake.blocks, '  ')}\n")
    (found,) = CommandLine({})("validate", str(file), "--json").json
    assert (found["code"], found.get("line")) == (mistake.code, mistake.line), found
    assert mistake.said in found["message"]


def test_an_environment_value_that_the_workspace_does_not_define_is_named() -> None:
    call = "Call: {type: api, url: 'https://x.test', method: GET, headers: {Authorization: '{{STRIPE_TOKNE}}'}}"
    workflow = compile_workflow(read_file(f"blocks:\n{indent(START + call, '  ')}\n").state)
    assert workflow.environment_names == {"STRIPE_TOKNE"}
    message = values_not_set(workflow.environment_names, {"STRIPE_TOKEN"}).message
    assert message.endswith("{{STRIPE_TOKNE}}. Did you mean {{STRIPE_TOKEN}}?")
