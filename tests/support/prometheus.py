"""A real Prometheus that scrapes a stack's processes, with our rules but shorter waits."""

import re
import time
from collections.abc import Mapping, Set
from pathlib import Path
from typing import Any, Self

import httpx2

from flowport.servers.ports import LOOPBACK, reserve_port
from flowport.servers.process import ServerProcess

RULES = Path(__file__).parents[2] / "deploy/prometheus/rules"


class Prometheus:
    """Scrapes `targets` (a port per job) every second. Alerts fire immediately where they would wait for minutes."""

    def __init__(self, folder: Path, targets: Mapping[str, int]) -> None:
        port = reserve_port()
        self.port = port.number
        self._folder = folder
        self._write_configuration(targets)
        self._server = ServerProcess(
            [
                "prometheus",
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address={LOOPBACK}:{self.port}",
            ],
            log=folder / "prometheus.log",
            cwd=folder,
            ports=(port,),
        )

    def __enter__(self) -> Self:
        self._server.start(until=self._is_ready, timeout=30)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._server.kill()

    def query(self, expression: str) -> list[Any]:
        """Return the present result of an expression. Raises HTTPStatusError when Prometheus cannot parse it."""
        found: list[Any] = self._get("query", query=expression)["result"]
        return found

    def firing(self) -> set[str]:
        """Return the names of the firing alerts."""
        alerts = self._get("alerts")["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    def await_alert(self, name: str, *, seconds: float = 30) -> None:
        """Wait until the alert fires."""
        deadline = time.monotonic() + seconds
        while name not in self.firing():
            assert time.monotonic() < deadline, f"{name} does not fire; these do: {self.firing()}"
            time.sleep(0.2)

    def await_quiet(self, names: Set[str], *, seconds: float = 30) -> None:
        """Wait until none of these alerts fires: before the first scrapes, every service appears down."""
        deadline = time.monotonic() + seconds
        while firing := names & self.firing():
            assert time.monotonic() < deadline, f"still firing: {firing}"
            time.sleep(0.2)

    def await_scrapes(self, *, seconds: float = 30) -> None:
        """Wait until every target was scraped."""
        deadline = time.monotonic() + seconds
        while not (found := self.query("min(up)")) or found[0]["value"][1] != "1":
            assert time.monotonic() < deadline, "not every process can be scraped"
            time.sleep(0.2)

    def _is_ready(self) -> bool:
        try:
            return httpx2.get(f"http://{LOOPBACK}:{self.port}/-/ready", timeout=5, trust_env=False).is_success
        except httpx2.HTTPError:
            return False

    def _get(self, path: str, **query: str) -> Any:
        answer = httpx2.get(f"http://{LOOPBACK}:{self.port}/api/v1/{path}", params=query, timeout=30, trust_env=False)
        assert answer.is_success, answer.text
        return answer.json()["data"]

    def _write_configuration(self, targets: Mapping[str, int]) -> None:
        rules = self._folder / "rules"
        rules.mkdir(parents=True)
        for file in RULES.glob("*.yml"):
            short_leases = re.sub(r"^( +)(for|interval): .*$", r"\1\2: 1s", file.read_text(), flags=re.MULTILINE)
            (rules / file.name).write_text(short_leases)
        jobs = "".join(
            f"  - job_name: {job}\n    static_configs: [{{targets: ['{LOOPBACK}:{port}']}}]\n"
            for job, port in targets.items()
        )
        (self._folder / "prometheus.yml").write_text(
            "global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}\n"
            f"rule_files: ['{rules}/*.yml']\nscrape_configs:\n{jobs}"
        )
