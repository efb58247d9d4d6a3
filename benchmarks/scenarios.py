"""Scenarios: what is measured, against which baseline, and its budget."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import httpx2
import uvloop

from benchmarks import workflows
from benchmarks.builds import RunningBuild
from benchmarks.load import Row, Target, measure_calls, measure_jobs, measure_streams

Measure = Callable[[Target, int, float], Row]
"""Measures a number of callers; calls take about the given seconds."""

SETTLE_SECONDS: Final = 2.0
"""Wait after a recorded round, until what follows its runs is done: it would count in the next one."""
BARE, MODEL = "bare broker path", "200 tokens, model server directly"
NO_OP, RECORDED = "sync no-op", "sync no-op, recorded"


@dataclass(frozen=True)
class Scenario:
    """Load on one workflow. Without a workflow, the load goes to a baseline program of the same name."""

    title: str
    measure: Measure
    callers: int
    workflow: workflows.Document | None = None
    body: str = "{}"
    baseline: str = ""
    """Title of the scenario with the same number of callers to compare with."""

    @property
    def name(self) -> str:
        """Return the title with the number of callers."""
        return f"{self.title}, {self.callers} callers"

    @property
    def baseline_name(self) -> str:
        """Return the name of the scenario to compare with."""
        return f"{self.baseline}, {self.callers} callers"

    def target(self, build: RunningBuild) -> Target:
        """Return the deployed workflow, or the baseline."""
        if self.workflow is None:
            return build.baselines[self.title]
        target = build.deploy(self.workflow, self.body)
        if self.title == RECORDED:
            settings = {"recording": {"sample": 1, "days": 1}}
            access = target.url.removesuffix("/execute") + "/deploy"
            httpx2.patch(access, json=settings, headers=target.headers).raise_for_status()
        return target

    def run(self, build: RunningBuild, target: Target, seconds: float) -> Row:
        """Measure one round, with the CPU time of all processes of the build per call."""
        cpu, dropped = build.cpu_seconds(), self.title == RECORDED and build.dropped_recordings()
        row = self.measure(target, self.callers, seconds)
        calls = row.pop("calls")
        if self.title == RECORDED:
            time.sleep(SETTLE_SECONDS)
            row["dropped_percent"] = 100 * (build.dropped_recordings() - dropped) / calls
        return row if self.workflow is None else row | {"cpu_us": (build.cpu_seconds() - cpu) / calls * 1e6}


def _streams(target: Target, callers: int, _: float) -> Row:
    return uvloop.run(measure_streams(target, callers, workflows.TOKENS))


def _jobs(target: Target, callers: int, _: float) -> Row:
    return uvloop.run(measure_jobs(target, callers))


@cache
def groups() -> Sequence[Sequence[Scenario]]:
    """Return all scenarios. The rounds of a group are interleaved, so that machine noise affects all of them."""
    found: list[list[Scenario]] = []
    for callers in (1, 32, 128):
        baseline = Scenario(BARE, measure_calls, callers)
        found.append([baseline, Scenario(NO_OP, measure_calls, callers, workflows.no_op(), baseline=BARE)])
    found[1] += [
        Scenario(title, measure_calls, 32, workflow, baseline=NO_OP)
        for title, workflow in {
            "sync, one function": workflows.one_function("javascript"),
            "sync, one Python function": workflows.one_function("python"),
            "sync, four functions at once": workflows.four_ways("javascript"),
            "sync, four Python functions at once": workflows.four_ways("python"),
            "sync, ten blocks": workflows.ten_blocks(),
            RECORDED: workflows.no_op(),
        }.items()
    ]
    body = workflows.stream_body()
    for callers in (1, 32):
        direct = Scenario(MODEL, _streams, callers)
        model = Scenario(
            "200 tokens of a model", _streams, callers, workflows.streaming("vllm/words"), body, baseline=MODEL
        )
        echo = Scenario("200 tokens", _streams, callers, workflows.streaming("echo"), body)
        found.append([direct, model, echo])
    found.append([Scenario("queued jobs", _jobs, callers, workflows.no_op()) for callers in (1, 32)])
    return found


def select(only: Sequence[str], *, with_baselines: bool) -> list[list[Scenario]]:
    """Return the scenarios whose names contain one of the texts, with or without programs to compare with."""
    chosen = []
    for group in groups():
        own = [each for each in group if any(part in each.name for part in only)]
        titles = {each.title for each in own} | ({each.baseline for each in own} if with_baselines else set())
        found = [each for each in group if each.title in titles and (with_baselines or each.workflow)]
        chosen += [found] if found else []
    return chosen


@dataclass(frozen=True)
class Budget:
    """Bound of a figure: of its ratio to the baseline, of what it adds to the baseline, or of the figure itself."""

    rule: str
    bound: float

    def verdict(self, own: float, other: float | None) -> str:
        """Return the bound and whether it is met."""
        if other is None and self.rule != ">=" and self.rule != "<=":
            return "no baseline"
        value = {"ratio >=": own / (other or 1), "added <=": own - (other or 0)}.get(self.rule, own)
        is_met = value >= self.bound if self.rule.endswith(">=") else value <= self.bound
        return f"{self.rule} {self.bound:,g}: {'met' if is_met else 'MISSED'}"


BUDGETS: Final[Mapping[tuple[str, str], Budget]] = {
    ("sync no-op, 1 callers", "p50_ms"): Budget("added <=", 1.5),
    ("sync no-op, 32 callers", "per_second"): Budget("ratio >=", 1),
    ("sync no-op, 128 callers", "per_second"): Budget("ratio >=", 1.2),
    ("sync, one function, 32 callers", "per_second"): Budget("ratio >=", 0.5),
    ("sync, one Python function, 32 callers", "per_second"): Budget("ratio >=", 0.45),
    ("sync, four functions at once, 32 callers", "per_second"): Budget("ratio >=", 0.25),
    ("sync, four Python functions at once, 32 callers", "per_second"): Budget("ratio >=", 0.2),
    ("sync no-op, recorded, 32 callers", "per_second"): Budget("ratio >=", 0.97),
    ("200 tokens of a model, 1 callers", "first_token_ms"): Budget("added <=", 3),
    ("200 tokens of a model, 32 callers", "first_token_ms"): Budget("added <=", 25),
    ("200 tokens, 32 callers", "tokens_per_second"): Budget(">=", 150_000),
    ("queued jobs, 32 callers", "accepted_per_second"): Budget(">=", 400),
    ("memory and refusals", "refusal_p99_ms"): Budget("<=", 20),
    ("memory and refusals", "gateway_kib_per_stream"): Budget("<=", 64),
    ("memory and refusals", "gateway_mib"): Budget("<=", 120),
    ("memory and refusals", "executor_service_mib"): Budget("<=", 120),
    ("engine, loop of 10,000", "us_per_block"): Budget("<=", 25),
    ("engine, loop of 10,000", "journal_ratio"): Budget("<=", 1.1),
}
