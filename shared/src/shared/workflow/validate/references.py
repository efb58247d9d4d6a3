"""Code of a workflow, and references to fields of its blocks."""

from collections.abc import Iterator
from typing import NamedTuple

from shared.workflow.compile.blocks import CompiledBlock
from shared.workflow.compile.code_references import CodeTemplate, any_reference
from shared.workflow.compile.compiler import CompiledWorkflow
from shared.workflow.compile.templates import Template, text_templates
from shared.workflow.format.models import Block
from shared.workflow.format.references import MARKER, Reference
from shared.workflow.validate.unsupported_settings import language_problem


class Code(NamedTuple):
    """A piece of code of a block."""

    block: Block
    template: CodeTemplate
    fields: tuple[str, ...]
    """The setting, and the number of its entry if it is a list."""


def code_of(workflow: CompiledWorkflow) -> Iterator[Code]:
    """Yield the code of all enabled blocks: functions, conditions, tools and conditions of loops."""
    state = workflow.state
    for key, compiled in workflow.blocks.items():
        block = compiled.block
        if not state.is_enabled(key):
            continue
        if compiled.code is not None and language_problem(block.value("language")) is None:
            yield Code(block, compiled.code, ("code",))
        for number, option in enumerate(compiled.options if block.type == "condition" else ()):
            if option.title.strip().lower() != "else":
                yield Code(block, option.code, ("conditions", str(number)))
        for number, tool in compiled.tool_code.items():
            yield Code(block, tool, ("tools", str(number), "code"))
        loop = workflow.loops.get(key)
        if loop is not None and loop.condition is not None:
            yield Code(block, loop.condition, ("condition",))


class Read(NamedTuple):
    """A reference to a field of a block."""

    block: Block
    fields: tuple[str, ...]
    reference: Reference
    source: str
    """The text that it is in."""
    start: int | None = None
    """Its offset in code."""


def references_of(workflow: CompiledWorkflow) -> Iterator[Read]:
    """Yield each reference with a field, once for each block."""
    seen: set[tuple[str, str]] = set()
    for each in (*_in_settings(workflow), *_in_code(workflow)):
        key = (each.block.id, each.reference.raw)
        if each.reference.path and key not in seen:
            seen.add(key)
            yield each


def _in_settings(workflow: CompiledWorkflow) -> Iterator[Read]:
    for key, compiled in workflow.blocks.items():
        if not workflow.state.is_enabled(key) or compiled.type == "note":
            continue
        for field, template in _settings(workflow, compiled):
            for text in text_templates(template):
                source = text.source
                yield from (Read(compiled.block, (field,), each, source) for each in text.references)


def _settings(workflow: CompiledWorkflow, compiled: CompiledBlock) -> Iterator[tuple[str, Template]]:
    yield from compiled.params.items()
    yield from (("routes", option.description) for option in compiled.options)
    loop, parallel = workflow.loops.get(compiled.id), workflow.parallels.get(compiled.id)
    if loop or parallel:
        yield "collection", loop.items if loop else parallel.items  # type: ignore[union-attr]


def _in_code(workflow: CompiledWorkflow) -> Iterator[Read]:
    for block, template, fields in code_of(workflow):
        for mark in _with_unknown(template).marks:
            if isinstance(mark.part, Reference):
                yield Read(block, fields, mark.part, template.source, mark.start)


def _with_unknown(template: CodeTemplate) -> CodeTemplate:
    """Return code with its unknown references as marks, too."""
    known = {each.part.raw for each in template.marks}
    is_complete = all(match[0] in known for match in MARKER.finditer(template.source))
    return template if is_complete or template.recompile is None else template.recompile(any_reference)
