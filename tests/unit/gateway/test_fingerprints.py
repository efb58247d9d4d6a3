"""Fingerprints are stored for a day, so every version of the gateway must compute the same."""

import pytest

from gateway.idempotency.store import FINGERPRINTED, fingerprint
from gateway.runs.requests import DraftRun, ExecuteRequest
from shared.contracts.runs import RunMode

PATH = "/api/workflows/{workflow_id}/execute"
ASYNC = ExecuteRequest(
    mode=RunMode.ASYNC,
    input=b'{"a":1}',
    selected_outputs=("a.content",),
    call_chain=("w1",),
    callback_url="https://example.com/x",
)
DRAFT = ExecuteRequest(mode=RunMode.STREAM, input=b"{}", draft_run=DraftRun(state={"b": 1, "a": {"d": 1, "c": 2}}))


@pytest.mark.parametrize(
    ("request_", "recorded"),
    [
        (ASYNC, "63eaa0e052e22059883a349a610ef409743cce8153480f29de799cf9e1e460fd"),
        (DRAFT, "b83ea11681dc1b3587610ddab220959b6ee5a39846fd0be060874b46f32f2003"),
    ],
)
def test_a_request_has_the_fingerprint_that_earlier_versions_stored(request_: ExecuteRequest, recorded: str) -> None:
    assert fingerprint(PATH, request_) == recorded


def test_every_option_of_a_request_is_part_of_its_fingerprint() -> None:
    assert set(FINGERPRINTED) == set(ExecuteRequest.__struct_fields__) - {
        "checks_input",
        "replay",
    }  # follow from the path
