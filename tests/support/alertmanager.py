"""The real Alertmanager with our configuration, made impatient, and a receiver that notes its pages."""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import httpx2
from tests.support.eventually import eventually
from tests.support.http_stub import HttpStub

from flowport.servers.ports import LOOPBACK, reserve_port
from flowport.servers.process import ServerProcess

CONFIGURATION: Final = Path(__file__).parents[2] / "deploy/alertmanager/alertmanager.yml"
_PAGER: Final = "  - name: pager\n"


class Alertmanager:
    """Notifies a second after an alert arrives. `pages` has the labels of each page."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._receiver = HttpStub()
        port = reserve_port()
        self._url = f"http://{LOOPBACK}:{port.number}"
        self._server = ServerProcess(
            [
                "prometheus-alertmanager",
                f"--config.file={folder}/alertmanager.yml",
                f"--storage.path={folder}/data",
                f"--web.listen-address={LOOPBACK}:{port.number}",
                "--cluster.listen-address=",
            ],
            name="alertmanager",
            log=folder / "alertmanager.log",
            cwd=folder,
            ports=(port,),
        )

    async def __aenter__(self) -> Self:
        await self._receiver.__aenter__()
        text = re.sub(r"group_wait: \w+", "group_wait: 1s", CONFIGURATION.read_text())
        assert _PAGER in text
        webhook = f"    webhook_configs: [{{url: 'http://{LOOPBACK}:{self._receiver.port}', send_resolved: false}}]\n"
        (self._folder / "alertmanager.yml").write_text(text.replace(_PAGER, _PAGER + webhook))
        self._server.launch()
        await eventually(self._is_ready)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.kill()
        await self._receiver.__aexit__(kind, error, trace)

    @property
    def pages(self) -> list[Mapping[str, str]]:
        """Return the labels of every alert that paged, in order."""
        return [alert["labels"] for request in self._receiver.requests for alert in json.loads(request.body)["alerts"]]

    def fire(self, alerts: Iterable[Mapping[str, str]]) -> None:
        """Send firing alerts with these labels, as Prometheus does."""
        body = [{"labels": dict(labels)} for labels in alerts]
        httpx2.post(f"{self._url}/api/v2/alerts", json=body, timeout=30, trust_env=False).raise_for_status()

    def _is_ready(self) -> bool:
        try:
            return httpx2.get(f"{self._url}/-/ready", timeout=5, trust_env=False).is_success
        except httpx2.HTTPError:
            return False
