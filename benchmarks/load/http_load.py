"""Closed-loop HTTP load by wrk, which uses little CPU."""

import json
import subprocess
import tempfile
from dataclasses import dataclass

SCRIPT = """
wrk.method = "POST"
wrk.body = %(body)s
wrk.headers["Content-Type"] = "application/json"
%(headers)s
%(pause)s
done = function(summary, latency, requests)
  local errors = summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout
  io.write(string.format(
    '{"requests":%%d,"microseconds":%%d,"failed":%%d,"p50":%%f,"p99":%%f}',
    summary.requests, summary.duration, errors + summary.errors.status,
    latency:percentile(50), latency:percentile(99)))
end
"""


class BenchmarkFailed(Exception):
    """The measurement is invalid, because the system returned errors."""


@dataclass(frozen=True)
class Target:
    """URL, body and headers of a request."""

    url: str
    body: str
    headers: dict[str, str]


def measure(target: Target, *, callers: int, seconds: float, pause_ms: int = 0) -> tuple[int, dict[str, float]]:
    """Send requests from `callers` connections for `seconds`, each after a random pause of up to `pause_ms`.

    Return their number, and the rate and latencies. Raises BenchmarkFailed if any response is an error.
    """
    headers = (f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in target.headers.items())
    pause = f"function delay() return math.random(0, {pause_ms}) end" if pause_ms else ""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        script.write(SCRIPT % {"body": json.dumps(target.body), "headers": "\n".join(headers), "pause": pause})
        script.flush()
        options = f"-t1 -c{callers} -d{seconds:.0f}s --timeout 10s -s {script.name}"
        command = ["wrk", *options.split(), target.url]
        output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 60).stdout
    found = json.loads(output[output.rindex('{"requests"') :])
    requests = found["requests"]
    if found["failed"] or not requests:
        raise BenchmarkFailed(f"{found['failed']} of {requests} responses from {target.url} failed")
    rate = requests / found["microseconds"] * 1e6
    return requests, {"per_second": rate, "p50_ms": found["p50"] / 1000, "p99_ms": found["p99"] / 1000}
