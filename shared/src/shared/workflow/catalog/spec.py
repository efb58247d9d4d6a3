"""Specification of a block type: settings, outputs and effects. Plugins define one as well."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NamedTuple

from shared.workflow.format.js_values import Json, JsonObject, to_string
from shared.workflow.format.models import Block
from shared.workflow.format.paths import OutputField, Outputs


class Category(StrEnum):
    """Group of a type in the editor."""

    TRIGGER = "trigger"
    BLOCK = "block"
    CONTAINER = "container"
    TOOL = "tool"
    NOTE = "note"


class Effect(StrEnum):
    """Effect of a block: whether to rerun it if a crash leaves its end unknown."""

    PURE = "pure"
    """No change outside the run: rerun it."""
    REPEATABLE = "repeatable"
    """Reaches outside, but is safe to repeat: rerun it."""
    OUTSIDE = "outside"
    """May change external systems: rerun it only if its author enabled retries."""


@dataclass(frozen=True, slots=True)
class When:
    """Condition on the block's values."""

    field: str
    is_in: tuple[Json, ...]
    negated: bool = False

    def holds(self, values: Mapping[str, Json]) -> bool:
        """Return whether the values, by sub-block id, meet it."""
        return (values.get(self.field) in self.is_in) is not self.negated

    def __str__(self) -> str:
        """Return the condition in words, for messages."""
        *others, last = dict.fromkeys(to_string(each) for each in self.is_in)
        valid = f"{', '.join(others)} or {last}" if others else last
        return f"{self.field} is {'not ' if self.negated else ''}{valid}"


class NumberRange(NamedTuple):
    """Valid numbers of a setting, both bounds included."""

    low: float
    high: float = math.inf
    is_integer: bool = False
    excludes_low: bool = False

    def __str__(self) -> str:
        """Return the range in words, for messages."""
        kind = "an integer" if self.is_integer else "a number"
        if self.excludes_low:
            return f"{kind} greater than {self.low:g}"
        return (
            f"{kind} of {self.low:g} or more" if math.isinf(self.high) else f"{kind} from {self.low:g} to {self.high:g}"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SubBlockSpec:
    """Setting of a block type."""

    id: str
    title: str
    type: str = "short-input"
    """The editor's control."""
    required: bool = False
    is_model_key: bool = False
    """Required if the provider of the block's `model` needs a key and the server has none."""
    condition: When | None = None
    """The setting exists only while this holds."""
    default: Json = None
    """Used at run time if no value is stored."""
    options: tuple[str, ...] = ()
    """Options of a dropdown."""
    values: tuple[str, ...] = ()
    """Valid literals of a setting without `options`."""
    number: NumberRange | None = None
    """Valid numbers, if the setting is one."""
    password: bool = False
    """Exported only if it is a single `{{NAME}}`."""
    canonical_id: str | None = None
    """Parameter shared by two settings; the mode selects one."""
    mode: Literal["basic", "advanced"] = "basic"
    """Mode that selects it."""

    @property
    def parameter(self) -> str:
        """Name of the parameter in the block's handler."""
        return self.canonical_id or self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSpec:
    """Block type."""

    type: str
    title: str
    category: Category = Category.BLOCK
    description: str = ""
    sub_blocks: tuple[SubBlockSpec, ...] = ()
    outputs: Outputs = field(default_factory=dict)
    outputs_of: Callable[[Block], Outputs] | None = None
    """Outputs that depend on a block's settings; overrides `outputs`."""
    effect: Effect = Effect.PURE
    effect_of: Callable[[JsonObject], Effect] | None = None
    """Effect that depends on the resolved parameters; overrides `effect`."""
    retryable: bool = True
    """Whether retry settings apply."""
    has_error_port: bool = True

    @property
    def is_trigger(self) -> bool:
        """Whether a run can start here."""
        return self.category is Category.TRIGGER

    @property
    def is_container(self) -> bool:
        """Whether it contains blocks."""
        return self.category is Category.CONTAINER

    def declared_outputs(self, block: Block) -> Outputs:
        """Return the outputs for references."""
        return self.outputs_of(block) if self.outputs_of else self.outputs

    def effect_with(self, params: JsonObject) -> Effect:
        """Return the effect of the block with these resolved parameters."""
        return self.effect_of(params) if self.effect_of else self.effect


def fields(**types: str) -> dict[str, OutputField]:
    """Return outputs for `name="type"`."""
    return {name: OutputField(type=kind) for name, kind in types.items()}
