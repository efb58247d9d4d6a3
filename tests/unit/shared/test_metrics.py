"""Metrics count as those of the library do."""

import prometheus_client
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from shared.observe.metrics import Counter, Histogram

VALUES = (0.0, 0.1, 0.5, 0.50001, 1, 7, 8, 9)


@pytest.mark.parametrize("labels", [(), ("queue",)])
def test_a_histogram_counts_each_value_in_the_same_bucket(labels: tuple[str, ...]) -> None:
    exported = []
    for kind in (Histogram, prometheus_client.Histogram):
        registry = CollectorRegistry()
        histogram = kind("seconds", "Time.", labels, buckets=(0.1, 0.5, 1, 8), registry=registry)
        for value in VALUES:
            (histogram.labels("q") if labels else histogram).observe(value)
        lines = generate_latest(registry).decode().splitlines()
        exported.append([line for line in lines if "_created" not in line])
    assert exported[0] == exported[1]
    assert any(line.startswith("seconds_count") and line.endswith(" 8.0") for line in exported[0])


def test_a_counter_adds_amounts() -> None:
    registry = CollectorRegistry()
    counter = Counter("calls", "Calls.", ["code"], registry=registry)
    counter.labels("X").inc()
    counter.labels("X").inc(2)
    assert registry.get_sample_value("calls_total", {"code": "X"}) == 3
