"""`flowport test` runs user code in the sandbox, without servers."""

import asyncio
from pathlib import Path

import msgspec
from tests.support.workflow_files import START, condition, function, handle, start, workflow
from typer.testing import CliRunner

from executor_service.offline import OfflineRunner
from flowport.main import app
from flowport.run_tests.files import RunTest, write_test
from shared.contracts.recordings import Recording
from shared.contracts.runs import RunStatus


def a_workflow(code: str, test: str = "<start.n> > 1") -> RunTest:
    """Return the recorded run of a function, and of another if the condition holds."""
    branches = {"if": test, "else": ""}
    blocks = [
        start(n="number"),
        condition("c1", branches, name="Choice"),
        function("f1", code, name="Count"),
        function("f2", "return 'small'", name="Small"),
    ]
    edges = ((START, "c1"), ("c1", "f1", handle("c1", "if")), ("c1", "f2", handle("c1", "else")))
    state = workflow("Code", blocks, *edges)["state"]
    recording = Recording(run_id="r1", workspace_id="ws", workflow_id="wf", input={"n": 2})
    return RunTest(recording=recording, state=state)


async def recorded(test: RunTest) -> RunTest:
    """Return the test with the results of its own workflow."""
    async with OfflineRunner() as runner:
        run = await runner.run(test.state, test.recording)
    assert run.status is RunStatus.COMPLETED, run.error
    blocks = tuple(run.blocks.values())
    return msgspec.structs.replace(
        test, recording=msgspec.structs.replace(test.recording, blocks=blocks, output=run.output)
    )


def test_code_runs_and_a_swapped_condition_or_another_result_is_named(tmp_path: Path) -> None:
    test = asyncio.run(recorded(a_workflow("return <start.n> + 1")))
    cases = {
        "same": (a_workflow("return <start.n> + 1"), 0, "passed"),
        "value": (a_workflow("return <start.n> + 2"), 1, 'block "Count" has another result'),
        "swapped": (a_workflow("return <start.n> + 1", "<start.n> < 1"), 1, 'block "Choice" has another result'),
    }
    for name, (changed, code, text) in cases.items():
        file = tmp_path / f"{name}.test.json"
        write_test(file, msgspec.structs.replace(test, state=changed.state))
        result = CliRunner().invoke(app, ["test", str(file)])
        assert (bool(result.exception), text in result.output) == (bool(code), True), result.output
