"""`flowport test`: recorded runs, run again offline."""

import asyncio
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from tests.support.workflow_files import START, block, start, workflow
from typer.testing import CliRunner

from executor_service.offline import OfflineRunner
from flowport.client.api_client import ApiClient
from flowport.client.runs import RunRef
from flowport.errors import CommandFailed
from flowport.main import app
from flowport.run_tests.files import RunTest, read_test, write_test
from flowport.run_tests.saving import SavedRun, make_test, save_run
from shared.contracts.recordings import EffectKind, RecordedBlock, Recording
from shared.contracts.runs import RunStatus

Document = dict[str, Any]

ASKS = {"model": "gpt-4o", "messages": [{"role": "user", "content": "<start.question>"}], "apiKey": "{{OPENAI_KEY}}"}
FETCHES = {"url": "https://example.com/<start.question>", "method": "GET"}
ANSWERS: dict[str, Any] = {"ask": {"content": "Paris", "model": "gpt-4o"}, "fetch": {"data": {"id": 7}, "status": 200}}
SAYS = {"dataMode": "json", "data": '{"answer": "<ask.content>", "id": <fetch.data.id>}', "status": "200"}


def a_workflow(**changed: Mapping[str, Any]) -> Document:
    """Return start → fetch → ask → say; `changed` replaces settings of a block."""
    settings: dict[str, Mapping[str, Any]] = {"fetch": FETCHES, "ask": ASKS, "say": SAYS, **changed}
    kinds = {"fetch": "api", "ask": "agent", "say": "response"}
    blocks = [start(), *(block(name, kind, name, **settings[name]) for name, kind in kinds.items())]
    state: Document = workflow("Capital", blocks, (START, "fetch"), ("fetch", "ask"), ("ask", "say"))["state"]
    return state


def recorded(state: Document, answers: Mapping[str, Any] = ANSWERS, **facts: Any) -> Recording:
    """Return the recording of a run whose calls got these answers."""

    async def record() -> Recording:
        recording = Recording(run_id="r1", workspace_id="ws", workflow_id="wf", input={"question": "capital"}, **facts)
        async with OfflineRunner() as runner:
            for _ in range(10):
                run = await runner.run(state, recording)
                calls = [
                    RecordedBlock(
                        path=call.path,
                        block_id=call.block_id,
                        block_name=call.block_name,
                        block_type=call.block_type,
                        inputs=call.inputs,
                        output=answers[call.block_id],
                        effect=call.effect,
                    )
                    for call in run.unrecorded
                ]
                if not calls:
                    blocks = tuple(run.blocks.values())
                    return msgspec.structs.replace(
                        recording, blocks=blocks, status=run.status, output=run.output, error=run.error
                    )
                recording = msgspec.structs.replace(recording, blocks=(*recording.blocks, *calls))
        raise AssertionError("the run makes more and more calls")

    return asyncio.run(record())


def saved(folder: Path, tested: Document | None = None, **more: Any) -> Path:
    """Save the recorded run; `tested` is the state to test in place of the recorded one."""
    state = a_workflow()
    test = RunTest(recording=recorded(state), state=state, **more)
    file = folder / "capital.test.json"
    if tested is not None:
        envelope = {"version": "1.0", "workflow": {"name": "Capital"}, "state": tested}
        (folder / "capital.json").write_text(json.dumps(envelope))
        test = msgspec.structs.replace(test, workflow="capital.json")
    write_test(file, test)
    return file


def run_tests(*arguments: object) -> tuple[int, str]:
    """Return the exit code and the output of `flowport test`."""
    result = CliRunner().invoke(app, ["test", *map(str, arguments)])
    error = result.exception
    return (error.exit_code if isinstance(error, CommandFailed) else result.exit_code), result.output


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail on any connection."""

    def refuse(*_: object) -> None:
        raise AssertionError("connected to the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def test_a_saved_run_passes_without_network_or_keys(tmp_path: Path) -> None:
    saved(tmp_path)
    code, output = run_tests(tmp_path)
    assert (code, output.split()[0]) == (0, "passed"), output


def test_a_recorded_failure_is_expected(tmp_path: Path) -> None:
    state = a_workflow()
    recording = recorded(state)
    failing = [
        msgspec.structs.replace(each, error="no quota", output={"error": "no quota"})
        if each.block_id == "ask"
        else each
        for each in recording.blocks
        if each.block_id != "say"
    ]
    ended: dict[str, Any] = {"status": RunStatus.FAILED, "error": "no quota", "output": {}}
    failed = msgspec.structs.replace(recording, blocks=tuple(failing), **ended)
    write_test(tmp_path / "failed.test.json", RunTest(recording=failed, state=state))
    code, output = run_tests(tmp_path)
    assert code == 0, output


def test_the_workflow_file_is_tested_in_place_of_the_recorded_version(tmp_path: Path) -> None:
    saved(tmp_path, a_workflow())
    assert run_tests(tmp_path)[0] == 0


def test_a_changed_prompt_is_a_call_that_is_not_recorded(tmp_path: Path) -> None:
    saved(tmp_path, a_workflow(ask={**ASKS, "messages": [{"role": "user", "content": "Answer: <start.question>"}]}))
    code, output = run_tests(tmp_path)
    assert code == 1
    assert 'block "ask" makes a call with inputs that are not recorded' in output
    assert "Answer: capital" in output


def test_a_mutated_reference_names_the_block(tmp_path: Path) -> None:
    saved(tmp_path, a_workflow(say={**SAYS, "data": '{"answer": "<ask.model>", "id": <fetch.data.id>}'}))
    code, output = run_tests(tmp_path)
    assert code == 1
    assert 'block "say" has another result' in output
    assert 'was "Paris", is "gpt-4o"' in output


def test_a_new_call_is_not_recorded_and_cannot_be_accepted(tmp_path: Path) -> None:
    added = a_workflow()
    added["blocks"]["new"] = block("new", "api", "new", **FETCHES)
    edge = {"id": "n", "source": "fetch", "sourceHandle": "source", "target": "new", "targetHandle": "target"}
    added["edges"].append(edge)
    file = saved(tmp_path, added)
    before = file.read_bytes()
    for arguments in ([tmp_path], [tmp_path, "--accept"]):
        code, output = run_tests(*arguments)
        assert code == 1
        assert 'block "new" makes a call that is not recorded' in output
    assert file.read_bytes() == before


def test_accepted_results_are_the_new_expectation(tmp_path: Path) -> None:
    asks = {**ASKS, "messages": [{"role": "user", "content": "Answer: <start.question>"}]}
    saved(tmp_path, a_workflow(ask=asks, say={**SAYS, "data": '{"text": "<ask.content>"}'}))
    assert run_tests(tmp_path)[0] == 1
    code, output = run_tests(tmp_path, "--accept")
    assert (code, output.split()[0]) == (0, "accepted"), output
    assert run_tests(tmp_path)[0] == 0


def test_ignored_values_may_differ(tmp_path: Path) -> None:
    tested = a_workflow(say={**SAYS, "data": '{"answer": "<ask.model>", "id": <fetch.data.id>}'})
    saved(tmp_path, tested, ignore=("say.*answer", "output.*answer"))
    code, output = run_tests(tmp_path)
    assert code == 0, output


BROKEN = {"cut": b"{", "binary": b'{"workflow": "\xff"}', "deep": b'{"state": {"a": ' + b"[" * 100_000, "folder": None}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_file_that_cannot_be_read_fails_and_the_others_run(tmp_path: Path, content: bytes | None) -> None:
    saved(tmp_path)
    broken = tmp_path / "broken.test.json"
    if content is None:
        broken.mkdir()
    else:
        broken.write_bytes(content)
    code, output = run_tests(tmp_path)
    assert (code, [line.split()[0] for line in output.splitlines() if line[:1] != " "]) == (1, ["failed", "passed"])
    assert str(broken) in output


def test_reports_are_json_and_junit(tmp_path: Path) -> None:
    saved(tmp_path, a_workflow(say={**SAYS, "data": '{"answer": "<ask.model>"}'}))
    report = tmp_path / "report.xml"
    code, output = run_tests(tmp_path, "--json", "--junit", report)
    assert code == 1
    assert json.loads(output)[0]["findings"][0]["block"] == "say"
    assert '<failure message="block &quot;say&quot; has another result">' in report.read_text()


def test_a_folder_without_tests_is_an_error(tmp_path: Path) -> None:
    assert run_tests(tmp_path)[0] == 1
    assert run_tests(tmp_path / "missing")[0] == 1


def test_a_saved_file_has_no_secret_and_still_passes(tmp_path: Path) -> None:
    planted = [f"sk-live-{n:032x}" for n in range(50)]
    named = [f"hidden value {n}" for n in range(50)]
    state = a_workflow(fetch={**FETCHES, "headers": [{"id": "1", "cells": {"Key": "X-Mail", "Value": "<start.mail>"}}]})
    given = {
        "question": " ".join(planted),
        "mail": "ada@example.org",
        "passwords": [{"password": each} for each in named],
    }
    answers = {**ANSWERS, "ask": {**ANSWERS["ask"], "content": f"Paris, {planted[3]}", "access_token": named[4]}}

    async def inputs() -> Recording:
        return Recording(run_id="r1", workspace_id="ws", workflow_id="wf", input=given)

    recording = recorded_with(asyncio.run(inputs()), state, answers)
    content = msgspec.json.decode(msgspec.json.encode(recording))
    made = make_test(content, state, redact=["input.mail"])
    file = tmp_path / "secrets.test.json"
    write_test(file, made.located(file))
    text = file.read_text()
    assert [secret for secret in (*planted, *named, "ada@example.org") if secret in text] == []
    assert read_test(file).recording.workspace_id == "workspace"
    code, output = run_tests(file)
    assert code == 0, output


class RecordedServer:
    """Client of a server with one recorded run of version 3."""

    def __init__(self, recording: Mapping[str, Any]) -> None:
        self._recording = recording

    def call(self, method: str, path: str) -> Any:
        if path == "/api/v2/workflows/wf/recordings/r1":
            return {"data": self._recording}
        assert (method, path) == ("GET", "/api/workflows/wf/deployments/3")
        return {"deployedState": a_workflow()}


def saved_from(recording: Mapping[str, Any]) -> SavedRun:
    client = cast("ApiClient", RecordedServer(recording))
    return save_run(client, RunRef("wf", "r1"), workflow=Path("flows/capital.yaml"), redact=())


def test_a_run_is_saved_with_its_version_and_the_place_of_the_workflow_file() -> None:
    content = msgspec.json.decode(msgspec.json.encode(recorded(a_workflow(), version=3)))
    test = saved_from(content).located(Path("tests/runs/r1.test.json"))
    assert test.workflow == "../../flows/capital.yaml"
    assert test.recording.version == 3
    assert set(test.state["blocks"]) == set(a_workflow()["blocks"])


@pytest.mark.parametrize(("facts", "reason"), [({"isCut": True}, "incomplete"), ({"version": None}, "ran a draft")])
def test_incomplete_recordings_and_drafts_cannot_be_saved(facts: dict[str, Any], reason: str) -> None:
    with pytest.raises(CommandFailed, match=reason):
        saved_from({"runId": "r1", "version": 3, **facts})


def test_a_path_to_redact_must_exist() -> None:
    content = msgspec.json.decode(msgspec.json.encode(recorded(a_workflow())))
    with pytest.raises(CommandFailed, match=r"--redact input\.email matches nothing"):
        make_test(content, a_workflow(), redact=["input.email"])


def recorded_with(recording: Recording, state: Document, answers: Mapping[str, Any]) -> Recording:
    """Return the recording of a run with another input."""

    async def record() -> Recording:
        known = recording
        async with OfflineRunner() as runner:
            while True:
                run = await runner.run(state, known)
                if not run.unrecorded:
                    blocks = tuple(run.blocks.values())
                    return msgspec.structs.replace(known, blocks=blocks, status=run.status, output=run.output)
                call = run.unrecorded[0]
                answer = RecordedBlock(
                    path=call.path,
                    block_id=call.block_id,
                    block_name=call.block_name,
                    inputs=call.inputs,
                    output=answers[call.block_id],
                    effect=EffectKind(call.effect),
                )
                known = msgspec.structs.replace(known, blocks=(*known.blocks, answer))

    return asyncio.run(record())
