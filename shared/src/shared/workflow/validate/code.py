"""Code that does not parse, and references in code that cannot be decided."""

import io
import tokenize
from collections.abc import Iterator
from typing import Final

from shared.contracts.problems import ProblemCode, Severity
from shared.workflow.compile.code_parser import Language
from shared.workflow.compile.code_references import CodeTemplate, Location, any_reference, syntax_error
from shared.workflow.validate.findings import Checked, Finding, Rule
from shared.workflow.validate.references import code_of


def _undecided(checked: Checked) -> Iterator[Finding]:
    for block, template, fields in code_of(checked.workflow):
        for raw, at, reason in template.undecided:
            text = f"{raw} at {at} cannot be resolved: {reason}. Assign the reference to a variable, and use that."
            yield Finding(text, block, fields, None, *at)


def _syntax(checked: Checked) -> Iterator[Finding]:
    for block, template, fields in code_of(checked.workflow):
        at, cause = _syntax_error(template), ""
        if at is None and template.language is Language.PYTHON and (found := indentation_error(template.source)):
            at, cause = found
        if at is not None:
            kind = "Python" if template.language is Language.PYTHON else "JavaScript"
            what = f"the {kind} of {fields[0]}"
            yield Finding(f"{what} does not parse at {at}{cause}. Correct its syntax there.", block, fields, None, *at)


def _syntax_error(template: CodeTemplate) -> Location | None:
    """Return where code parses neither as typed nor with its unknown references filled in: those are reported."""
    at = syntax_error(template)
    if at is None or template.recompile is None or "<" not in template.source:
        return at
    return at if syntax_error(template.recompile(any_reference)) is not None else None


_NO_CODE: Final = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.ENCODING})


def indentation_error(source: str) -> tuple[Location, str] | None:
    """Return the first line of Python with a wrong indentation, which the parser accepts, and the reason."""
    last, is_new_line = "", False
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            at = Location(token.start[0], token.start[1] + 1)
            if token.type in _NO_CODE:
                continue
            if token.type == tokenize.INDENT:
                if last not in ("", ":"):
                    return at, ": the line is indented, but no block begins above it"
            elif is_new_line and last == ":":
                return at, ": an indented block is missing after the line above"
            is_new_line = token.type == tokenize.NEWLINE
            if token.type not in (tokenize.INDENT, tokenize.DEDENT, tokenize.NEWLINE):
                last = token.string
    except IndentationError as error:
        return Location(error.lineno or 1, 1), ": the line matches no outer indentation"
    except (tokenize.TokenError, SyntaxError):  # the parser decides
        return None
    return None


RULES: Final = (
    Rule(
        ProblemCode.UNDECIDED_REFERENCE,
        "The parser can decide the place of each reference in code that parses.",
        "code: |\n  match 1:\n    case <start.amount>: pass",
        _undecided,
        Severity.ERROR,
    ),
    Rule(ProblemCode.CODE_SYNTAX, "JavaScript, Python and conditions parse.", "code: return (1", _syntax),
)
