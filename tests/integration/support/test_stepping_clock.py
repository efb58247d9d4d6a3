"""The wall clock that `make test-clock-steps` gives to the tests."""

import subprocess
import sys

WATCH = """
import time

offset, seen = time.time() - time.monotonic(), set()
until = time.monotonic() + 60
while seen != {"ahead", "back"} and time.monotonic() < until:
    time.sleep(0.01)
    now = time.time() - time.monotonic()
    if abs(now - offset) > 20:
        seen.add("ahead" if now > offset else "back")
        offset = now
print(*sorted(seen))
"""


def test_the_wall_clock_steps_both_ways_while_the_monotonic_clock_runs_on() -> None:
    command = [sys.executable, "-m", "tests.support.stepping_clock", "--every", "0.2", sys.executable, "-c", WATCH]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert ended.stdout.split() == ["ahead", "back"]
