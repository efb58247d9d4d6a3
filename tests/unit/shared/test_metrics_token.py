"""With FLOWPORT_METRICS_TOKEN, only operators can read a service's metrics and missing dependencies."""

import httpx2
import pytest
from pydantic import SecretStr

from shared.web.app import create_app

TOKEN = "token-of-prometheus"


async def answer(path: str, shown: str | None, *, token: str = TOKEN) -> httpx2.Response:
    async def fails() -> None:
        raise TimeoutError("the store at 10.1.2.3 is down")

    app = create_app("test", components=(), checks={"store": fails}, routers=(), metrics_token=SecretStr(token))
    headers = {} if shown is None else {"authorization": shown}
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as client:
        return await client.get(path, headers=headers)


WRONG = [
    None,
    "",
    TOKEN,
    "Bearer",
    "Bearer ",
    "Bearer wrong",
    f"Basic {TOKEN}",
    f"Bearer {TOKEN}x",
    f"Bearer {TOKEN},next",
]


@pytest.mark.parametrize("shown", WRONG)
async def test_without_the_token_nothing_is_shown(shown: str | None) -> None:
    metrics = await answer("/metrics", shown)
    assert metrics.status_code == 401
    assert "flowport_" not in metrics.text
    ready = await answer("/readyz", shown)
    assert (ready.status_code, ready.json()) == (503, {"status": "unready", "problems": []})


@pytest.mark.parametrize("shown", [f"Bearer {TOKEN}", f"bearer  {TOKEN}"])
async def test_with_the_token_everything_is_shown(shown: str) -> None:
    metrics = await answer("/metrics", shown)
    assert metrics.status_code == 200
    assert "flowport_build_info" in metrics.text
    assert (await answer("/readyz", shown)).json()["problems"] == ["store: the store at 10.1.2.3 is down"]


@pytest.mark.parametrize("shown", ["Bearer old", "Bearer new"])
async def test_both_tokens_are_valid_during_a_rotation(shown: str) -> None:
    assert (await answer("/metrics", shown, token="old, new")).status_code == 200


async def test_probes_need_no_token() -> None:
    healthy = await answer("/healthz", None)
    assert (healthy.status_code, healthy.json()) == (200, {"status": "ok"})


async def test_everything_is_shown_where_no_token_is_set() -> None:
    assert (await answer("/metrics", None, token="")).status_code == 200
    assert (await answer("/readyz", None, token="")).json()["problems"] != []
