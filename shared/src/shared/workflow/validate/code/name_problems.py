"""Problems with names in code: undefined names, missing packages, and misuse of declared and well-known names."""

from collections.abc import Container, Iterator, Mapping, Set
from itertools import islice
from typing import Final

from shared.workflow.compile.code_references import CONTEXT_OBJECT, CodeTemplate
from shared.workflow.validate.code.await_mistakes import await_mistakes
from shared.workflow.validate.code.code_context import CodeContext, Mistake
from shared.workflow.validate.code.constant_conditions import constant_conditions
from shared.workflow.validate.code.declarations import declaration_mistakes
from shared.workflow.validate.code.environment_reads import environment_reads
from shared.workflow.validate.code.fetch_responses import fetch_response_mistakes
from shared.workflow.validate.code.known_names import KNOWN_NAMES
from shared.workflow.validate.code.network_calls import network_calls
from shared.workflow.validate.code.promises import promise_mistakes
from shared.workflow.validate.code.python2_statements import python2_statements
from shared.workflow.validate.code.python_results import python_results
from shared.workflow.validate.code.type_mistakes import type_mistakes
from shared.workflow.validate.code.undefined_names import missing_packages, undefined_names, unset_parameters
from shared.workflow.validate.code.unknown_members import unknown_members
from shared.workflow.validate.code.value_types import Declared, ValueTypes
from shared.workflow.validate.returns import Program

_MOST_REPORTED: Final = 5


def name_problems(
    template: CodeTemplate,
    program: Program,
    parameters: Set[str] | None,
    *,
    reported: Set[str],
    blocks: Container[str],
    inputs: Mapping[str, str],
    references: Mapping[str, Declared],
) -> Iterator[Mistake]:
    """Yield each problem; an undefined name is reported once.

    Without knowing all names that the code may define, report only missing packages.

    `parameters` are names that the code of a tool gets from the model, None for other code. `reported` are the names of
    objects and methods whose calls other checks report, `references` the values of the program's variables. For
    `blocks` and `inputs` see `undefined_names`.
    """
    code = CodeContext(program, template.language, parameters or frozenset())
    yield from missing_packages(code)
    if KNOWN_NAMES[code.language].uncertain & code.reads.keys() or "open" in code.names:
        return
    types = ValueTypes(code, references)
    mistakes = (
        *declaration_mistakes(code),
        *await_mistakes(code),
        *promise_mistakes(code),
        *fetch_response_mistakes(code),
        *unknown_members(code, reported),
        *constant_conditions(code),
        *type_mistakes(code, types, reported),
        *python_results(code, types),
        *environment_reads(code),
        *network_calls(code),
        *python2_statements(code),
        *(unset_parameters(code, inputs) if parameters is None and not template.is_expression else ()),
    )
    ordered = {each.node.start_byte: each for each in reversed(mistakes)}
    first = [ordered[start] for start in sorted(ordered)]
    yield from islice({(each.line, each.text): each for each in first}.values(), _MOST_REPORTED)
    variables = {each.name for each in template.variables} | ({CONTEXT_OBJECT} if template.is_expression else set())
    yield from undefined_names(code, variables, blocks, inputs, is_tool=parameters is not None)
