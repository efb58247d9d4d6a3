"""The services: are they ready, of one version, with clocks that agree, and is somebody doing the work?"""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from flowport.client.door import HERE
from flowport.doctor.findings import Finding, ok, problem, warning

SECONDS: Final = 8.0
MOST_SKEW_SECONDS: Final = 5.0
LONG_WAIT_SECONDS: Final = 300.0
GATEWAY: Final = "gateway"
NOBODY_SIGNED_IN: Final = "/api/auth/get-session"
"""What the public door tells whoever asks: null."""

_FIXES: Final = {
    "low on disk": "free some disk where RabbitMQ keeps its data",
    "low on memory": "give RabbitMQ more memory, or look for a queue that nobody empties",
    "draining": "it is being stopped: look again once another process is in its place",
}

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass(frozen=True)
class Visit:
    """What one service answered."""

    service: str
    problems: tuple[str, ...]
    skew_seconds: float
    samples: Samples
    tells: bool = True
    """Whether it says how it is: a door to the open net is kept from that."""
    is_refused: bool = False
    """Whether its metrics require a token that was not given."""

    def total(self, name: str, **labels: str) -> float | None:
        """The sum of a metric's samples with these labels; None where there is none."""
        wanted = set(labels.items())
        found = [value for (metric, known), value in self.samples.items() if metric == name and wanted <= known]
        return sum(found) if found else None

    @property
    def versions(self) -> set[str]:
        """Which versions run there."""
        return {dict(labels)["version"] for (name, labels), _ in self.samples.items() if name == "flowport_build_info"}


async def check_services(
    urls: Mapping[str, str], *, proxied: bool = False, metrics_token: str = ""
) -> AsyncIterator[Finding]:
    """Look at each, then at all of them together; where they are `proxied`, by the way that calls from here take.

    `metrics_token` is what the services require for their metrics.
    """
    headers = {"authorization": f"Bearer {metrics_token}"} if metrics_token else {}
    visits = await asyncio.gather(*(_visit(*place, headers, proxied=proxied) for place in urls.items()))
    refused = [visit.service for visit in visits if isinstance(visit, Visit) and visit.is_refused]
    if refused:
        found = f"{', '.join(refused)} refused to show metrics: FLOWPORT_METRICS_TOKEN is missing or wrong here"
        yield warning("metrics", found, "set it as the services have it; work and versions were not looked at")
    there: dict[str, Visit] = {}
    for service, visit in zip(urls, visits, strict=True):
        if isinstance(visit, str):
            yield problem(service, visit, f"start {service}, or correct its URL")
        else:
            there[service] = visit
            yield _readiness(visit)
    for finding in (*_together(list(there.values())), *_work(there)):
        yield finding


def _readiness(visit: Visit) -> Finding:
    if visit.problems:
        found = "; ".join(visit.problems)
        fix = next((fix for sign, fix in _FIXES.items() if sign in found), "mend what it names")
        return problem(visit.service, f"not ready: {found}", fix)
    return ok(visit.service, "ready" if visit.tells else "it answers; whether it is ready it does not tell callers")


def _together(visits: list[Visit]) -> Iterator[Finding]:
    versions = {visit.service: ", ".join(sorted(visit.versions)) for visit in visits if visit.versions}
    if len(set(versions.values())) > 1:
        found = ", ".join(f"{service} {version}" for service, version in versions.items())
        yield problem("versions", f"they differ: {found}", "finish the roll-out, or take it back")
    for visit in visits:
        if visit.skew_seconds > MOST_SKEW_SECONDS:
            found = f"the clock of {visit.service} is {visit.skew_seconds:.0f} s off ours"
            yield warning("clocks", found, "synchronise them by NTP: log times and expiries of keys depend on it")


def _work(there: Mapping[str, Visit]) -> Iterator[Finding]:
    shown = {service: visit for service, visit in there.items() if not visit.is_refused}
    jobs, executor = shown.get("jobs-service"), shown.get("executor-service")
    if jobs is not None:
        if not jobs.total("flowport_jobs_leading", role="dispatcher"):
            fix = "look at the other jobs-service processes; if none leads, at the store"
            yield warning("dispatcher", "this jobs-service does not hand out runs", fix)
        waited = jobs.total("flowport_jobs_oldest_waiting_seconds") or 0.0
        if waited > LONG_WAIT_SECONDS:
            yield warning("queue", f"a run that may run waits for {waited:.0f} s", "add executors")
        queued, limit = jobs.total("flowport_jobs_queued_runs") or 0.0, jobs.total("flowport_jobs_queue_limit")
        if limit and queued >= limit:
            yield problem("queue", f"it is full: {queued:.0f} runs", "add executors, or raise the limit")
        died = jobs.total("flowport_jobs_dead_letters_total")
        if died:
            yield warning("dead letters", f"{died:.0f} since its start", "look at `flowport dead-letters list`")
    if executor is not None and not executor.total("flowport_executor_slots"):
        yield problem("workers", "the executor takes no runs", "look at its log")


async def _visit(service: str, url: str, headers: Mapping[str, str], *, proxied: bool) -> Visit | str:
    url = url.rstrip("/")
    try:
        async with _client(url, proxied=proxied) as client:
            ready = await client.get(f"{url}/readyz", headers=headers)
            problems = _problems(ready)
            if problems is not None:
                scraped = await client.get(f"{url}/metrics", headers=headers)
                samples = _samples(scraped.text) if scraped.is_success else {}
                is_refused = scraped.status_code == httpx2.codes.UNAUTHORIZED
                return Visit(service, problems, _skew(ready), samples, is_refused=is_refused)
            if service == GATEWAY:
                asked = await client.get(f"{url}{NOBODY_SIGNED_IN}")
                if asked.is_success and asked.text == "null":
                    return Visit(service, (), _skew(asked), {}, tells=False)
                return f"{url} answers {asked.status_code}, and not as a gateway does"
            return f"{url} answers {ready.status_code}, and not as {service} does"
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, ImportError, OSError) as error:
        return f"{url} does not answer: {str(error) or type(error).__name__}"


def _client(url: str, *, proxied: bool) -> httpx2.AsyncClient:
    by_environment = proxied and httpx2.URL(url).host not in HERE
    return httpx2.AsyncClient(timeout=SECONDS, trust_env=by_environment, verify=httpx2.create_ssl_context())


def _problems(ready: httpx2.Response) -> tuple[str, ...] | None:
    """What it misses; None where this is no answer of a service of ours."""
    try:
        said = ready.json()
        found = tuple(map(str, said["problems"]))
        return found if found or ready.is_success else (str(said["status"]),)
    except (ValueError, KeyError, TypeError):
        return None


def _skew(answer: httpx2.Response) -> float:
    date = answer.headers.get("date")
    return abs((datetime.now(UTC) - parsedate_to_datetime(date)).total_seconds()) if date else 0.0


def _samples(text: str) -> Samples:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("flowport_")
    }
