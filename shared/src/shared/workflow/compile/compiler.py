"""Compile workflows: parse every template, expression and edge once for each snapshot.

The result is immutable, so any number of runs may share it.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain

from shared.contracts.runs import Trigger
from shared.workflow.catalog import BlockSpec, Catalog, UnsupportedBlock, installed_catalog
from shared.workflow.catalog.kinds import CALLS_A_WORKFLOW
from shared.workflow.compile.blocks import CompiledBlock, Names, compile_block, loop_condition
from shared.workflow.compile.code_references import CodeTemplate
from shared.workflow.compile.graph import Graph, build_graph
from shared.workflow.compile.parameters import EmptyField, empty_fields, missing_fields, missing_fields_message
from shared.workflow.compile.templates import Template, compile_value, text_templates
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json
from shared.workflow.format.models import LoopConfig, ParallelConfig, Variable, WorkflowState
from shared.workflow.format.paths import Outputs
from shared.workflow.format.reader import read_state
from shared.workflow.format.references import EnvMarker, is_environment_name, normalize_name, parse_text, texts
from shared.workflow.format.start import choose_start


@dataclass(frozen=True, slots=True)
class CompiledLoop:
    """A loop with its collection and condition parsed."""

    config: LoopConfig
    items: Template
    condition: CodeTemplate | None
    """None without a condition."""


@dataclass(frozen=True, slots=True)
class CompiledParallel:
    """A parallel with its collection parsed."""

    config: ParallelConfig
    items: Template


@dataclass(frozen=True, slots=True)
class CompiledWorkflow:
    """One compiled snapshot, runnable from any of its starts."""

    snapshot_hash: str
    state: WorkflowState
    blocks: Mapping[str, CompiledBlock]
    loops: Mapping[str, CompiledLoop]
    parallels: Mapping[str, CompiledParallel]
    starts: Mapping[Trigger, str]
    """Start block of each supported trigger."""
    variables_by_name: Mapping[str, Variable]
    environment_names: frozenset[str]
    """All `{{NAME}}` that occur and are valid names."""
    reads_whole_environment: bool
    """Whether code reads the whole environment, or a called workflow may read any of it."""
    refusals: tuple[str, ...]
    """Why no run may begin, whatever the server has."""
    _empty_fields: Sequence[tuple[str, tuple[EmptyField, ...]]]
    """Enabled blocks with empty fields, by name."""
    _containers: Mapping[str, tuple[str, ...]]
    _graphs: Mapping[str | None, Graph]

    @property
    def needs_environment(self) -> bool:
        """Return whether a run can see any environment value."""
        return self.reads_whole_environment or bool(self.environment_names)

    def named_values(self, environment: Mapping[str, str]) -> list[str]:
        """Return the environment values that the workflow names."""
        return [value for name, value in environment.items() if name in self.environment_names]

    def graph(self, start: str | None) -> Graph:
        """Return the graph from a block, or from every block without a predecessor for None."""
        found = self._graphs.get(start)
        return found if found is not None else build_graph(self.state, _option_ids(self.blocks), start=start)

    def outputs_of(self, block_id: str) -> Outputs:
        """Return the outputs of a block that references may use."""
        return self.blocks[block_id].outputs

    def containers_of(self, block_id: str) -> tuple[str, ...]:
        """Return the containers of a block, innermost first."""
        return self._containers[block_id]

    def problems(self, keyed_providers: Set[str]) -> Iterator[str]:
        """Yield why no run may begin on a server that has API keys for these model providers."""
        yield from self.refusals
        for name, fields in self._empty_fields:
            if titles := missing_fields(fields, keyed_providers):
                yield missing_fields_message(name, titles)


def compile_workflow(document: Json, snapshot_hash: str = "", *, catalog: Catalog | None = None) -> CompiledWorkflow:
    """Read and compile a workflow state. Raises InvalidWorkflow if the document is not a workflow."""
    state = read_state(document)
    specs = {block.type: (catalog or installed_catalog()).find(block.type) for block in state.blocks.values()}
    names = Names.of(state)
    blocks = {
        block.id: compile_block(block, spec, names)
        for block in state.blocks.values()
        if isinstance(spec := specs[block.type], BlockSpec)
    }
    loops = {key: _loop(config, names) for key, config in state.loops.items()}
    parallels = {key: CompiledParallel(p, compile_value(p.distribution)) for key, p in state.parallels.items()}
    starts = {trigger: start.id for trigger in Trigger if (start := choose_start(state, trigger))}
    return CompiledWorkflow(
        snapshot_hash=snapshot_hash,
        state=state,
        blocks=blocks,
        loops=loops,
        parallels=parallels,
        starts=starts,
        variables_by_name={normalize_name(variable.name): variable for variable in reversed(state.variables.values())},
        environment_names=frozenset(
            filter(
                is_environment_name,
                chain(
                    _environment_names(blocks.values(), loops.values(), parallels.values()),
                    _named_by_variables(state.variables.values()),
                ),
            )
        ),
        reads_whole_environment=any(map(_calls_a_workflow, blocks.values()))
        or any(code.reads_environment for code in _all_code(blocks.values(), loops.values())),
        refusals=tuple(_refusals(state, specs)),
        _empty_fields=tuple(_empty_fields(state, blocks.values())),
        _containers={block_id: state.containers_of(block_id) for block_id in state.blocks},
        _graphs={start: build_graph(state, _option_ids(blocks), start=start) for start in set(starts.values())},
    )


def _option_ids(blocks: Mapping[str, CompiledBlock]) -> dict[str, Sequence[str]]:
    return {block.id: [option.id for option in block.options] for block in blocks.values() if block.options}


def _loop(config: LoopConfig, names: Names) -> CompiledLoop:
    return CompiledLoop(config, compile_value(config.for_each_items), loop_condition(config, names))


def _environment_names(
    blocks: Collection[CompiledBlock], loops: Collection[CompiledLoop], parallels: Iterable[CompiledParallel]
) -> Iterator[str]:
    templates = [template for block in blocks for template in block.params.values()]
    templates += [option.description for block in blocks for option in block.options]
    templates += [loop.items for loop in loops] + [parallel.items for parallel in parallels]
    for template in templates:
        for text in text_templates(template):
            yield from (part.name for part in text.parts if isinstance(part, EnvMarker))
    for code in _all_code(blocks, loops):
        yield from (mark.part.name for mark in code.marks if isinstance(mark.part, EnvMarker))


def _named_by_variables(variables: Iterable[Variable]) -> Iterator[str]:
    for text in chain.from_iterable(texts(variable.value) for variable in variables):
        yield from (part.name for part in parse_text(text).parts if isinstance(part, EnvMarker))


def _all_code(blocks: Iterable[CompiledBlock], loops: Iterable[CompiledLoop]) -> Iterator[CodeTemplate]:
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


def _empty_fields(
    state: WorkflowState, blocks: Iterable[CompiledBlock]
) -> Iterator[tuple[str, tuple[EmptyField, ...]]]:
    for compiled in blocks:
        is_run = state.is_enabled(compiled.id) and not compiled.spec.is_trigger
        if is_run and (fields := empty_fields(compiled.block, compiled.spec)):
            yield compiled.name, fields


def _refusals(state: WorkflowState, specs: Mapping[str, BlockSpec | UnsupportedBlock]) -> Iterator[str]:
    for block in state.blocks.values():
        spec = specs[block.type]
        if state.is_enabled(block.id) and isinstance(spec, UnsupportedBlock):
            yield spec.message
