"""Code samples and selectable outputs for console and CLI."""

from typing import Any

from pydantic import Field

from gateway.http.bodies import Wire
from gateway.workflows.domain.samples import Language, Mode, Step


class Selectable(Wire):
    """Selectable field."""

    path: str
    type: str
    selector: str = Field(description="As `selectedOutputs` takes it.")


class SelectableBlock(Wire):
    """Block and its fields."""

    block_id: str
    block_name: str
    block_type: str
    outputs: list[Selectable]


class SampleCode(Wire):
    """Program that makes one call and prints the answer. It reads the key from SIM_API_KEY."""

    mode: Mode
    step: Step
    language: Language
    code: str


class Samples(Wire):
    """Content of an API tab."""

    workflow_id: str
    version: int
    is_public: bool
    masked_key: str
    example_input: dict[str, Any]
    selected_outputs: list[str] = Field(description="What the samples of streams select.")
    outputs: list[SelectableBlock]
    samples: list[SampleCode]
