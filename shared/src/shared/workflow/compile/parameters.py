"""Which settings of a block count, and how they become the parameters of its handler."""

from collections.abc import Iterator, Set
from typing import Final, NamedTuple

from shared.workflow.catalog.spec import BlockSpec, SubBlockSpec
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.format.model_names import needs_key, provider_of
from shared.workflow.format.models import Block

NO_PROVIDERS: Final[frozenset[str]] = frozenset()


class EmptyField(NamedTuple):
    """A required setting without a value. Where the server has an API key for `provider`, it may stay empty."""

    title: str
    provider: str | None


def block_params(block: Block, spec: BlockSpec) -> JsonObject:
    """The parameters of a block, references not yet filled in.

    Only known settings whose condition holds, one of each pair, run-time defaults filled in; nulls are left out.
    """
    return {
        setting.parameter: value for setting in _settings(block, spec) if (value := _value(block, setting)) is not None
    }


def empty_fields(block: Block, spec: BlockSpec) -> tuple[EmptyField, ...]:
    """The required settings that are empty, whatever the server has."""
    model = block.value("model")
    provider = provider_of(model) if isinstance(model, str) and needs_key(model) else None
    return tuple(
        EmptyField(setting.title, provider if setting.is_model_key else None)
        for setting in _settings(block, spec)
        if _value(block, setting) in (None, "") and (provider if setting.is_model_key else setting.required)
    )


def missing_fields(fields: tuple[EmptyField, ...], keyed_providers: Set[str] = NO_PROVIDERS) -> list[str]:
    """The titles of those that a run cannot do without.

    `keyed_providers` are the model providers that the server has an API key for: their blocks need none of their own.
    """
    return [field.title for field in fields if field.provider not in keyed_providers]


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
