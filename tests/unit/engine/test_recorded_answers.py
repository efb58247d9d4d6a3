"""Blocks with effects answer from a recorded run; all others run."""

from typing import Any

from tests.support.engine.building import Scripted, block, chain, document, engine_of, execution

from executor_service.engine.recorded_answers import CHANGED_INPUTS, OVER_BUDGET, UNRECORDED, RecordedAnswers
from executor_service.engine.secrets import EnvironmentNames
from shared.contracts.recordings import EffectKind, RecordedBlock, merge_blocks
from shared.contracts.runs import RunStatus, Usage

POST = {"method": "POST", "url": "https://shop.example/orders"}


def recorded(path: str, inputs: Any, output: Any = None, **more: Any) -> RecordedBlock:
    return RecordedBlock(path=path, block_id=path.rpartition("/")[2], inputs=inputs, output=output, **more)


def never(call: Any) -> Any:
    raise AssertionError(f"{call.block.id} reached outside")


def answered(answers: RecordedAnswers, **handlers: Any) -> Any:
    named = {"api": Scripted(never), "agent": Scripted(never), "wait": Scripted(never), **handlers}
    return engine_of(answers.handlers(named))


async def inputs_of(workflow: Any) -> dict[str, Any]:
    """Return the inputs of each block, by path, when the workflow runs."""
    seen: dict[str, Any] = {}

    class Watched(Scripted):
        async def run(self, call: Any, inputs: Any) -> Any:
            seen[call.execution_path] = inputs.recorded()
            return await super().run(call, inputs)

    handlers = dict.fromkeys(("api", "agent", "wait"), Watched(lambda call: {}))
    await execution(engine_of(handlers), workflow).run()
    return seen


async def test_a_block_with_an_effect_answers_from_the_record() -> None:
    answers = RecordedAnswers([recorded("order", {**POST, "code": ""}, {"status": 201})])
    result = await execution(answered(answers), chain(block("order", "api", **POST))).run()
    assert result.output == {"status": 201}
    assert answers.unrecorded == []


async def test_a_block_without_effect_runs() -> None:
    answers = RecordedAnswers([recorded("f", {"code": "1"}, {"result": "recorded"})])
    function = Scripted(lambda call: {"result": "computed"})
    result = await execution(answered(answers, function=function), chain(block("f", code="1"))).run()
    assert result.output == {"result": "computed"}


async def test_other_inputs_are_an_unrecorded_call_that_names_the_block() -> None:
    before = await inputs_of(chain(block("ask", "agent", model="m", userPrompt="old")))
    answers = RecordedAnswers([recorded("ask", before["ask"], {"content": "hi"})])
    workflow = chain(block("ask", "agent", model="m", userPrompt="new"))
    result = await execution(answered(answers), workflow).run()
    assert result.outcome.status is RunStatus.FAILED
    (call,) = answers.unrecorded
    assert (call.path, call.effect, call.reason) == ("ask", EffectKind.MODEL, CHANGED_INPUTS)
    assert call.inputs == {**before["ask"], "messages": [{"role": "user", "content": "new"}]}


async def test_a_new_block_with_an_effect_is_an_unrecorded_call_even_if_an_error_edge_handles_it() -> None:
    answers = RecordedAnswers([])
    workflow = document(
        [block("start", "start_trigger"), block("order", "api", **POST), block("f")],
        [("start", "source", "order"), ("order", "error", "f")],
    )
    function = Scripted(lambda call: {"result": "handled"})
    result = await execution(answered(answers, function=function), workflow).run()
    assert result.outcome.status is RunStatus.COMPLETED
    assert [call.reason for call in answers.unrecorded] == [UNRECORDED]


async def test_each_iteration_has_its_own_answer() -> None:
    workflow = document(
        [
            block("start", "start_trigger"),
            block("each", "loop"),
            block("send", "api", parent="each", method="POST", url="https://shop.example/<loop.index>"),
        ],
        [("start", "source", "each"), ("each", "loop-start-source", "send")],
        loops={"each": {"id": "each", "nodes": ["send"], "iterations": 2, "loopType": "for"}},
    )
    inputs = await inputs_of(workflow)
    answers = RecordedAnswers(recorded(path, inputs[path], {"status": int(path.partition("/")[0])}) for path in inputs)
    result = await execution(answered(answers), workflow).run()
    shown = [log.output for log in result.blocks if log.block_type == "api"]
    assert shown == [{"status": index} for index in range(len(inputs))]
    assert len(shown) > 1
    assert answers.unrecorded == []


async def test_a_recorded_failure_fails_again_and_is_not_retried() -> None:
    answers = RecordedAnswers([recorded("order", {**POST, "code": ""}, {"status": 500, "error": "no"}, error="no")])
    retry = {"enabled": True, "maxTries": 3, "waitBetweenTriesMs": 600_000}
    result = await execution(answered(answers), chain(block("order", "api", retry=retry, **POST))).run()
    assert result.outcome.error is not None
    assert "no" in result.outcome.error.message
    assert result.blocks[-1].output == {"status": 500, "error": "no"}


async def test_a_wait_does_not_wait_and_a_paused_block_has_its_final_answer() -> None:
    workflow = chain(block("hold", "wait", timeValue="9"))
    inputs = await inputs_of(workflow)
    paused = recorded("hold", inputs["hold"], {"status": "waiting"}, order=1)
    done = RecordedBlock(path="hold", block_id="hold", output={"status": "completed"}, is_resumption=True)
    answers = RecordedAnswers([paused, done])
    result = await execution(answered(answers), workflow).run()
    assert (result.outcome.status, result.output) == (RunStatus.COMPLETED, {"status": "completed"})


async def test_another_value_of_an_environment_variable_is_the_same_input() -> None:
    environment = {"TOKEN": "the-new-token-2"}
    answers = RecordedAnswers(
        [recorded("order", {"url": "https://shop.example/?t={{TOKEN}}", "method": "GET", "code": ""}, {"status": 200})],
        EnvironmentNames(environment),
    )
    workflow = chain(block("order", "api", method="GET", url="https://shop.example/?t={{TOKEN}}"))
    result = await execution(answered(answers), workflow, environment=environment).run()
    assert result.output == {"status": 200}


def test_names_replace_environment_values_in_every_form_and_in_keys() -> None:
    names = EnvironmentNames({"KEY": "s3cret/value?x", "SHORT": "80"})
    masked = names.mask({"a": ["s3cret/value?x"], "s3cret/value?x": "q=s3cret%2Fvalue%3Fx&port=80"})
    assert masked == {"a": ["{{KEY}}"], "{{KEY}}": "q={{KEY}}&port=80"}


def test_a_later_attempt_at_a_block_replaces_an_earlier_one() -> None:
    merged = merge_blocks([recorded("b", 1, order=2), recorded("a", 1, order=1), recorded("b", 2, order=2)])
    assert [(block.path, block.inputs) for block in merged] == [("a", 1), ("b", 2)]


class Budget:
    """Budget of some calls."""

    def __init__(self, calls: int) -> None:
        self.left = calls
        self.charged: list[float] = []

    async def reserve(self) -> bool:
        self.left -= 1
        return self.left >= 0

    async def charge(self, usd: float) -> None:
        self.charged.append(usd)


def ask(call: Any) -> Any:
    """Answer as a model that costs a quarter of a dollar."""
    call.spend(Usage(cost_usd=0.25))
    return {"content": "live"}


async def test_within_a_budget_a_model_without_a_recorded_answer_is_called_and_its_cost_reported() -> None:
    budget = Budget(1)
    answers = RecordedAnswers([], budget=budget)
    workflow = chain(block("one", "agent", model="m", userPrompt="a"), block("two", "agent", model="m", userPrompt="b"))
    model = Scripted(ask)
    result = await execution(answered(answers, agent=model), workflow).run()
    assert (model.runs["one"], model.runs["two"], budget.charged) == (1, 0, [0.25])
    assert result.usage.cost_usd == 0.25
    assert result.outcome.error is not None
    assert OVER_BUDGET in result.outcome.error.message


async def test_a_recorded_answer_costs_nothing() -> None:
    workflow = chain(block("ask", "agent", model="m", userPrompt="a"))
    inputs = await inputs_of(workflow)
    budget = Budget(1)
    answers = RecordedAnswers([recorded("ask", inputs["ask"], {"content": "hi"})], budget=budget)
    result = await execution(answered(answers), workflow).run()
    assert (result.output, budget.left) == ({"content": "hi"}, 1)


async def test_nothing_but_a_model_alone_is_called() -> None:
    tool = {"type": "mcp", "title": "t"}
    for settings in ({"tools": [tool]}, {"memoryType": "conversation", "conversationId": "c"}):
        answers = RecordedAnswers([], budget=Budget(9))
        workflow = chain(block("ask", "agent", model="m", userPrompt="a", **settings))
        await execution(answered(answers), workflow).run()
        assert [call.block_id for call in answers.unrecorded] == ["ask"]
    answers = RecordedAnswers([], budget=Budget(9))
    await execution(answered(answers), chain(block("order", "api", **POST))).run()
    assert [call.block_id for call in answers.unrecorded] == ["order"]
