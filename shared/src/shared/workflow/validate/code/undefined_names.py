"""Names that code reads but does not define, and packages that it imports but does not have."""

import re
import sys
from collections.abc import Container, Iterator, Mapping, Set
from itertools import islice
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import Language
from shared.workflow.format.references import normalize_name
from shared.workflow.format.suggestions import LEAST_RATIO, did_you_mean, nearest
from shared.workflow.validate.code.code_context import CodeContext, Mistake, Spans
from shared.workflow.validate.code.known_names import KNOWN_NAMES
from shared.workflow.validate.code.unquoted_keys import unquoted_keys

_MOST_REPORTED: Final = 5
_SHORTEST_GLOBAL: Final = 5
"""Shorter names of the language are similar to too many others."""
_INSTEAD: Final = {
    **dict.fromkeys(("requests", "httpx", "aiohttp", "urllib3"), ". Call the service with an API block"),
    **dict.fromkeys(("openai", "anthropic", "langchain"), ". Ask the model with an agent block"),
}
"""Blocks to use instead of a package."""
_ARGUMENTS: Final = frozenset({"args", "kwargs", "parameters", "input", "inputs"})
"""Names that other systems give to the arguments of a tool."""
_QUOTED: Final = re.compile("[“”„‘’«](.+)[“”‘’»]")
_VARIABLE: Final = re.compile(rb"(?:process\.env|env|secrets)(?:\.|\[[\"'])(?P<name>[A-Za-z_][A-Za-z0-9_]{0,127})\b")
_ENVIRONMENTS: Final = frozenset({"process", "env", "secrets"})
_PARAMETER_READS: Final = {
    Language.JAVASCRIPT: """
(member_expression !optional_chain object: (member_expression
 object: (identifier) @params property: (property_identifier) @name)
 (#eq? @params "params") (#not-eq? @name "constructor"))
""",
    Language.PYTHON: """
([(return_statement (subscript value: (identifier) @params subscript: (string (string_content) @name)))
 (assignment right: (subscript value: (identifier) @params subscript: (string (string_content) @name)))
 (attribute object: (subscript value: (identifier) @params subscript: (string (string_content) @name)))]
 (#eq? @params "params"))
""",
}
"""Reads of a parameter that fail without it."""
_CONSTANT: Final = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+")
"""Names like those of secrets."""
_CLOSE: Final = 0.75
_COMPARISON_PARTS: Final = 3
"""Children of a comparison with one operator."""
_EQUALITIES: Final = frozenset({"==", "===", "!=", "!=="})


def missing_packages(code: CodeContext) -> Iterator[Mistake]:
    """Yield the unavailable packages, unless a statement may skip the import or handle its error."""
    tried = Spans(code.names.get("tried", ()))
    packages = ((node, code.text(node).split(".")[0]) for node in code.names.get("package", ()) if node not in tried)
    for node, name in islice((each for each in packages if each[1] not in sys.stdlib_module_names), _MOST_REPORTED):
        text = f'the package "{name}" is not available: only the standard library is'
        yield Mistake(node, f"{text}{_INSTEAD.get(name, '')}")


def undefined_names(
    code: CodeContext, variables: Set[str], blocks: Container[str], inputs: Mapping[str, str], *, is_tool: bool
) -> Iterator[Mistake]:
    """Yield the first read of each undefined name, and keys of dictionaries that lack quotes.

    `variables` are those of references. `blocks` are the normalized names of blocks. `inputs` maps names of inputs,
    variables and loop values to the references that read them.
    """
    known = KNOWN_NAMES[code.language]
    defined = code.bindings.keys() | known.defined | code.parameters | variables
    unknown = {name: node for name, node in code.reads.items() if name not in defined}
    unquoted = [*islice(unquoted_keys(code, unknown.keys() - known.meant.keys()), _MOST_REPORTED)]
    yield from (mistake for mistake, _ in unquoted)
    keys = {name for _, names in unquoted for name in names}
    for name in islice((name for name in unknown if name not in keys), _MOST_REPORTED):
        node = unknown[name]
        if quoted := _QUOTED.fullmatch(name):
            yield Mistake(node, f'{name} has typographic quotes. Write "{quoted[1]}"', f'"{quoted[1]}"')
        elif (clause := node.parent) and clause.type == "except_clause" and clause.named_children[0] != node:
            yield Mistake(node, f"to name the error, write except {code.text(clause.named_children[0])} as {name}")
        elif name in _ARGUMENTS and code.parameters:
            yield Mistake(node, f"read each parameter by its name: {', '.join(sorted(code.parameters))}")
        elif variable := _environment_variable(code, name, node):
            secret = f"{{{{{variable}}}}}"
            is_process = name == "process"
            text = f"code has no {'process.env' if is_process else name}. Write {secret}"
            text += f" or environmentVariables.{variable}" if is_process else ""
            yield Mistake(node, text, secret)
        else:
            yield _undefined(code, name, node, blocks, inputs, is_tool=is_tool)


def _environment_variable(code: CodeContext, name: str, node: tree_sitter.Node) -> str | None:
    match = _VARIABLE.match(code.source, node.start_byte) if name in _ENVIRONMENTS else None
    variable = match["name"].decode() if match else None
    return variable if variable and (name == "process" or variable.isupper()) else None


def unset_parameters(code: CodeContext, inputs: Mapping[str, str]) -> Iterator[Mistake]:
    """Yield the reads of parameters in code that is no tool's, if the code reads no other and tests none."""
    found = list(code.matches(_PARAMETER_READS))
    for captures in found if len(found) == code.words[b"params"] else ():
        node, meant = captures["params"], inputs.get(code.text(captures["name"]), "<start.…>")
        if node not in code.tried:
            yield Mistake(node, f"only the code of a tool has params. Write {meant}", meant)


def _undefined(
    code: CodeContext,
    name: str,
    node: tree_sitter.Node,
    blocks: Container[str],
    inputs: Mapping[str, str],
    *,
    is_tool: bool,
) -> Mistake:
    meant = _meant(code, name, {} if is_tool and code.parameters else inputs)  # the model gives the parameters
    reason = KNOWN_NAMES[code.language].unavailable.get(name)
    text = f'"{name}" is not defined.'
    if meant is None and reason is None and _is_compared(node):
        return Mistake(node, f'{text} Write a text in quotes: "{name}"')
    if normalize_name(name) in blocks and not code.parameters:
        return Mistake(node, f"{text} Write a reference in angle brackets: <{name}.…>")
    if reason and name not in inputs:
        return Mistake(node, f'"{name}" does not exist here: {reason}')
    if meant is None and is_tool:
        return Mistake(node, f"{text} {_in_schema(code.parameters)}")
    hint = f" Read a secret as {{{{{name}}}}}" if meant is None and _CONSTANT.fullmatch(name) else did_you_mean(meant)
    return Mistake(node, f"{text}{hint}", meant)


def _meant(code: CodeContext, name: str, inputs: Mapping[str, str]) -> str | None:
    """Return the input or the defined name that an undefined one probably means."""
    known = KNOWN_NAMES[code.language]
    if meant := inputs.get(name) or known.meant.get(name):
        return meant
    least = _CLOSE if code.parameters else LEAST_RATIO
    globals_ = [each for each in known.defined if len(each) >= _SHORTEST_GLOBAL]
    return nearest(name, (*code.parameters, *code.bindings), least=least) or nearest(name, globals_, least=_CLOSE)


def _in_schema(parameters: Set[str]) -> str:
    if not parameters:
        return "Declare it in the schema of the tool."
    return f"The tool has the parameters {', '.join(sorted(parameters))}: use one, or declare it in the schema."


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
