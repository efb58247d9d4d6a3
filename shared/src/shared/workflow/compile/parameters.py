"""Convert effective block settings to handler parameters."""

from collections.abc import Iterator, Set
from typing import Final, NamedTuple

from shared.workflow.catalog.spec import BlockSpec, SubBlockSpec
from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.format.model_names import needs_key, provider_of
from shared.workflow.format.models import Block

NO_PROVIDERS: Final[frozenset[str]] = frozenset()


class EmptyField(NamedTuple):
    """An empty required setting. It may stay empty if the server has an API key for `provider`."""

    title: str
    provider: str | None


def block_params(block: Block, spec: BlockSpec) -> JsonObject:
    """Return the parameters of a block, without filling in references.

    Includes known settings whose condition holds, one of each pair, with run-time defaults; omits nulls.
    """
    return {
        setting.parameter: value
        for setting in effective_settings(block, spec)
        if (value := _value(block, setting)) is not None
    }


def empty_fields(block: Block, spec: BlockSpec) -> tuple[EmptyField, ...]:
    """Return the empty required settings, regardless of the server's keys."""
    model = block.value("model")
    provider = provider_of(model) if isinstance(model, str) and needs_key(model) else None
    return tuple(
        EmptyField(setting.title, provider if setting.is_model_key else None)
        for setting in effective_settings(block, spec)
        if _value(block, setting) in (None, "") and (provider if setting.is_model_key else setting.required)
    )


def missing_fields(fields: tuple[EmptyField, ...], keyed_providers: Set[str] = NO_PROVIDERS) -> list[str]:
    """Return the titles of those that a run requires.

    `keyed_providers` are the model providers that the server has an API key for: their blocks need none.
    """
    return [field.title for field in fields if field.provider not in keyed_providers]


def missing_fields_message(block_name: str, titles: list[str]) -> str:
    """Return the error for running a block without these fields."""
    return f"{block_name} is missing required fields: {', '.join(titles)}"


def effective_settings(block: Block, spec: BlockSpec) -> Iterator[SubBlockSpec]:
    """Yield the settings that apply: their condition holds, and of a pair the selected one."""
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
    """Return the effective setting of a pair: the author's choice, else the one with a value, else the basic one."""
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
