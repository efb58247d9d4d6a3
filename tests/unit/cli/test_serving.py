"""Applications served inside a process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI

from flowport.demo_model import MODEL_URL, demo_model_unless_given
from flowport.serving import PortInUse, listen, port_of, serving


async def test_an_application_answers_inside_the_block_only() -> None:
    app = FastAPI()
    app.get("/")(lambda: "here")
    listening = listen(0)
    url = f"http://127.0.0.1:{port_of(listening)}"
    async with httpx.AsyncClient() as client:
        async with serving(app, listening):
            assert (await client.get(url)).json() == "here"
        with pytest.raises(httpx.ConnectError):
            await client.get(url)


async def test_an_application_that_cannot_start_says_why() -> None:
    @asynccontextmanager
    async def broken(app: FastAPI) -> AsyncIterator[None]:
        if app.title == "fragile":
            raise OSError("no disk")
        yield

    with pytest.raises(OSError, match="no disk"):
        async with serving(FastAPI(title="fragile", lifespan=broken), listen(0)):
            pass


def test_a_port_in_use_is_said_plainly() -> None:
    with listen(0) as taken, pytest.raises(PortInUse, match=f"port {port_of(taken)}"):
        listen(port_of(taken))


async def test_the_demo_model_says_back_what_it_is_told() -> None:
    environment: dict[str, str] = {}
    body = {"model": "echo", "messages": [{"role": "user", "content": "Say this."}]}
    async with demo_model_unless_given(environment), httpx.AsyncClient() as client:
        url = f"{environment[MODEL_URL]}/v1/chat/completions"
        whole = (await client.post(url, json=body)).json()
        streamed = (await client.post(url, json={**body, "stream": True})).text
    assert whole["choices"][0]["message"]["content"] == "Say this."
    assert '{"content":"Say "}' in streamed
    assert streamed.endswith("data: [DONE]\n\n")


async def test_a_given_model_server_is_left_alone() -> None:
    environment = {MODEL_URL: "http://models.example"}
    async with demo_model_unless_given(environment):
        assert environment == {MODEL_URL: "http://models.example"}
