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


class Programs:
    """The samples of one language in files of `folder`."""

    def __init__(self, samples: Samples, language: str, folder: Path) -> None:
        self._codes = {(mode, step): code for (mode, step, found), code in samples.items() if found == language}
        self._language = language
        self._folder = folder

    async def build(self) -> None:
        """Write JavaScript, and check and compile TypeScript. One compiler does all: its start takes longest."""
        if self._language not in ("javascript", "typescript"):
            return
        suffix = ".mjs" if self._language == "javascript" else ".mts"
        sources = [self._module(*names).with_suffix(suffix) for names in self._codes]
        for source, code in zip(sources, self._codes.values(), strict=True):
            source.write_text(code)
        if self._language == "typescript":
            await compile_typescript(*sources)

    async def run(self, mode: str, step: str, environment: Mapping[str, str]) -> str:
        """Return what the sample prints."""
        if self._language == "curl":
            return await run_shell(self._codes[mode, step], environment)
        if self._language == "python":
            return await run_python(self._codes[mode, step], environment)
        return await run_module(self._module(mode, step), environment)

    def _module(self, mode: str, step: str) -> Path:
        return self._folder / f"{mode}-{step}.mjs"


@pytest.mark.parametrize("language", LANGUAGES)
async def test_the_samples_of_a_language_call_the_workflow_in_each_mode(
    samples: Samples, language: str, api: PublicApi, models: ModelServer, tmp_path: Path
) -> None:
    key = {"SIM_API_KEY": api.http.headers["x-api-key"]}
    programs = Programs(samples, language, tmp_path)
    await programs.build()

    assert "It's sunny." in await programs.run("sync", "execute", key)
    assert models.calls_of("guide")[-1].messages[-1]["content"] == 'L\'Aquila "x" $HOME `id` \\ é\n${y}'

    streamed = await programs.run("stream", "execute", key)
    frames = [json.loads(line.removeprefix("data: ")) for line in streamed.splitlines() if line]
    assert "".join(frame["chunk"] for frame in frames if "chunk" in frame) == "It's sunny."
    assert frames[-1] == "[DONE]"

    queued = await programs.run("async", "execute", key)
    job = JOB.search(queued)
    assert job, queued
    await api.ended_job(job.group())
    assert "completed" in await programs.run("async", "status", {**key, "JOB_ID": job.group()})
    assert "currentPeriodCost" in await programs.run("async", "limits", key)
