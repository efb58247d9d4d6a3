"""Commands of `flowport` that wait for, show and list runs, against the running services."""

import re
from pathlib import Path
from uuid import uuid4

import httpx2
from tests.support.command_line import CommandLine
from tests.support.echo_files import name_of, run_of, write
from tests.support.eventually import eventually


def test_a_queued_run_is_awaited_and_read(flowport: CommandLine, file: Path) -> None:
    flowport("deploy", str(file))
    name = name_of(file)
    waited = flowport("run", name, "-i", '{"input": "later"}', "--async", "--wait", "--json")
    assert (waited.code, waited.json["status"]) == (0, "completed")
    run_id = flowport("run", name, "--async").out.strip()
    assert flowport("runs", "wait", run_id, "--json").json["runId"] == run_id
    assert flowport("runs", "show", run_id, "--json").json["status"] == "completed"
    assert re.search(r"^Cost +\$[\d.]+$", flowport("runs", "show", run_id).out, re.MULTILINE)
    over = flowport("runs", "cancel", run_id)
    assert (over.code, over.out) == (1, ""), over.err


def test_a_run_is_found_by_its_id_or_by_that_of_its_job(flowport: CommandLine, file: Path) -> None:
    endpoint = flowport("deploy", str(file), "--json").json["endpoint"]
    headers = {"x-api-key": flowport.variables["SIM_API_KEY"], "X-Execution-Mode": "async"}
    queued = httpx2.post(endpoint, headers=headers, json={}, timeout=30).raise_for_status().json()
    assert flowport("runs", "wait", queued["jobId"], "--json").json["runId"] == queued["executionId"]
    assert flowport("runs", "show", str(uuid4())).code == 4


def test_a_run_is_shown_block_by_block(flowport: CommandLine, file: Path) -> None:
    run_id = run_of(flowport, file)
    titles, *lines = [line.split("\t") for line in flowport("runs", "trace", run_id).out.splitlines()]
    assert titles == ["block", "type", "status", "durationMs", "error"]
    assert [line[0] for line in lines] == ["Workflow Execution", "  Start", "  Agent 1", "    echo"]
    assert {line[2] for line in lines} == {"success"}
    (span,) = flowport("runs", "trace", run_id, "--json").json
    assert [child["name"] for child in span["children"]] == ["Start", "Agent 1"]
    assert all("output" in child for child in span["children"])


async def test_the_trace_of_a_failed_run_has_the_error_of_its_block(flowport: CommandLine, file: Path) -> None:
    flowport("deploy", str(file))
    assert flowport("run", name_of(file), "-f", "model=groq/none").code == 1
    runs = ("runs", "list", name_of(file), "--status", "failed", "--json")
    await eventually(lambda: flowport(*runs).json)  # a run is stored after its answer
    failed = flowport(*runs).json
    rows = [line.split("\t") for line in flowport("runs", "trace", failed[0]["runId"]).out.splitlines()]
    assert any(row[2] == "error" and row[4] != "-" for row in rows), rows


def test_runs_are_listed_of_one_workflow_or_of_all(flowport: CommandLine, file: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other.json", name=f"other {uuid4().hex[:8]}")
    good, bad = [run_of(flowport, each) for each in (file, other)]
    flowport("run", name_of(other), "-f", "model=groq/none")
    one, all_of_them = flowport("runs", "list", name_of(file), "--json"), flowport("runs", "list", "--json")
    assert [run["runId"] for run in one.json] == [good]
    listed = {run["runId"]: run for run in all_of_them.json}
    assert {listed[good]["workflow"], listed[bad]["workflow"]} == {name_of(file), name_of(other)}
    assert listed[good].keys() == one.json[0].keys()
    failed = flowport("runs", "list", "--status", "failed", "--json").json
    assert {run["status"] for run in failed} == {"failed"}
    assert name_of(other) in {run["workflow"] for run in failed}


def test_a_failed_run_sets_the_exit_code(flowport: CommandLine, file: Path) -> None:
    flowport("deploy", str(file))
    failed = flowport("run", name_of(file), "-f", "input=x", "-f", "model=groq/none")
    assert (failed.code, failed.out) == (1, "")
    assert "failed" in failed.err
