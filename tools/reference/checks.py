"""docs/checks.md, from the tables of rules of the checker."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from shared.contracts.problems import ProblemCode, Severity
from shared.workflow.validate.validator import RULES

_HEAD: Final = """# Checks

What a workflow is checked for: by `flowport validate`, in the console, and once at each deploy. `make docs` generates
this page from the rules; do not edit it. Each message names block, setting and fix; in code also line and column.

Errors always prevent a deploy. Warnings prevent a deploy by the console or the CLI until you fix them, or
[accept them](workflows.md#problems) by code and block, such as `unknown_setting:Agent 1`. The examples are parts of
[workflow files](workflow-files.md), or of exported JSON. Nothing else is checked: whether code that parses does what
you want, ask a linter or [a test](run-tests.md).
"""
_ERROR: Final = Severity.ERROR


class Described(NamedTuple):
    """A check beside the tables of rules: of types, connections and the file itself."""

    code: ProblemCode
    title: str
    example: str
    severity: Severity = Severity.WARNING


OTHERS: Final = (
    Described(
        ProblemCode.NO_START_BLOCK,
        "A workflow has a start that calls use.",
        "blocks:\n  Run: {type: function, code: return 1}",
        _ERROR,
    ),
    Described(
        ProblemCode.UNKNOWN_BLOCK_TYPE,
        "A block has a known type. Custom blocks of another server are left out, with a warning.",
        "Run: {type: functoin, code: return 1}",
        _ERROR,
    ),
    Described(ProblemCode.UNSUPPORTED_BLOCK_TYPE, "A block type runs here.", "Run: {type: knowledge}", _ERROR),
    Described(
        ProblemCode.BROKEN_BLOCK_PLUGIN,
        "The plugin of a block type can be loaded by the server.",
        "Run: {type: my_plugin}",
        _ERROR,
    ),
    Described(
        ProblemCode.UNSUPPORTED_SETTING,
        "A setting is one that Flowport supports.",
        "Run: {type: function, language: ruby, code: return 1}",
        _ERROR,
    ),
    Described(
        ProblemCode.UNSUPPORTED_NOTIFICATION,
        "A human in the loop sends no notifications.",
        "Approve:\n  type: human_in_the_loop\n  notification: [{type: custom-tool, title: slack}]",
        _ERROR,
    ),
    Described(
        ProblemCode.MISSING_FIELDS,
        "A block has its required settings.",
        "Ask: {type: agent, messages: Hi}",
        _ERROR,
    ),
    Described(
        ProblemCode.CYCLE,
        "Blocks form no cycle; what repeats is in a loop.",
        "Ask: {type: function, code: return 1}\nRun: {type: function, code: return 2, next: Ask}",
        _ERROR,
    ),
    Described(
        ProblemCode.CONTAINER_NOT_CONNECTED,
        "The blocks in a loop or parallel have a first one.",
        "Each:\n  type: loop\n  blocks:\n    Ask: {type: function, code: return 1, next: Run}\n"
        "    Run: {type: function, code: return 2, next: Ask}",
        _ERROR,
    ),
    Described(
        ProblemCode.NESTED_TOO_DEEPLY,
        "A block is in at most 10 loops and parallels, and in none twice.",
        '"loop": {"type": "loop", "data": {"parentId": "loop"}}',
        _ERROR,
    ),
    Described(
        ProblemCode.INVALID_FILE,
        "A file can be read, and each key is known. What has no effect is a warning.",
        "Run: {type: function, code: return 1, next: Nowhere}",
        _ERROR,
    ),
    Described(
        ProblemCode.DANGLING_EDGE,
        "An edge joins two blocks.",
        '"edges": [{"id": "e1", "source": "start", "target": "gone"}]',
    ),
    Described(
        ProblemCode.CROSSING_EDGE,
        "An edge stays in its loop or parallel.",
        '"edges": [{"id": "e1", "source": "start", "target": "block-in-a-loop"}]',
    ),
    Described(
        ProblemCode.UNREACHABLE_BLOCK,
        "Each block follows one that runs; of several in a row, the first is named.",
        "Reply: {type: response, data: {a: 1}}\nRun: {type: function, code: return 1}",
    ),
    Described(
        ProblemCode.BLOCK_AFTER_RESPONSE,
        "Nothing follows a response, which ends the run.",
        "Reply: {type: response, data: {a: 1}, next: Run}\nRun: {type: function, code: return 1}",
    ),
    Described(
        ProblemCode.UNKNOWN_HANDLE,
        "An edge leaves from a port that its block has.",
        "Each:\n  type: loop\n  on_error: Run\n  blocks: {Ask: {type: function, code: return 1}}\n"
        "Run: {type: function, code: return 2}",
    ),
    Described(
        ProblemCode.SEVERAL_STARTS, "One start serves all calls.", "Again: {type: start, inputs: {text: string}}"
    ),
    Described(
        ProblemCode.UNSERVED_TRIGGER,
        "Calls start a workflow; schedules and webhook triggers are not served.",
        "Daily: {type: schedule, next: Run}\nRun: {type: function, code: return 1}",
    ),
    Described(ProblemCode.EMPTY_CONTAINER, "A loop or parallel has blocks.", "Each: {type: loop, count: 2}"),
    Described(
        ProblemCode.LOST_BLOCK,
        "The loop or parallel of a block exists.",
        '"run": {"type": "function", "data": {"parentId": "gone"}}',
    ),
)


def checks_page() -> str:
    """Return the page."""
    return "\n".join([_HEAD.rstrip("\n"), *_sections()]) + "\n"


def _sections() -> Iterator[str]:
    listed = [*((each.code, each.title, each.example, each.severity) for each in RULES), *OTHERS]
    for severity in Severity:
        yield f"\n## {severity.value.capitalize()}s"
        for code, title, example, of in listed:
            if of is severity:
                kind = "json" if example.startswith('"') else "yaml"
                yield f"\n### `{code}`\n\n{title}\n\n```{kind}\n{example}\n```"
    yield "\nAt deploy, `unknown_reference` is also the code for a `{{NAME}}` that the workspace does not define."
