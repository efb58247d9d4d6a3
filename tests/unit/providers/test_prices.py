import json

import pytest
from tests.support.http_stub import Answer, HttpStub

from executor_service.providers import NO_COST, Message, ModelRequest, Models, ProviderSettings, Role, Tokens
from executor_service.providers.prices import cost_of


def test_known_models_have_a_price() -> None:
    cost = cost_of("gpt-4o", "openai", Tokens(1_000_000, 500_000))
    assert cost.input > 0
    assert cost.total == cost.input + cost.output


def test_an_unknown_model_has_no_known_cost() -> None:
    assert cost_of("no-such-model", "openai", Tokens(10, 10)) == NO_COST


@pytest.mark.parametrize(("credentials", "is_ours"), [({}, True), ({"apiKey": "theirs"}, False)])
async def test_only_calls_with_the_servers_key_have_a_cost(credentials: dict[str, str], is_ours: bool) -> None:
    usage = {"prompt_tokens": 1000, "completion_tokens": 1000}
    answer = {"choices": [{"message": {"content": "x"}}], "usage": usage}
    async with HttpStub() as stub:
        stub.answer(Answer(body=json.dumps(answer)))
        models = Models(ProviderSettings(openai_base_url=f"http://127.0.0.1:{stub.port}", openai_api_key="ours"))
        request = ModelRequest(
            model="gpt-4o", messages=(Message(role=Role.USER, content="Hi"),), credentials=credentials
        )
        turn = await models.turn(request)
        await models.stop()
    assert (turn.cost.total > 0) is is_ours
