"""Parser for server-sent events, with their ids where present."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx2


@dataclass(frozen=True)
class Event:
    """One frame. A reader that reconnects sends the last `id`."""

    id: str | None
    data: Any


async def events_in(response: httpx2.Response) -> AsyncIterator[Event]:
    """Yield every frame as it arrives."""
    event_id: str | None = None
    async for line in response.aiter_lines():
        if line.startswith("id: "):
            event_id = line.removeprefix("id: ")
        elif line.startswith("data: "):
            yield Event(event_id, json.loads(line.removeprefix("data: ")))
