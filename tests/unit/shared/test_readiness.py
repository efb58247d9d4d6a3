"""What `/readyz` says is missing."""

import httpx
import pytest

from shared.errors import Unavailable
from shared.web.app import create_app


async def _problems(error: Exception) -> list[str]:
    async def check() -> None:
        raise error

    app = create_app("test", components=(), checks={"store": check}, routers=())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 503
    found: list[str] = answer.json()["problems"]
    return found


@pytest.mark.parametrize(
    ("error", "problem"), [(Unavailable("it is away"), "store: it is away"), (TimeoutError(), "store: TimeoutError")]
)
async def test_a_problem_says_why_even_where_the_error_has_no_words(error: Exception, problem: str) -> None:
    assert await _problems(error) == [problem]
