"""Every code sample runs unchanged, in its language, against the running system."""

import json
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.e2e.sdks.programs import compile_typescript, run_module, run_python, run_shell
from tests.support.model_server import ModelServer, Reply
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, agent, start, workflow

LANGUAGES = ("curl", "python", "javascript", "typescript")
JOB = re.compile(r"run_[0-9a-f]{20}")
Samples = dict[tuple[str, str, str], str]


@pytest.fixture
async def samples(api: PublicApi, models: ModelServer) -> Samples:
    """The samples of a workflow with a field of every type, whose text would break out of careless quotes."""
    models.answer("guide", Reply.says("It's sunny."))
    begin = start(city="string", days="number", sure="boolean", more="object", list="array", papers="file[]")
    begin["subBlocks"]["inputFormat"]["value"][0]["value"] = 'L\'Aquila "x" $HOME `id` \\ é\n${y}'
    file = workflow("Guide", [begin, agent("a1", "vllm/guide", "<start.city>")], (START, "a1"))
    workflow_id = await api.publish(file)
    answer = await api.http.get(f"/api/workflows/{workflow_id}/samples")
    assert answer.status_code == 200, answer.text
    return {(one["mode"], one["step"], one["language"]): one["code"] for one in answer.json()["samples"]}


async def run_sample(code: str, language: str, folder: Path, environment: Mapping[str, str]) -> str:
    if language == "curl":
        return await run_shell(code, environment)
    if language == "python":
        return await run_python(code, environment)
    module = folder / "sample.mjs"
    if language == "javascript":
        module.write_text(code)
    else:
        source = module.with_suffix(".mts")
        source.write_text(code)
        await compile_typescript(source)
    return await run_module(module, environment)


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_sync_sample_prints_the_result(
    samples: Samples, language: str, api: PublicApi, models: ModelServer, tmp_path: Path
) -> None:
    key = {"SIM_API_KEY": api.http.headers["x-api-key"]}
    printed = await run_sample(samples["sync", "execute", language], language, tmp_path, key)
    assert "It's sunny." in printed
    assert models.calls_of("guide")[-1].messages[-1]["content"] == 'L\'Aquila "x" $HOME `id` \\ é\n${y}'


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_stream_sample_prints_the_frames(
    samples: Samples, language: str, api: PublicApi, tmp_path: Path
) -> None:
    key = {"SIM_API_KEY": api.http.headers["x-api-key"]}
    printed = await run_sample(samples["stream", "execute", language], language, tmp_path, key)
    frames = [json.loads(line.removeprefix("data: ")) for line in printed.splitlines() if line]
    assert "".join(frame["chunk"] for frame in frames if "chunk" in frame) == "It's sunny."
    assert frames[-1] == "[DONE]"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_async_samples_queue_a_run_read_it_and_show_the_limits(
    samples: Samples, language: str, api: PublicApi, tmp_path: Path
) -> None:
    key = {"SIM_API_KEY": api.http.headers["x-api-key"]}
    printed = await run_sample(samples["async", "execute", language], language, tmp_path, key)
    job = JOB.search(printed)
    assert job, printed
    await api.ended_job(job.group())
    environment = {**key, "JOB_ID": job.group()}
    status = await run_sample(samples["async", "status", language], language, tmp_path, environment)
    assert "completed" in status
    assert "currentPeriodCost" in await run_sample(samples["async", "limits", language], language, tmp_path, key)
