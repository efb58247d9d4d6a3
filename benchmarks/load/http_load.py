"""Closed-loop HTTP load by wrk, which uses little CPU."""

import json
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

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


@dataclass(frozen=True)
class Measured:
    """Figures of one round of load."""

    requests: int
    per_second: float
    p50_ms: float
    p99_ms: float


def measure(target: Target, *, callers: int, seconds: float, pause_ms: int = 0) -> Measured:
    """Send requests from `callers` connections for `seconds`, each after a random pause of up to `pause_ms`.

    Raises BenchmarkFailed if any response is an error.
    """
    headers = "\n".join(
        f"wrk.headers[{json.dumps(name)}] = {json.dumps(value)}" for name, value in target.headers.items()
    )
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "load.lua"
        pause = f"function delay() return math.random(0, {pause_ms}) end" if pause_ms else ""
        script.write_text(SCRIPT % {"body": json.dumps(target.body), "headers": headers, "pause": pause})
        command = [
            _wrk(),
            "-t1",
            f"-c{callers}",
            f"-d{seconds:.0f}s",
            "--timeout",
            "10s",
            "-s",
            str(script),
            target.url,
        ]
        output = subprocess.run(command, check=True, capture_output=True, text=True, timeout=seconds + 60).stdout
    found = json.loads(output[output.rindex('{"requests"') :])
    if found["failed"]:
        raise BenchmarkFailed(f"{found['failed']} of {found['requests']} responses from {target.url} failed")
    if not found["requests"]:
        raise BenchmarkFailed(f"{target.url} sent no response in {seconds} s")
    per_second = found["requests"] / found["microseconds"] * 1e6
    return Measured(found["requests"], per_second, found["p50"] / 1000, found["p99"] / 1000)


def _wrk() -> str:
    found = shutil.which("wrk")
    if found is None:
        raise BenchmarkFailed("wrk is not installed. Run `apt-get install wrk`")
    return found
