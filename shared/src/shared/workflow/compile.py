"""A workflow made ready to run: every template, expression and edge parsed once for each snapshot.

What comes out never changes, so that any number of runs may share it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Final

from shared.contracts.runs import Trigger
from shared.workflow.catalog import BlockSpec, Catalog, Refusal, installed_catalog
from shared.workflow.catalog.kinds import CALLS_A_WORKFLOW
from shared.workflow.catalog.logic import code_text
from shared.workflow.code_lexing import Language, odd_names
from shared.workflow.code_references import CodeTemplate, parse_code
from shared.workflow.graph import Graph, build_graph
from shared.workflow.input_format import parse_list
from shared.workflow.json_problem import json_problem
from shared.workflow.jsvalues import MISSING, Json, JsonObject, parse_json, to_string
from shared.workflow.models import Block, LoopConfig, ParallelConfig, Variable, WorkflowState
from shared.workflow.names import normalise
from shared.workflow.params import EmptyField, block_params, empty_fields, missing_fields, missing_fields_message
from shared.workflow.paths import Outputs
from shared.workflow.reading import read_state
from shared.workflow.references import EnvMarker
from shared.workflow.start import choose_start
from shared.workflow.templates import Literal, Template, compile_json_text, compile_value, text_templates

ENVIRONMENT_OBJECT: Final = "environmentVariables"
"""What code calls the object that holds every environment value."""
_CODE_LANGUAGES: Final = {"javascript": Language.JAVASCRIPT, "python": Language.PYTHON}


@dataclass(frozen=True, slots=True)
class Option:
    """One entry of a condition, or one route of a router."""

    id: str
    title: str
    text: str
    code: CodeTemplate
    """A condition's expression; empty for routes."""
    description: Template
    """What a route is for; empty for conditions."""


@dataclass(frozen=True, slots=True)
class CompiledBlock:
    """A block with its settings parsed. `code` is the source of a function; `tool_code` that of an agent's tools."""

    block: Block
    spec: BlockSpec
    outputs: Outputs
    params: Mapping[str, Template]
    code: CodeTemplate | None = None
    options: tuple[Option, ...] = ()
    options_problem: str | None = None
    """Why the options cannot be read; the block fails with it."""
    tool_code: Mapping[int, CodeTemplate] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The block's id."""
        return self.block.id

    @property
    def name(self) -> str:
        """The block's name, as its author typed it."""
        return self.block.name

    @property
    def type(self) -> str:
        """The block type."""
        return self.block.type

    def literal(self, param: str) -> Json:
        """The value of a parameter that has no references; None otherwise."""
        template = self.params.get(param)
        return template.value if isinstance(template, Literal) else None


@dataclass(frozen=True, slots=True)
class CompiledLoop:
    """A loop with its collection and condition parsed."""

    config: LoopConfig
    items: Template
    condition: CodeTemplate | None
    """None when there is nothing to ask."""


@dataclass(frozen=True, slots=True)
class CompiledParallel:
    """A parallel with its collection parsed."""

    config: ParallelConfig
    items: Template


@dataclass(frozen=True, slots=True)
class CompiledWorkflow:
    """One snapshot, ready to run from any of its starts."""

    snapshot_hash: str
    state: WorkflowState
    blocks: Mapping[str, CompiledBlock]
    loops: Mapping[str, CompiledLoop]
    parallels: Mapping[str, CompiledParallel]
    starts: Mapping[Trigger, str]
    """The start block of each kind of call that has one."""
    variables_by_name: Mapping[str, Variable]
    environment_names: frozenset[str]
    """Every `{{NAME}}` that occurs."""
    reads_whole_environment: bool
    """Whether code asks for all of its values, or a workflow that is called may ask for any of them."""
    refusals: tuple[str, ...]
    """Why no run of this may begin, whatever the server has."""
    _empty_fields: Sequence[tuple[str, tuple[EmptyField, ...]]]
    """The name of each enabled block that has any, and these."""
    _containers: Mapping[str, tuple[str, ...]]
    _graphs: Mapping[str | None, Graph]

    @property
    def needs_environment(self) -> bool:
        """Whether a run can see any environment value."""
        return self.reads_whole_environment or bool(self.environment_names)

    def graph(self, start: str | None) -> Graph:
        """What runs from a block, or from every block without a predecessor for None."""
        found = self._graphs.get(start)
        return found if found is not None else build_graph(self.state, _option_ids(self.blocks), start=start)

    def outputs_of(self, block_id: str) -> Outputs:
        """What references may ask of a block."""
        return self.blocks[block_id].outputs

    def containers_of(self, block_id: str) -> tuple[str, ...]:
        """The containers around a block, innermost first."""
        return self._containers[block_id]

    def problems(self, keyed_providers: Set[str]) -> Iterator[str]:
        """Why no run may begin on a server that has API keys for these model providers."""
        yield from self.refusals
        for name, fields in self._empty_fields:
            if titles := missing_fields(fields, keyed_providers):
                yield missing_fields_message(name, titles)


def compile_workflow(document: Json, snapshot_hash: str = "", *, catalog: Catalog | None = None) -> CompiledWorkflow:
    """Read and compile a workflow state. Raises InvalidWorkflow when it is no workflow at all."""
    state = read_state(document)
    specs = {block.type: (catalog or installed_catalog()).find(block.type) for block in state.blocks.values()}
    odd = odd_names(state.ids_by_name)
    blocks = {
        block.id: _block(block, spec, odd)
        for block in state.blocks.values()
        if isinstance(spec := specs[block.type], BlockSpec)
    }
    loops = {key: _loop(config, odd) for key, config in state.loops.items()}
    parallels = {key: CompiledParallel(p, compile_value(p.distribution)) for key, p in state.parallels.items()}
    starts = {trigger: start.id for trigger in Trigger if (start := choose_start(state, trigger))}
    return CompiledWorkflow(
        snapshot_hash=snapshot_hash,
        state=state,
        blocks=blocks,
        loops=loops,
        parallels=parallels,
        starts=starts,
        variables_by_name={normalise(variable.name): variable for variable in reversed(state.variables.values())},
        environment_names=frozenset(_environment_names(blocks.values(), loops.values(), parallels.values())),
        reads_whole_environment=any(map(_calls_a_workflow, blocks.values()))
        or any(ENVIRONMENT_OBJECT in code.source for code in _code_of(blocks.values(), loops.values())),
        refusals=tuple(_refusals(state, specs)),
        _empty_fields=tuple(_empty_fields(blocks.values())),
        _containers={block_id: state.containers_of(block_id) for block_id in state.blocks},
        _graphs={start: build_graph(state, _option_ids(blocks), start=start) for start in set(starts.values())},
    )


def _block(block: Block, spec: BlockSpec, odd: tuple[str, ...]) -> CompiledBlock:
    params = block_params(block, spec)
    options, problem = _options(block, params, odd)
    return CompiledBlock(
        block=block,
        spec=spec,
        outputs=spec.declared_outputs(block),
        params={key: _setting(key, value, params) for key, value in params.items() if key not in _PARSED_APART},
        code=_function_code(params, odd) if block.type == "function" else None,
        options=options,
        options_problem=problem,
        tool_code=_tool_code(params, odd) if block.type == "agent" else {},
    )


_PARSED_APART: Final = frozenset({"code", "conditions", "routes"})
"""Settings that are code or steer the graph: nothing is filled into them as text."""
_STORED_AS_TEXT: Final = frozenset(
    {"messages", "tools", "inputMapping", "builderData", "metrics", "variables", "arguments"}
)
"""Lists and objects that some exports store as JSON text. Read before values go in, so that no value can break them."""


_JSON_TEXTS: Final = frozenset({"data", "body"})
"""Settings that are JSON text, where their block's `escapeValues` is on."""


def _setting(key: str, value: Json, params: JsonObject) -> Template:
    if key in _JSON_TEXTS and isinstance(value, str) and params.get("escapeValues") in (True, "true"):
        return compile_json_text(value)
    return compile_value(_structured(key, value))


def _structured(key: str, value: Json) -> Json:
    if key in _STORED_AS_TEXT and isinstance(value, str):
        parsed = parse_json(value)
        value = parsed if isinstance(parsed, list | dict) else value
    if key == "tools" and isinstance(value, list):
        return [{k: v for k, v in tool.items() if k != "code"} for tool in value if isinstance(tool, dict)]
    return value


def _function_code(params: JsonObject, odd: tuple[str, ...]) -> CodeTemplate:
    language = _CODE_LANGUAGES.get(to_string(params.get("language")), Language.JAVASCRIPT)
    return parse_code(code_text(params.get("code")), language, odd_names=odd)


def _tool_code(params: JsonObject, odd: tuple[str, ...]) -> dict[int, CodeTemplate]:
    tools = enumerate(parse_list(params.get("tools")))
    return {
        index: parse_code(code_text(tool.get("code")), odd_names=odd)
        for index, tool in tools
        if isinstance(tool, dict) and "code" in tool
    }


def _options(block: Block, params: JsonObject, odd: tuple[str, ...]) -> tuple[tuple[Option, ...], str | None]:
    key = {"condition": "conditions", "router_v2": "routes"}.get(block.type)
    if key is None:
        return (), None
    stored = params.get(key)
    entries = parse_json(stored) if isinstance(stored, str) and stored.strip() else stored
    if entries is MISSING:
        return (), f"Invalid {key} format: {json_problem(to_string(stored))}"
    if not isinstance(entries, list):
        return (), None
    is_code = block.type == "condition"
    return tuple(_option(entry, odd, is_code=is_code) for entry in entries if isinstance(entry, dict)), None


def _option(entry: JsonObject, odd: tuple[str, ...], *, is_code: bool) -> Option:
    text = to_string(entry.get("value")) if entry.get("value") is not None else ""
    return Option(
        to_string(entry.get("id")),
        to_string(entry.get("title") or ""),
        text,
        parse_code(text if is_code else "", odd_names=odd),
        compile_value("" if is_code else text),
    )


def _option_ids(blocks: Mapping[str, CompiledBlock]) -> dict[str, Sequence[str]]:
    return {block.id: [option.id for option in block.options] for block in blocks.values() if block.options}


def _loop(config: LoopConfig, odd: tuple[str, ...]) -> CompiledLoop:
    condition = {"while": config.while_condition, "doWhile": config.do_while_condition}.get(config.loop_type, "")
    return CompiledLoop(
        config=config,
        items=compile_value(config.for_each_items),
        condition=parse_code(condition, odd_names=odd) if condition.strip() else None,
    )


def _environment_names(
    blocks: Collection[CompiledBlock], loops: Collection[CompiledLoop], parallels: Iterable[CompiledParallel]
) -> Iterator[str]:
    templates = [template for block in blocks for template in block.params.values()]
    templates += [option.description for block in blocks for option in block.options]
    templates += [loop.items for loop in loops] + [parallel.items for parallel in parallels]
    for template in templates:
        for text in text_templates(template):
            yield from (part.name for part in text.parts if isinstance(part, EnvMarker))
    for code in _code_of(blocks, loops):
        yield from (mark.part.name for mark in code.marks if isinstance(mark.part, EnvMarker))


def _code_of(blocks: Iterable[CompiledBlock], loops: Iterable[CompiledLoop]) -> Iterator[CodeTemplate]:
    for block in blocks:
        yield from (option.code for option in block.options)
        yield from block.tool_code.values()
        if block.code is not None:
            yield block.code
    yield from (loop.condition for loop in loops if loop.condition is not None)


def _calls_a_workflow(block: CompiledBlock) -> bool:
    tools = parse_list(block.block.value("tools")) if block.type == "agent" else []
    kinds = (block.type, *(tool.get("type") for tool in tools if isinstance(tool, dict)))
    return any(kind in CALLS_A_WORKFLOW for kind in kinds)


def _empty_fields(blocks: Iterable[CompiledBlock]) -> Iterator[tuple[str, tuple[EmptyField, ...]]]:
    for compiled in blocks:
        is_run = compiled.block.enabled and not compiled.spec.is_trigger
        if is_run and (fields := empty_fields(compiled.block, compiled.spec)):
            yield compiled.name, fields


def _refusals(state: WorkflowState, specs: Mapping[str, BlockSpec | Refusal]) -> Iterator[str]:
    for block in state.blocks.values():
        spec = specs[block.type]
        if block.enabled and isinstance(spec, Refusal):
            yield spec.message
