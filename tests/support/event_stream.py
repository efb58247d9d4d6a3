"""Server-sent events as a reader takes them, with their ids where they have any."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2


@dataclass(frozen=True)
class Event:
    """One frame. `id` is what a reader who comes back says last."""

    id: str | None
    data: Any


async def events_in(response: httpx2.Response) -> AsyncIterator[Event]:
    """Every frame as it comes."""
    event_id: str | None = None
    async for line in response.aiter_lines():
        if line.startswith("id: "):
            event_id = line.removeprefix("id: ")
        elif line.startswith("data: "):
            yield Event(event_id, json.loads(line.removeprefix("data: ")))
