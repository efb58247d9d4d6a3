"""docs/blocks.md, from the catalog that deploy checks workflows with."""

from collections.abc import Iterator
from itertools import groupby
from typing import Final

from shared.workflow.catalog import BlockSpec, SubBlockSpec
from shared.workflow.catalog.core import CORE_BLOCKS
from shared.workflow.catalog.unsupported import UNSUPPORTED
from shared.workflow.format.model_names import NOT_CALLED
from shared.workflow.format.models import Block
from shared.workflow.validate.unsupported_settings import NO_KNOWLEDGE, NO_PROXY, NO_SKILLS, not_called

_HEAD: Final = """# Blocks

Written by `make docs` from the catalog of block types; do not edit it. How blocks work together is in
[Writing workflows](workflows.md), more about some of them in [Agents](agents.md) and [Code](functions.md). One of your
own is added as in [this example](../examples/custom_block/README.md).

A setting stands here by its id, with `*` where the block needs it. Those of a container (loop, parallel) are made on
the canvas. The list of a server, with its plugins, is at `GET /api/block-types`.
"""
_NOT_OFFERED: Final = """## Not offered

Sim has these. A workflow that uses one is refused with the sentence beside it, and so is one with a type that is not
known here at all, such as Sim's integrations of other companies' services: an API block calls those.
"""
_NOT_FOLLOWED: Final = {
    "agent": ("skills", NO_SKILLS),
    "api": ("proxyUrl", NO_PROXY),
    "guardrails": ("knowledgeBaseId", NO_KNOWLEDGE),
}


def blocks_page() -> str:
    """The page."""
    return "\n".join([_HEAD, *_sections(), *_refused()]) + "\n"


def _sections() -> Iterator[str]:
    yield "| type | | settings | outputs |"
    yield "|---|---|---|---|"
    yield from map(_row, CORE_BLOCKS)
    yield ""


def _row(spec: BlockSpec) -> str:
    settings = ", ".join(_setting(list(pair)) for _, pair in groupby(spec.sub_blocks, lambda each: each.parameter))
    return f"| `{spec.type}` | **{spec.title}.** {spec.description} | {settings} | {_outputs(spec)} |"


def _setting(alternatives: list[SubBlockSpec]) -> str:
    """One parameter, whichever settings it may come from."""
    first = alternatives[0]
    choice = f" ({', '.join(option or 'empty' for option in first.options)})" if first.options else ""
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
