"""Compile blocks: parse their settings, code and options."""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from typing import Final

from shared.workflow.catalog import BlockSpec
from shared.workflow.catalog.kinds import CALLS_A_WORKFLOW
from shared.workflow.catalog.logic import FUNCTION, code_text
from shared.workflow.compile.code_parser import Language
from shared.workflow.compile.code_references import CodeTemplate, Part, compile_code, odd_names
from shared.workflow.compile.code_rewriter import Names as VariableNames
from shared.workflow.compile.parameters import block_params
from shared.workflow.compile.templates import Literal, Template, compile_json_text, compile_value
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import MISSING, Json, JsonObject, object_of, parse_json, to_string
from shared.workflow.format.json_problems import json_problem
from shared.workflow.format.models import Block, LoopConfig, WorkflowState
from shared.workflow.format.paths import Outputs
from shared.workflow.format.references import RESERVED_NAMES, EnvMarker

_CODE_LANGUAGES: Final = {"javascript": Language.JAVASCRIPT, "python": Language.PYTHON}
_OPTIONS: Final = {"condition": "conditions", "router_v2": "routes"}
"""The setting with a block type's branches."""
_PARSED_APART: Final = {"function": "code", **_OPTIONS}
"""Settings that are code or control the graph: nothing is filled into them as text."""
_STORED_AS_TEXT: Final = frozenset(
    {"messages", "tools", "inputMapping", "builderData", "metrics", "variables", "arguments"}
)
"""Lists and objects that some exports store as JSON text, parsed before values are filled in."""
_LISTS: Final = frozenset({"table", "input-format"})
"""Editor controls whose settings are such lists, under any name."""
_JSON_TEXTS: Final = frozenset({"data", "body"})
"""Settings that are JSON text, if their block's `escapeValues` is on."""


@dataclass(frozen=True, slots=True)
class Option:
    """One entry of a condition, or one route of a router."""

    id: str
    title: str
    text: str
    code: CodeTemplate
    """A condition's expression; empty for routes."""
    description: Template
    """A route's description; empty for conditions."""


@dataclass(frozen=True, slots=True)
class CompiledBlock:
    """A block with its settings parsed.

    `code` is the source of a function; `tool_code` that of an agent's tools, functions that are tools included.
    """

    block: Block
    spec: BlockSpec
    outputs: Outputs
    params: Mapping[str, Template]
    code: CodeTemplate | None = None
    options: tuple[Option, ...] = ()
    options_problem: str | None = None
    """Why the options cannot be read; the block fails with it."""
    tool_code: Mapping[int, CodeTemplate] = field(default_factory=dict)
    id: str = field(init=False)
    name: str = field(init=False)
    """The block's name as typed."""
    type: str = field(init=False)

    def __post_init__(self) -> None:
        for name in ("id", "name", "type"):
            object.__setattr__(self, name, getattr(self.block, name))

    def literal(self, param: str) -> Json:
        """Return a parameter without references; None otherwise."""
        template = self.params.get(param)
        return template.value if isinstance(template, Literal) else None


@dataclass(frozen=True, slots=True)
class Names:
    """Root names of references in code."""

    known: Set[str]
    odd: tuple[str, ...]

    @classmethod
    def of(cls, state: WorkflowState) -> "Names":
        """Return the names of a workflow."""
        return cls(frozenset((*state.ids_by_name, *RESERVED_NAMES)), odd_names(state.ids_by_name))

    def compiled(
        self,
        source: str,
        language: Language = Language.JAVASCRIPT,
        *,
        is_expression: bool = False,
        variables: VariableNames | None = None,
    ) -> CodeTemplate:
        """Return a compiled piece of code."""
        return compile_code(
            source,
            language,
            odd_names=self.odd,
            known=self._is_known,
            is_expression=is_expression,
            names=variables,
        )

    def _is_known(self, part: Part) -> bool:
        return isinstance(part, EnvMarker) or part.name in self.known


def compile_block(block: Block, spec: BlockSpec, names: Names) -> CompiledBlock:
    """Parse a block's settings, code and options."""
    params = block_params(block, spec)
    lists = _STORED_AS_TEXT.union(setting.parameter for setting in spec.sub_blocks if setting.type in _LISTS)
    options, problem = _options(block, params, names)
    apart = _PARSED_APART.get(block.type)
    return CompiledBlock(
        block=block,
        spec=spec,
        outputs=spec.declared_outputs(block),
        params={key: _setting(key, value, params, lists) for key, value in params.items() if key != apart},
        code=_function_code(params, names) if block.type == "function" else None,
        options=options,
        options_problem=problem,
        tool_code=_tool_code(params, names) if block.type == "agent" else {},
    )


def loop_condition(config: LoopConfig, names: Names) -> CodeTemplate | None:
    """Return a loop's condition before or after each round; None without one."""
    condition = {"while": config.while_condition, "doWhile": config.do_while_condition}.get(config.loop_type, "")
    return names.compiled(condition, is_expression=True) if condition.strip() else None


def _setting(key: str, value: Json, params: JsonObject, lists: Set[str]) -> Template:
    if key in _JSON_TEXTS and isinstance(value, str) and params.get("escapeValues") in (True, "true"):
        return compile_json_text(value)
    return compile_value(_structured(key, value, lists))


def _structured(key: str, value: Json, lists: Set[str]) -> Json:
    if key in lists and isinstance(value, str):
        parsed = parse_json(value)
        value = parsed if isinstance(parsed, list | dict) else value
    if key == "tools" and isinstance(value, list):
        return [_without_code(tool) for tool in value if isinstance(tool, dict)]
    return value


def _without_code(tool: JsonObject) -> JsonObject:
    """Return a tool as template: its code is parsed separately, its workflow inputs before values are filled in."""
    kept = {key: value for key, value in tool.items() if key != "code"}
    params = kept.get("params")
    if isinstance(params, dict) and tool.get("type") == FUNCTION.type:
        kept["params"] = {key: value for key, value in params.items() if key != "code"}
    elif isinstance(params, dict) and tool.get("type") in CALLS_A_WORKFLOW:
        kept["params"] = {key: _structured(key, value, _STORED_AS_TEXT) for key, value in params.items()}
    return kept


def _function_code(params: JsonObject, names: Names) -> CodeTemplate:
    language = _CODE_LANGUAGES.get(to_string(params.get("language")), Language.JAVASCRIPT)
    return names.compiled(code_text(params.get("code")), language)


def _tool_code(params: JsonObject, names: Names) -> dict[int, CodeTemplate]:
    given = {index: _code_given_to(tool) for index, tool in enumerate(parse_list(params.get("tools")))}
    return {index: _function_code(code, names) for index, code in given.items() if code_text(code.get("code")).strip()}


def _code_given_to(tool: Json) -> JsonObject:
    """Return the code and language of a tool: a function has them as block settings."""
    entry = object_of(tool)
    return object_of(entry.get("params")) if entry.get("type") == FUNCTION.type else {"code": entry.get("code")}


def _options(block: Block, params: JsonObject, names: Names) -> tuple[tuple[Option, ...], str | None]:
    key = _OPTIONS.get(block.type)
    if key is None:
        return (), None
    stored = params.get(key)
    entries = parse_json(stored) if isinstance(stored, str) and stored.strip() else stored
    if entries is MISSING:
        return (), f"Invalid {key} format: {json_problem(to_string(stored))}"
    if not isinstance(entries, list):
        return (), None
    options = [entry for entry in entries if isinstance(entry, dict)]
    variables = VariableNames(map(_option_text, options)) if block.type == "condition" else None
    return tuple(_option(entry, names, variables) for entry in options), None


def _option_text(entry: JsonObject) -> str:
    return to_string(entry.get("value")) if entry.get("value") is not None else ""


def _option(entry: JsonObject, names: Names, variables: VariableNames | None) -> Option:
    """Return an option. Conditions run together and share variable names; None for routes."""
    text = _option_text(entry)
    return Option(
        to_string(entry.get("id")),
        to_string(entry.get("title") or ""),
        text,
        names.compiled("" if variables is None else text, is_expression=True, variables=variables),
        compile_value("" if variables is not None else text),
    )
