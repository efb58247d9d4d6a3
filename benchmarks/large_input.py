"""Inputs as large as a call may be."""

import statistics
import time

import httpx

from benchmarks.http_load import BenchmarkFailed, Target

BODY = b'{"text": "' + b"x" * 9_990_000 + b'"}'
CALLS = 3


def measure(target: Target) -> dict[str, float]:
    """One call after the other with 10 MB each."""
    milliseconds = []
    with httpx.Client(timeout=60, trust_env=False) as http:
        for _ in range(CALLS):
            began = time.perf_counter()
            answer = http.post(target.url, content=BODY, headers=target.headers)
            milliseconds.append((time.perf_counter() - began) * 1000)
            if answer.status_code != 200:
                raise BenchmarkFailed(f"10 MB were not taken: {answer.status_code} {answer.text[:300]}")
    return {"p50_ms": statistics.median(milliseconds)}
