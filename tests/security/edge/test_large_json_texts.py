"""JSON inside a text is bounded like a body: decoding it blocks the whole process."""

import json
from typing import Any, Final

import msgspec
import pytest
from tests.support.workflow_files import START, function, start, workflow

from gateway.workflows.interface import read_interface
from shared.errors import InvalidWorkflow
from shared.workflow.catalog import installed_catalog
from shared.workflow.format.js_values import MISSING, parse_json
from shared.workflow.format.reader import read_state
from shared.workflow.format.sizes import MAX_VALUES
from shared.workflow.format.start import coerce
from shared.workflow.transfer.importer import read_import

VALUES: Final = ("[]", "{}", "1", '""')


def text_of(count: int, value: str) -> str:
    return f"[{','.join([value] * count)}]"


@pytest.mark.parametrize("value", VALUES)
@pytest.mark.parametrize("kind", ["object", "array"])
def test_an_input_field_with_too_many_values_stays_text(kind: str, value: str) -> None:
    sent = text_of(MAX_VALUES + 1, value)
    assert coerce(sent, kind) is sent


@pytest.mark.parametrize("value", VALUES)
def test_a_text_with_too_many_values_is_not_decoded(value: str) -> None:
    assert parse_json(text_of(MAX_VALUES + 1, value)) is MISSING


def test_a_long_text_with_few_values_is_decoded() -> None:
    long = "[{," * MAX_VALUES
    assert parse_json(json.dumps([long, '"'])) == [long, '"']


@pytest.mark.parametrize("value", VALUES)
def test_a_workflow_file_with_too_many_values_is_refused(value: str) -> None:
    with pytest.raises(InvalidWorkflow, match="more than 500,000 JSON values"):
        read_import(f'{{"blocks":{{}},"edges":[],"more":{text_of(MAX_VALUES + 1, value)}}}')


@pytest.mark.parametrize(
    ("number", "value"),
    [(f"0x{'f' * 4_000}", "inf"), (f"0b{'1' * 2_000}", "inf"), ("0x20000000000001", "9007199254740992.0")],
)
def test_a_number_of_any_length_can_be_written_as_json(number: str, value: str) -> None:
    coerced = coerce(number, "number")
    assert str(coerced) == value
    msgspec.json.encode(coerced)


class CountedNames(dict[str, str]):
    """Return the names of a workflow's blocks, and how often all of them were read."""

    readings = 0

    def items(self) -> Any:
        self.readings += 1
        return super().items()


def test_an_interface_parses_the_workflow_a_constant_number_of_times() -> None:
    blocks = [function(f"f{number}", "return 1", name=f"F {number}") for number in range(50)]
    state = read_state(read_import(workflow("many", [start(), *blocks], (START, "f0"))).state)
    names = CountedNames(state.ids_by_name)
    interface = read_interface(msgspec.structs.replace(state, ids_by_name=names), installed_catalog())
    assert [block.selector for block in interface.outputs] == [f"f_{number}" for number in range(50)]
    assert names.readings == 1
