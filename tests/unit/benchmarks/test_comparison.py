"""Comparisons: the median ratio and its 95 % confidence interval."""

import math
import random
import subprocess
import sys

import pytest
from benchmarks.builds import tree_cpu_seconds
from benchmarks.rounds import Interval


def test_ten_rounds_exclude_the_lowest_and_the_highest_ratio() -> None:
    assert Interval.of([float(n) for n in range(1, 11)]) == Interval(2.0, 5.5, 9.0)


def test_six_rounds_include_all_ratios() -> None:
    assert Interval.of([6.0, 1.0, 5.0, 2.0, 4.0, 3.0]) == Interval(1.0, 3.5, 6.0)


def test_five_rounds_give_no_interval() -> None:
    with pytest.raises(ValueError, match="at least 6"):
        Interval.of([1.0] * 5)


@pytest.mark.parametrize("rounds", [6, 10, 15, 30])
def test_the_interval_encloses_the_true_median_with_its_confidence(rounds: int) -> None:
    draw = random.Random(7)
    tries = 2_000
    hits = 0
    for _ in range(tries):
        interval = Interval.of([math.exp(draw.gauss(0, 0.3)) for _ in range(rounds)])
        hits += interval.lower <= 1 <= interval.upper
    assert hits / tries >= 0.94  # 95 %, less two standard deviations of the count


def test_cpu_time_includes_children_and_ended_processes() -> None:
    burn = "import time\nwhile time.process_time() < 0.2: pass"
    parent = (
        "import subprocess, sys\nsubprocess.run([sys.executable, *sys.argv[1:]], check=True)\nprint()\nsys.stdin.read()"
    )
    command = [sys.executable, "-u", "-c", parent, "-c", burn]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stdout.readline()
        used = tree_cpu_seconds(process.pid)
        process.communicate()
    assert used >= 0.19
