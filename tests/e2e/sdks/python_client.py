"""Exercise Sim's Python client like its users, and print the results as JSON. The client is as published."""

import dataclasses
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simstudio import SimStudioClient, SimStudioError  # type: ignore[import-not-found]  # in a separate folder


def attempt(call: Callable[[], Any]) -> Any:
    """Return the result of `call`, or the error that the client raised."""
    try:
        value = call()
    except SimStudioError as error:
        return {"raised": str(error), "code": error.code, "status": error.status}
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) and not isinstance(value, type) else value


def poll(look: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Poll until it has ended."""
    for _ in range(1500):
        found = look()
        if found["status"] in ("completed", "failed"):
            return found
        time.sleep(0.05)
    raise SystemExit("the job did not end")


def until_refused(call: Callable[[], Any]) -> list[Any]:
    """Call until the rate limit refuses. Return all results, the refusal last."""
    results = []
    for _ in range(100):
        results.append(attempt(call))
        if "raised" in results[-1]:
            return results
    raise SystemExit("no call was refused")


def with_file(client: Any, workflow_id: str, **options: Any) -> Any:
    """Send this program as a file."""
    with Path(__file__).open("rb") as program:
        return attempt(lambda: client.execute_workflow(workflow_id, {"doc": [program]}, **options))


def main(base_url: str, key: str, small_key: str, echo: str, broken: str, measure: str) -> dict[str, Any]:
    with SimStudioClient(api_key=key, base_url="http://127.0.0.1:9") as moved:
        moved.set_base_url(base_url)
        assert moved.validate_workflow(echo)
    client = SimStudioClient(api_key=key, base_url=base_url)
    seen = {
        "fields": attempt(lambda: client.execute_workflow(echo, {"q": "hello"})),
        "text": attempt(lambda: client.execute_workflow_sync(echo, "hello")),
        "file": with_file(client, measure),
        "failed": attempt(lambda: client.execute_workflow(broken, {})),
        "queued": attempt(lambda: client.execute_workflow(echo, {"q": "later"}, async_execution=True)),
        "status": attempt(lambda: client.get_workflow_status(echo)),
        "valid": client.validate_workflow(echo),
        "usage": attempt(client.get_usage_limits),
        "limit": attempt(client.get_rate_limit_info),
        "unknown_workflow": attempt(lambda: client.execute_workflow("nowhere", {})),
        "unknown_status": attempt(lambda: client.get_workflow_status("nowhere")),
        "unknown_job": attempt(lambda: client.get_job_status("run_nowhere")),
    }
    queued = seen["queued"]
    if "task_id" in queued:
        seen["job"] = poll(lambda: client.get_job_status(queued["task_id"]))
        filed = with_file(client, measure, async_execution=True)
        seen["filed"] = poll(lambda: client.get_job_status(filed["task_id"]))
    else:
        wanted = {"include_output": True, "selected_outputs": ["f1"]}
        seen["run"] = poll(lambda: client.get_workflow_run(echo, queued["run_id"], **wanted))
        filed = with_file(client, measure, async_execution=True, execution_timeout_seconds=60)
        seen["filed"] = poll(lambda: client.get_workflow_run(measure, filed["run_id"], include_output=True))
    client.set_api_key("sk-sim-wrong")
    seen["wrong_key"] = attempt(lambda: client.execute_workflow(echo, {}))
    client.set_api_key(small_key)
    seen["small"] = until_refused(lambda: client.execute_workflow(echo, {"q": "again"}))
    seen["retried"] = attempt(lambda: client.execute_with_retry(echo, {"q": "again"}))
    return seen


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))
