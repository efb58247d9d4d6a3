"""A recorded run of the running system becomes a test that needs no system."""

import asyncio
from functools import partial
from pathlib import Path
from uuid import uuid4

from tests.support.command_line import CommandLine
from tests.support.eventually import until
from tests.support.model_server import ModelServer, Reply
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, agent, function, start, workflow


async def test_a_recorded_run_is_saved_and_tested_offline(
    flowport: CommandLine, api: PublicApi, models: ModelServer, tmp_path: Path
) -> None:
    secret = f"value-{uuid4().hex}"
    assert flowport("secrets", "set", "SAVED_RUN", stdin=secret).code == 0
    models.answer("recorded", Reply.says("Paris is the capital"))
    blocks = [
        start(question="string"),
        agent("a1", "vllm/recorded", "<start.question> {{SAVED_RUN}}", name="Ask"),
        function("f1", "return <ask.content>.split(' ')[0]", name="Pick"),
    ]
    workflow_id = await api.publish(workflow("Saved", blocks, (START, "a1"), ("a1", "f1")))
    policy = {"recording": {"sample": 1.0, "failures": True, "days": 1}}
    changed = await api.http.patch(f"/api/workflows/{workflow_id}/deploy", json=policy)
    assert changed.status_code == 200, changed.text
    recordings = f"/api/v2/workflows/{workflow_id}/recordings"

    async def is_recorded() -> bool:
        assert (await api.run(workflow_id, {"question": "Capital?"})).status_code == 200
        return bool((await api.http.get(recordings)).raise_for_status().json()["data"])

    await until(is_recorded)
    run_id = (await api.http.get(recordings)).json()["data"][0]["runId"]
    file = tmp_path / "saved.test.json"
    saved = flowport("runs", "save", run_id, "--file", str(file))
    assert saved.code == 0, saved.err
    assert secret not in file.read_text()
    offline = partial(asyncio.to_thread, CommandLine({}), "test", str(file))
    passed = await offline()
    assert passed.code == 0, passed.out

    file.write_text(file.read_text().replace("split(' ')[0]", "split(' ')[1]"))
    failed = await offline()
    assert failed.code == 1
    assert 'block "Pick" has another result' in failed.out
