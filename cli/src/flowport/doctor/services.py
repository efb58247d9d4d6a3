"""Service checks: readiness, versions, clocks, dispatching and workers."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

import httpx2
from prometheus_client.parser import text_string_to_metric_families

from flowport.client.api_client import LOOPBACK_HOSTS
from flowport.doctor.findings import Finding, ok, problem, warning

SECONDS: Final = 8.0
MOST_SKEW_SECONDS: Final = 5.0
LONG_WAIT_SECONDS: Final = 300.0
GATEWAY: Final = "gateway"
SESSION_PATH: Final = "/api/auth/get-session"
"""A public route of every gateway; returns null without a session."""

_FIXES: Final = {
    "low on disk": "free disk space on RabbitMQ's volume",
    "low on memory": "give RabbitMQ more memory, or find the queue that grows",
    "draining": "the process is stopping: check again when its replacement runs",
}

Samples = Mapping[tuple[str, frozenset[tuple[str, str]]], float]


@dataclass(frozen=True)
class ServiceReport:
    """Responses of one service."""

    service: str
    problems: tuple[str, ...]
    skew_seconds: float
    samples: Samples
    reports_readiness: bool = True
    """Whether the service reports its readiness; a public gateway does not."""
    is_refused: bool = False
    """Whether the service rejected the metrics token."""

    def total(self, name: str, **labels: str) -> float | None:
        """Return the sum of a metric's samples with these labels, or None without samples."""
        wanted = set(labels.items())
        found = [value for (metric, known), value in self.samples.items() if metric == name and wanted <= known]
        return sum(found) if found else None

    @property
    def versions(self) -> set[str]:
        """Return the versions that report metrics."""
        return {dict(labels)["version"] for (name, labels), _ in self.samples.items() if name == "flowport_build_info"}


async def check_services(
    urls: Mapping[str, str], *, proxied: bool = False, metrics_token: str = ""
) -> AsyncIterator[Finding]:
    """Check each service, then all of them together.

    With `proxied`, requests use the proxy of the environment. `metrics_token` authorizes requests for metrics.
    """
    headers = {"authorization": f"Bearer {metrics_token}"} if metrics_token else {}
    reports = await asyncio.gather(*(_fetch_report(*place, headers, proxied=proxied) for place in urls.items()))
    refused = [report.service for report in reports if isinstance(report, ServiceReport) and report.is_refused]
    if refused:
        found = f"{', '.join(refused)} rejected the metrics request: FLOWPORT_METRICS_TOKEN is missing or wrong"
        yield warning("metrics", found, "set it as on the services; workers and versions were not checked")
    by_service: dict[str, ServiceReport] = {}
    for service, report in zip(urls, reports, strict=True):
        if isinstance(report, str):
            yield problem(service, report, f"start {service}, or correct its URL")
        else:
            by_service[service] = report
            yield _check_readiness(report)
    for finding in (*_compare_reports(list(by_service.values())), *_check_work(by_service)):
        yield finding


def _check_readiness(report: ServiceReport) -> Finding:
    if report.problems:
        found = "; ".join(report.problems)
        fix = next((fix for sign, fix in _FIXES.items() if sign in found), "fix the named problem")
        return problem(report.service, f"not ready: {found}", fix)
    return ok(
        report.service, "ready" if report.reports_readiness else "responds; public callers cannot see its readiness"
    )


def _compare_reports(reports: list[ServiceReport]) -> Iterator[Finding]:
    versions = {report.service: ", ".join(sorted(report.versions)) for report in reports if report.versions}
    if len(set(versions.values())) > 1:
        found = ", ".join(f"{service} {version}" for service, version in versions.items())
        yield problem("versions", f"they differ: {found}", "finish the rollout, or roll back")
    for report in reports:
        if report.skew_seconds > MOST_SKEW_SECONDS:
            found = f"the clock of {report.service} differs by {report.skew_seconds:.0f} s"
            yield warning("clocks", found, "synchronize clocks with NTP: log times and key expiry depend on them")


def _check_work(by_service: Mapping[str, ServiceReport]) -> Iterator[Finding]:
    readable = {service: report for service, report in by_service.items() if not report.is_refused}
    jobs, executor = readable.get("jobs-service"), readable.get("executor-service")
    if jobs is not None:
        if not jobs.total("flowport_jobs_leading", role="dispatcher"):
            fix = "check the other jobs-service processes, and the store if none is the dispatcher"
            yield warning("dispatcher", "this jobs-service is not the dispatcher", fix)
        waited = jobs.total("flowport_jobs_oldest_waiting_seconds") or 0.0
        if waited > LONG_WAIT_SECONDS:
            yield warning("queue", f"the oldest runnable run has waited for {waited:.0f} s", "add executors")
        queued, limit = jobs.total("flowport_jobs_queued_runs") or 0.0, jobs.total("flowport_jobs_queue_limit")
        if limit and queued >= limit:
            yield problem("queue", f"the queue is full: {queued:.0f} runs", "add executors, or raise the limit")
        died = jobs.total("flowport_jobs_dead_letters_total")
        if died:
            yield warning(
                "dead letters", f"{died:.0f} since the start of jobs-service", "see `flowport dead-letters list`"
            )
    if executor is not None and not executor.total("flowport_executor_slots"):
        yield problem("workers", "the executor has no slots for runs", "see its log")


async def _fetch_report(service: str, url: str, headers: Mapping[str, str], *, proxied: bool) -> ServiceReport | str:
    url = url.rstrip("/")
    try:
        async with _client(url, proxied=proxied) as client:
            ready = await client.get(f"{url}/readyz", headers=headers)
            problems = _problems(ready)
            if problems is not None:
                scraped = await client.get(f"{url}/metrics", headers=headers)
                samples = _samples(scraped.text) if scraped.is_success else {}
                is_refused = scraped.status_code == httpx2.codes.UNAUTHORIZED
                return ServiceReport(service, problems, _skew(ready), samples, is_refused=is_refused)
            if service == GATEWAY:
                asked = await client.get(f"{url}{SESSION_PATH}")
                if asked.is_success and asked.text == "null":
                    return ServiceReport(service, (), _skew(asked), {}, reports_readiness=False)
                return f"{url} returned status {asked.status_code}, which no gateway returns"
            return f"{url} returned status {ready.status_code}, which {service} does not return"
    except (httpx2.HTTPError, httpx2.InvalidURL, ValueError, ImportError, OSError) as error:
        return f"{url} is unavailable: {str(error) or type(error).__name__}"


def _client(url: str, *, proxied: bool) -> httpx2.AsyncClient:
    by_environment = proxied and httpx2.URL(url).host not in LOOPBACK_HOSTS
    return httpx2.AsyncClient(timeout=SECONDS, trust_env=by_environment, verify=httpx2.create_ssl_context())


def _problems(ready: httpx2.Response) -> tuple[str, ...] | None:
    """Return the problems of a readiness response, or None if it is not from a Flowport service."""
    try:
        body = ready.json()
        found = tuple(map(str, body["problems"]))
        return found if found or ready.is_success else (str(body["status"]),)
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
