"""Problems with names in code: undefined names, missing packages, and misuse of declared and well-known names."""

import re
import sys
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence, Set
from itertools import islice
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import Language, query, source_of
from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.format.references import normalize_name
from shared.workflow.format.suggestions import LEAST_RATIO, did_you_mean, nearest
from shared.workflow.validate.code.await_mistakes import await_mistakes
from shared.workflow.validate.code.code_context import CodeContext, Spans
from shared.workflow.validate.code.constant_conditions import constant_conditions
from shared.workflow.validate.code.declarations import declaration_mistakes
from shared.workflow.validate.code.environment_reads import environment_reads
from shared.workflow.validate.code.fetch_responses import fetch_response_mistakes
from shared.workflow.validate.code.known_names import KNOWN_NAMES
from shared.workflow.validate.code.network_calls import network_calls
from shared.workflow.validate.code.promises import promise_mistakes
from shared.workflow.validate.code.python2_statements import python2_statements
from shared.workflow.validate.code.type_mistakes import type_mistakes
from shared.workflow.validate.code.unknown_members import unknown_members
from shared.workflow.validate.code.unquoted_keys import unquoted_keys
from shared.workflow.validate.code.value_types import Declared, ValueTypes
from shared.workflow.validate.returns import Program

_MOST_REPORTED: Final = 5
_SHORTEST_GLOBAL: Final = 5
"""Shorter names of the language are similar to too many others."""
_INSTEAD: Final = {
    **dict.fromkeys(("requests", "httpx", "aiohttp", "urllib3"), ". Call the service with an API block"),
    **dict.fromkeys(("openai", "anthropic", "langchain"), ". Ask the model with an agent block"),
}
"""Blocks to use instead of a package."""
_QUOTED: Final = re.compile("[“”„‘’«](.+)[“”‘’»]")
_VARIABLE: Final = re.compile(rb"process\.env(?:\.|\[[\"'])(?P<name>[A-Za-z_][A-Za-z0-9_]{0,127})\b")
_CLOSE: Final = 0.75
_COMPARISON_PARTS: Final = 3
"""Children of a comparison with one operator."""
_EQUALITIES: Final = frozenset({"==", "===", "!=", "!=="})


def name_problems(
    template: CodeTemplate,
    code: Program,
    parameters: Set[str],
    *,
    reported: Set[str],
    blocks: Container[str],
    inputs: Mapping[str, str],
    references: Mapping[str, Declared],
) -> Iterator[tuple[int, str, str | None]]:
    """Yield line, message and suggested replacement of each problem; an undefined name is reported once.

    Without knowing all names that the code may define, report only missing packages.

    `parameters` are names that the code of a tool gets from the model, `reported` the names of objects and methods
    whose calls other checks report. `blocks` are the normalized names of blocks. `inputs` maps names of inputs,
    variables and loop values to the references that read them. `references` are the values of the program's variables.
    """
    (root, source), language = code, template.language
    known = KNOWN_NAMES[language]
    found = tree_sitter.QueryCursor(declarations(language)).captures(root)
    packages = [(node, source_of(node, source).split(".")[0]) for node in found.get("package", ())]
    yield from _missing(packages, Spans(found.get("tried", ())))
    others = Spans([*found.get("declared", ()), *found.get("augmented", ())])
    bindings, read = _bindings_and_reads(found, source)
    if known.uncertain & read.keys() or "open" in found:
        return
    imported = {name for _, name in packages}
    declared = bindings.keys()
    context = CodeContext(code, language, others, parameters, bindings)
    mistakes = (
        *declaration_mistakes(context),
        *await_mistakes(context),
        *promise_mistakes(context),
        *fetch_response_mistakes(context),
        *unknown_members(context, imported, reported),
        *constant_conditions(context),
        *type_mistakes(context, ValueTypes(context, references), reported),
        *environment_reads(context),
        *network_calls(context, imported),
        *python2_statements(context),
    )
    ordered = sorted(mistakes, key=lambda each: each.node.start_byte)
    yield from islice(dict.fromkeys((each.line, each.text, each.suggestion) for each in ordered), _MOST_REPORTED)
    variables = {each.name for each in template.variables}
    unknown = [name for name in read if name not in declared | known.defined | parameters | variables]
    unquoted = list(islice(unquoted_keys(found, source, {*unknown} - known.meant.keys()), _MOST_REPORTED))
    yield from ((line, text, None) for line, text, _ in unquoted)
    keys = {name for _, _, names in unquoted for name in names}
    unknown = [name for name in unknown if name not in keys]
    well_known = [each for each in known.defined if len(each) >= _SHORTEST_GLOBAL]
    for name in unknown[:_MOST_REPORTED]:
        line, node = read[name]
        least = _CLOSE if parameters else LEAST_RATIO
        near = known.meant.get(name) or nearest(name, (*parameters, *declared), least=least)
        near = inputs.get(name) or near or nearest(name, well_known, least=_CLOSE)
        if quoted := _QUOTED.fullmatch(name):
            yield line, f'{name} has typographic quotes. Write "{quoted[1]}"', f'"{quoted[1]}"'
            continue
        if near is None and name not in known.unavailable and _is_compared(node):
            yield line, f'"{name}" is not defined. Write a text in quotes: "{name}"', None
        elif normalize_name(name) in blocks and not parameters:
            yield line, f'"{name}" is not defined. Write a reference in angle brackets: <{name}.…>', None
        elif name == "process" and (match := _VARIABLE.match(source, node.start_byte)):
            variable = match["name"].decode()
            near = f"{{{{{variable}}}}}"
            yield line, f"code has no process.env. Write {near} or environmentVariables.{variable}", near
        elif name not in inputs and (reason := known.unavailable.get(name)):
            yield line, f'"{name}" does not exist here: {reason}', None
        else:
            yield line, f'"{name}" is not defined.{did_you_mean(near)}', near


def _bindings_and_reads(
    found: Mapping[str, Sequence[tree_sitter.Node]], source: bytes
) -> tuple[dict[str, list[int]], dict[str, tuple[int, tree_sitter.Node]]]:
    """Return the positions at which code binds each name, and line and node of the first read of each other one."""
    bound = [*found.get("declared", ()), *found.get("plain", ())]
    spans, skipped = Spans(bound), {node.start_byte for node in found.get("skipped", ())}
    short = [node for node in bound if node.type == "shorthand_property_identifier_pattern"]
    bindings: dict[str, list[int]] = {}
    read: dict[str, tuple[int, tree_sitter.Node]] = {}
    for node in sorted((*found.get("name", ()), *short), key=lambda each: each.start_byte):
        name = source_of(node, source)
        if node in spans:
            bindings.setdefault(name, []).append(node.start_byte)
        elif node.start_byte not in skipped:
            read.setdefault(name, (node.start_point.row + 1, node))
    return bindings, read


def _missing(packages: Iterable[tuple[tree_sitter.Node, str]], tried: Spans) -> Iterator[tuple[int, str, str | None]]:
    """Yield a problem for each unavailable package, unless a statement may skip the import or handle its error."""
    missing = ((node, name) for node, name in packages if name not in sys.stdlib_module_names and node not in tried)
    for node, name in islice(missing, _MOST_REPORTED):
        text = f'the package "{name}" is not available: only the standard library is'
        yield node.start_point.row + 1, f"{text}{_INSTEAD.get(name, '')}", None


def declarations(language: Language) -> tree_sitter.Query:
    """Return the query for declarations and names of a language."""
    return query(language, KNOWN_NAMES[language].declarations)


def _is_compared(node: tree_sitter.Node) -> bool:
    """Return whether a name is the right side of an equality."""
    parent = node.parent
    if (
        parent is None
        or parent.type not in ("binary_expression", "comparison_operator")
        or parent.child_count != _COMPARISON_PARTS
    ):
        return False
    _, operator, right = parent.children
    return operator.type in _EQUALITIES and right.start_byte == node.start_byte
