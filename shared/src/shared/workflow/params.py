"""Which settings of a block count, and how they become the parameters of its handler."""

from collections.abc import Iterator, Set
from typing import Final

from shared.workflow.catalog.spec import BlockSpec, SubBlockSpec
from shared.workflow.jsvalues import Json, JsonObject
from shared.workflow.model_names import needs_key, provider_of
from shared.workflow.models import Block

NO_PROVIDERS: Final[frozenset[str]] = frozenset()


def block_params(block: Block, spec: BlockSpec) -> JsonObject:
    """The parameters of a block, references not yet filled in.

    Only known settings whose condition holds, one of each pair, run-time defaults filled in; nulls are left out.
    """
    return {
        setting.parameter: value for setting in _settings(block, spec) if (value := _value(block, setting)) is not None
    }


def missing_fields(block: Block, spec: BlockSpec, keyed_providers: Set[str] = NO_PROVIDERS) -> list[str]:
    """The titles of required settings that are empty.

    `keyed_providers` are the model providers that the server has an API key for: their blocks need none of their own.
    """
    return [
        setting.title
        for setting in _settings(block, spec)
        if _value(block, setting) in (None, "") and _is_required(block, setting, keyed_providers)
    ]


def missing_fields_message(block_name: str, titles: list[str]) -> str:
    """The sentence with which a run of such a block is refused."""
    return f"{block_name} is missing required fields: {', '.join(titles)}"


def _settings(block: Block, spec: BlockSpec) -> Iterator[SubBlockSpec]:
    values = {setting.id: _value(block, setting) for setting in spec.sub_blocks}
    for setting in spec.sub_blocks:
        if setting.canonical_id and setting.mode != _mode(block, spec, setting.canonical_id):
            continue
        if setting.condition is None or setting.condition.holds(values):
            yield setting


def _value(block: Block, setting: SubBlockSpec) -> Json:
    value = block.value(setting.id)
    return setting.default if value is None else value


def _is_required(block: Block, setting: SubBlockSpec, keyed_providers: Set[str]) -> bool:
    if not setting.is_model_key:
        return setting.required
    model = block.value("model")
    return isinstance(model, str) and needs_key(model) and provider_of(model) not in keyed_providers


def _mode(block: Block, spec: BlockSpec, canonical_id: str) -> str:
    """Which setting of a pair counts: the author's choice, else the one that has a value, else the basic one."""
    chosen = block.data.get("canonicalModes")
    mode = chosen.get(canonical_id) if isinstance(chosen, dict) else None
    if mode in ("basic", "advanced"):
        return str(mode)
    filled = {
        setting.mode
        for setting in spec.sub_blocks
        if setting.canonical_id == canonical_id and block.value(setting.id) not in (None, "")
    }
    return "advanced" if filled == {"advanced"} or (block.advanced_mode and "advanced" in filled) else "basic"
