"""The page of the execute call lists every header and field that the code reads."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.sim.models import ExecuteBody
from gateway.v2.models import ExecuteBody as V2Body

ROOT = Path(__file__).parents[3]
GATEWAY = ROOT / "services" / "gateway" / "src" / "gateway"
READERS = (
    "runs/requests.py",
    "idempotency/store.py",
    "v2/execute.py",
)


def headers() -> Iterator[str]:
    for reader in READERS:
        yield from re.findall(r'(?:headers\.get\(|^HEADER: Final = )"([a-z-]+)"', (GATEWAY / reader).read_text(), re.M)


def fields() -> Iterator[str]:
    for model in (ExecuteBody, V2Body):
        yield from (field.alias or name for name, field in model.model_fields.items())


@pytest.mark.parametrize("name", sorted({"x-sim-via", *headers(), *fields()}))
def test_it_is_on_the_page(name: str) -> None:
    page = (ROOT / "docs" / "api" / "execute.md").read_text()
    assert re.search(rf'[`"]{name}[`":]', page, re.IGNORECASE)
