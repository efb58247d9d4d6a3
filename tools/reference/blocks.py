"""docs/blocks.md, from the block catalog."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from shared.workflow.catalog import BlockSpec, SubBlockSpec
from shared.workflow.catalog.core import CORE_BLOCKS
from shared.workflow.catalog.unsupported import UNSUPPORTED
from shared.workflow.format.model_names import NOT_CALLED
from shared.workflow.format.models import Block
from shared.workflow.format.notifications import NO_NOTIFICATIONS
from shared.workflow.validate.unsupported_settings import NO_KNOWLEDGE, NO_PROXY, NO_SKILLS, not_called

_HEAD: Final = """# Blocks

All block types, with their settings and outputs. `make docs` generates this page from the catalog of block types; do
not edit it. [Write workflows](workflows.md) explains how blocks work together; [Agents](agents.md) and
[Code](functions.md) have more about some of them. To add a type, see
[this example](../examples/custom_block/README.md).

The table names settings by their id; `*` marks required ones. Loops and parallels have their own keys:
[Workflow files](workflow-files.md#loops-and-parallels). `GET /api/block-types` lists a server's types, including
plugins. In a YAML file, `inputFormat` is written `inputs`, and a setting with the name of a block's own key, such as
`id`, stands under `settings`.
"""
_NOT_OFFERED: Final = """## Not supported

Flowport refuses workflows that use these features of Sim, with the text in the table. It also refuses unknown types,
such as Sim's integrations with other services: call those with an API block.
"""
_NOT_FOLLOWED: Final = {
    "agent": ("skills", NO_SKILLS),
    "api": ("proxyUrl", NO_PROXY),
    "guardrails": ("knowledgeBaseId", NO_KNOWLEDGE),
    "human_in_the_loop": ("notification", NO_NOTIFICATIONS),
}


def blocks_page() -> str:
    """Return the page."""
    return "\n".join([_HEAD, *_sections(), *_refused()]) + "\n"


def _sections() -> Iterator[str]:
    yield "| type | | settings | outputs |"
    yield "|---|---|---|---|"
    yield from map(_row, CORE_BLOCKS)
    yield ""


def _row(spec: BlockSpec) -> str:
    settings = ", ".join(_setting(list(pair)) for _, pair in groupby(spec.sub_blocks, lambda each: each.parameter))
    link = f"[`{spec.type}`](workflow-files.md#{spec.type}-block)"
    return f"| {link} | **{spec.title}.** {spec.description} | {settings} | {_outputs(spec)} |"


def _setting(alternatives: list[SubBlockSpec]) -> str:
    """Format one parameter and its options."""
    first = alternatives[0]
    options = first.options or first.values
    choice = f" ({', '.join(option or 'empty' for option in options)})" if options else ""
    return f"`{first.parameter}`{'*' if first.required else ''}{choice}"


def _outputs(spec: BlockSpec) -> str:
    block = Block(id="", type=spec.type, name="")
    return ", ".join(f"`{name}`" for name in spec.declared_outputs(block))


def _refused() -> Iterator[str]:
    yield _NOT_OFFERED
    yield "| type | |"
    yield "|---|---|"
    yield from (f"| `{kind}` | {sentence} |" for kind, sentence in UNSUPPORTED.items())
    yield from (f"| `{kind}` with `{name}` | {sentence} |" for kind, (name, sentence) in _NOT_FOLLOWED.items())
    yield f"| models {', '.join(f'`{provider}/…`' for provider in sorted(NOT_CALLED))} | {not_called('these')} |"
