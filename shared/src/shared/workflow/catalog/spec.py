"""What a block type is: its settings, its outputs, and how the engine may treat it. Plugins write one too."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from shared.workflow.format.js_values import Json, JsonObject
from shared.workflow.format.models import Block
from shared.workflow.format.paths import OutputField, Outputs


class Category(StrEnum):
    """Where a type belongs in the editor."""

    TRIGGER = "trigger"
    BLOCK = "block"
    CONTAINER = "container"
    TOOL = "tool"
    NOTE = "note"


class Effect(StrEnum):
    """What may be done after a crash when it is not known whether the block ran to its end."""

    PURE = "pure"
    """Nothing outside the run changes: run it again."""
    REPEATABLE = "repeatable"
    """It reaches outside, and doing it twice does no harm: run it again."""
    OUTSIDE = "outside"
    """It may change the world: never run it twice unless its author asked for retries."""


@dataclass(frozen=True, slots=True)
class When:
    """A condition on the block's own values."""

    field: str
    is_in: tuple[Json, ...]
    negated: bool = False

    def holds(self, values: Mapping[str, Json]) -> bool:
        """Whether it is met by the values, sub-block id to value."""
        return (values.get(self.field) in self.is_in) is not self.negated


@dataclass(frozen=True, slots=True, kw_only=True)
class SubBlockSpec:
    """One setting of a block type."""

    id: str
    title: str
    type: str = "short-input"
    """The editor's control."""
    required: bool = False
    is_model_key: bool = False
    """Required where the provider of the block's `model` wants a key and the server has none for it."""
    condition: When | None = None
    """The setting exists only while this holds."""
    default: Json = None
    """Filled in at run time when nothing is stored."""
    options: tuple[str, ...] = ()
    """What a dropdown offers."""
    password: bool = False
    """Never exported, unless it is one lone `{{NAME}}`."""
    canonical_id: str | None = None
    """The parameter of a pair of settings, of which the mode selects one."""
    mode: Literal["basic", "advanced"] = "basic"
    """Which of a pair this is."""

    @property
    def parameter(self) -> str:
        """The name under which the block's handler finds the value."""
        return self.canonical_id or self.id


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSpec:
    """A block type."""

    type: str
    title: str
    category: Category = Category.BLOCK
    description: str = ""
    sub_blocks: tuple[SubBlockSpec, ...] = ()
    outputs: Outputs = field(default_factory=dict)
    outputs_of: Callable[[Block], Outputs] | None = None
    """Outputs that depend on a block's settings; takes the place of `outputs`."""
    effect: Effect = Effect.PURE
    effect_of: Callable[[JsonObject], Effect] | None = None
    """An effect that depends on the resolved parameters; takes the place of `effect`."""
    retryable: bool = True
    """Whether a block's retry settings count."""
    has_error_port: bool = True

    @property
    def is_trigger(self) -> bool:
        """Whether a run can start here."""
        return self.category is Category.TRIGGER

    @property
    def is_container(self) -> bool:
        """Whether other blocks lie in it."""
        return self.category is Category.CONTAINER

    def declared_outputs(self, block: Block) -> Outputs:
        """What references may ask of this block."""
        return self.outputs_of(block) if self.outputs_of else self.outputs

    def effect_with(self, params: JsonObject) -> Effect:
        """What running the block with these resolved parameters may do to the world."""
        return self.effect_of(params) if self.effect_of else self.effect


def fields(**types: str) -> dict[str, OutputField]:
    """Outputs from `name="type"` pairs."""
    return {name: OutputField(type=kind) for name, kind in types.items()}
