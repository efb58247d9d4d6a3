"""All checks of user code: references that cannot be resolved, syntax errors, and mistakes in code that parses."""

from collections.abc import Container, Iterator, Sequence
from itertools import chain, islice
from typing import Final, NamedTuple

import msgspec

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import BlockSpec, Catalog
from shared.workflow.compile.blocks import Names, compile_block, loop_condition
from shared.workflow.compile.code_parser import Language
from shared.workflow.compile.code_references import CodeTemplate, Location, any_reference, location_of, syntax_error
from shared.workflow.compile.code_rewriter import Use
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import MISSING, Json, object_of, parse_json
from shared.workflow.format.models import Block, WorkflowState
from shared.workflow.format.problems import error, warning
from shared.workflow.format.references import EnvMarker, Reference, normalize_name
from shared.workflow.format.suggestions import did_you_mean
from shared.workflow.validate.code.code_hints import language_hint, location_of_operator
from shared.workflow.validate.code.comparisons import comparisons
from shared.workflow.validate.code.early_errors import early_errors
from shared.workflow.validate.code.enumerations import Enumerations
from shared.workflow.validate.code.impossible_values import impossible_values
from shared.workflow.validate.code.indentation import indentation_problem
from shared.workflow.validate.code.language_mistakes import language_mistakes
from shared.workflow.validate.code.misread_answers import misread_answers
from shared.workflow.validate.code.misread_entries import misread_entries
from shared.workflow.validate.code.name_problems import name_problems
from shared.workflow.validate.code.quoted_references import QuotedReferences
from shared.workflow.validate.code.unmarked_placeholders import unmarked_references
from shared.workflow.validate.code.value_marks import ValueMark, value_marks
from shared.workflow.validate.code.value_uses import ValueUses
from shared.workflow.validate.code.variable_changes import VariableChanges
from shared.workflow.validate.references.answer_fields import AnswerFields
from shared.workflow.validate.references.connections import Connections
from shared.workflow.validate.returns import Program, is_fenced, parse_program, returns_of_code
from shared.workflow.validate.settings.branch_settings import METHODS
from shared.workflow.validate.settings.input_fields import input_references, inputs_unlike_secrets
from shared.workflow.validate.settings.schemas import unwrapped_fields
from shared.workflow.validate.unsupported_settings import language_problem

_LOOP_REFERENCES: Final = {
    **dict.fromkeys(("currentitem", "item"), "<loop.currentItem>"),
    **dict.fromkeys(("index", "iteration"), "<loop.index>"),
}
_MOST: Final = 20
"""Maximum warnings of one kind for each piece of code."""
_OPERATOR_HINT: Final = ' Write "'


class _Code(NamedTuple):
    block: Block
    template: CodeTemplate
    field: str
    title: str = ""
    """Name of the code within its block; empty if the block has no other code."""
    parameters: frozenset[str] | None = None
    """Variables that a tool's code gets from the model; None for other code."""
    entry: tuple[str, ...] = ()
    """Number of the entry in a setting that is a list."""

    @property
    def where(self) -> str:
        return f"{self.block.name}, {self.title}" if self.title else self.block.name

    @property
    def fields(self) -> tuple[str, ...]:
        return (self.field, *self.entry)

    def warning(
        self,
        text: str,
        *,
        at: Location | None = None,
        line: int | None = None,
        code: ProblemCode = ProblemCode.INVALID_SETTING,
        suggestion: str | None = None,
    ) -> Problem:
        """Return a warning, whose message names the line if one is given."""
        subject = self.where if line is None else f"{self.where}: line {line} of the code"
        end = "" if text.endswith(("?", ".")) else "."
        problem = warning(code, f"{subject}: {text}{end}", self.block, self.fields, suggestion=suggestion)
        at = at or (None if line is None else Location(line, 1))
        return problem if at is None else _at(at, problem)


def code_problems(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield the problems of the code in all blocks: errors for references that cannot be resolved, warnings otherwise.

    Code that does not parse gets only a warning about its syntax.
    """
    names = Names.of(state)
    checks = _Checks(state, catalog, names.known)
    for block in state.blocks.values():
        spec = catalog.spec(block.type)
        if spec is not None and state.is_enabled(block.id):
            for code in _code_of(block, spec, state, names):
                yield from checks.problems(code)


class _Checks:
    """The checks of code, with what the workflow says about the values that code reads."""

    def __init__(self, state: WorkflowState, catalog: Catalog, known: Container[str]) -> None:
        self._state, self._known = state, known
        self._quoted, self._uses = QuotedReferences(state, catalog), ValueUses(state)
        self._changes, self._handlers = VariableChanges(state, catalog), Connections(state).handlers
        self._enumerations, self._inputs = Enumerations(state), inputs_unlike_secrets(state)
        self._answers = AnswerFields(state)
        variables = {normalize_name(each.name): f"<variable.{each.name}>" for each in state.variables.values()}
        self._meant = {**_LOOP_REFERENCES, **input_references(state), **variables}

    def problems(self, code: _Code) -> Iterator[Problem]:
        """Yield the problems of a piece of code."""
        template = code.template
        for raw, location, reason in template.undecided:
            message = f"{code.where}: {raw} at {location} cannot be resolved: {reason}"
            yield _at(location, error(ProblemCode.UNDECIDED_REFERENCE, message, code.block, code.fields))
        at, lone = _syntax_error(template, self._known)
        if lone is not None:
            meant = self._meant_by(lone)
            text = f"{lone.raw} matches no block.{did_you_mean(meant)}"
            yield code.warning(text, code=ProblemCode.UNKNOWN_REFERENCE, suggestion=meant)
        elif at is not None:
            hint = language_hint(template, self._known, at)
            at = (hint.startswith(_OPERATOR_HINT) and location_of_operator(template)) or at
            yield code.warning(f"the code may not parse at {at}.{hint}", at=at, code=ProblemCode.CODE_SYNTAX)
        elif template.language is Language.PYTHON and (wrong := indentation_problem(template.source)):
            at, text = wrong
            yield code.warning(text, at=at, line=at.line, code=ProblemCode.CODE_SYNTAX)
        else:
            program = parse_program(template)
            marks = value_marks(template, program)
            if template.imports:
                yield code.warning("the code has an import statement, but packages and modules are not available")
            elif program is not None:
                yield from self._of_program(code, program, marks)
            yield from self._inputs_as_secrets(code)
            yield from self._of_references(code, program, marks)

    def _of_program(self, code: _Code, program: Program, marks: Sequence[ValueMark]) -> Iterator[Problem]:
        template, language = code.template, code.template.language
        lists = self._quoted.lists(template, marks)
        forms = language_mistakes(program, language, lists, is_handled=code.block.id in self._handlers)
        mistakes = chain(_exports(program), early_errors(program, language), forms)
        for line, text in dict.fromkeys(islice(mistakes, _MOST)):
            yield code.warning(text, line=line)
        if code.parameters is not None and returns_of_code(template.source, language).is_useless:
            yield code.warning("the code returns nothing, so the model gets no result. Write return before the value")
        reported = {each.name for each in template.variables} | {each.name for each in marks}
        reported |= METHODS.keys() if template.is_expression else set()
        for mistake in name_problems(
            template,
            program,
            code.parameters,
            reported=reported,
            blocks=self._known,
            inputs=self._meant,
            references=self._uses.references(template),
        ):
            yield code.warning(mistake.text, line=mistake.line, suggestion=mistake.suggestion)

    def _meant_by(self, reference: Reference) -> str | None:
        """Return the reference that one without a field means: `<start-message>` has a dash for a dot."""
        first, _, rest = reference.root.partition("-")
        if rest and normalize_name(first) in self._known:
            return f"<{first}.{rest}>"
        return self._meant.get(reference.root) or self._meant.get(reference.name)

    def _inputs_as_secrets(self, code: _Code) -> Iterator[Problem]:
        """Yield a warning for each input in the braces of secrets: in quotes they may be a template.

        Code that also reads the input may read a secret of the same name.
        """
        template = code.template
        read = {each.part.raw for each in template.variables}
        values = {each.name for each in template.variables if each.use is Use.VALUE}
        first = {each.name: each for each in reversed(template.marks) if each.name in values}
        for start, _, part, _ in first.values():
            if isinstance(part, EnvMarker) and (meant := self._inputs.get(part.name)) and meant not in read:
                text = f"{part.raw} names a secret, not an input.{did_you_mean(meant)}"
                at = location_of(template.source, start)
                yield code.warning(text, at=at, code=ProblemCode.UNKNOWN_REFERENCE, suggestion=meant)

    def _of_references(self, code: _Code, program: Program | None, marks: Sequence[ValueMark]) -> Iterator[Problem]:
        template, quoted = code.template, self._quoted
        changes = self._changes.found(code.block, template, program) if code.parameters is None else ()
        for line, text in (*misread_entries(self._state, template, program), *changes, *unmarked_references(template)):
            yield code.warning(text, line=line)
        compared = comparisons(template, program, marks)
        texts = (
            *quoted.found(template),
            *self._uses.found(template, marks),
            *quoted.never_equal(template, compared, marks),
            *quoted.wrong_members(template, marks),
            *impossible_values(self._state, template.language, compared, marks),
            *misread_answers(self._state, self._answers, template, marks),
        )
        for text in islice(dict.fromkeys(texts), _MOST):
            yield code.warning(text)
        members = quoted.unknown_members(template, marks)
        for text, near in dict.fromkeys((*self._enumerations.unlisted_values(compared), *members)):
            yield code.warning(f"{text}.{did_you_mean(near)}", suggestion=near)


def _exports(program: Program) -> Iterator[tuple[int, str]]:
    for node in program.root.children:
        if node.type == "export_statement":
            yield node.start_point.row + 1, "code has no exports: remove export, and return a value"


def _at(location: Location, problem: Problem) -> Problem:
    return msgspec.structs.replace(problem, line=location.line, column=location.column)


def _code_of(block: Block, spec: BlockSpec, state: WorkflowState, names: Names) -> Iterator[_Code]:
    if spec.is_container:
        loop = state.loops.get(block.id)
        condition = None if loop is None else loop_condition(loop, names)
        if condition is not None:
            yield _Code(block, condition, "condition")
        return
    compiled = compile_block(block, spec, names)
    if compiled.code is not None and language_problem(block.value("language")) is None:
        yield _Code(block, compiled.code, "code")
    for number, option in enumerate(compiled.options if block.type == "condition" else ()):
        if option.title.strip().lower() != "else":
            yield _Code(block, option.code, "conditions", f'condition "{option.title}"', entry=(str(number),))
    tools = parse_list(block.value("tools")) if compiled.tool_code else []
    for index, template in compiled.tool_code.items():
        yield _Code(block, template, "tools", f"tool {index + 1}", _parameters(tools[index]), (str(index), "code"))


def _parameters(tool: Json) -> frozenset[str]:
    """Return the parameters that a tool's schema or its `anyOf` declares, and the values that it fixes."""
    given = object_of(tool)
    stored = given.get("schema")
    parsed = parse_json(stored) if isinstance(stored, str) else stored
    schema = {} if parsed is MISSING else object_of(parsed)
    function = object_of(schema.get("function")) or schema
    parameters = object_of(function.get("parameters"))
    branches = [object_of(each) for part in parameters.values() if isinstance(part, list) for each in part]
    declared = [object_of(each) for part in (parameters, *branches) for each in part.values()]  # or misspelled keys
    declared.append(dict.fromkeys(unwrapped_fields(parameters)))
    return frozenset(name for names in (*declared, object_of(given.get("params"))) for name in names)


def _syntax_error(template: CodeTemplate, known: Container[str]) -> tuple[Location | None, Reference | None]:
    """Return the location at which code parses neither as typed nor with its unknown references filled in.

    If it parses with them filled in, return instead the first one without a field that matches no block, if any: other
    checks report the rest.
    """
    if is_fenced(template.source):
        return Location(1, 1), None
    at = syntax_error(template)
    if at is None or template.recompile is None:
        return at, None
    filled = template.recompile(any_reference)
    if syntax_error(filled) is not None:
        return at, None
    lone = (each.part for each in filled.marks if isinstance(each.part, Reference) and not each.part.path)
    return None, next((each for each in lone if each.name not in known), None)
