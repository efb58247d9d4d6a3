"""deploy/compose.yaml, with stand-ins for the images that only a registry has."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any, Final

import yaml
from tests.engine.daemon import Engine
from tests.engine.stand_ins import SERVERS
from tests.support.dockerfile import ROOT

from flowport.servers.ports import LOOPBACK, reserve_port
from shared.service import ServiceName

COMPOSE: Final = ROOT / "deploy/compose.yaml"
SITE: Final = ROOT / "deploy/nginx/flowport.conf"
STARTED: Final = ("nginx", "prometheus", "alertmanager")
"""With their dependencies, all services but Grafana, which Debian does not have."""
UP_SECONDS: Final = 240
_OWNERS: Final = ("gateway", "deploy-service", "jobs-service", "doctor")
_STORE: Final = "mongodb://mongodb:27017/?directConnection=true&retryWrites=false"
_STORE_CHECK: Final = f"import pymongo; pymongo.MongoClient({_STORE!r}, timeoutMS=3000).admin.command('ping')"
_CONNECT: Final = "import socket; socket.create_connection(('mongodb', 27017), timeout=5)"
_TEMPORARY: Final = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
_NGINX: Final = f"""pid /tmp/nginx.pid;
events {{}}
http {{
    access_log off;
    {" ".join(f"{name}_temp_path /tmp/{name};" for name in _TEMPORARY)}
    include /etc/nginx/conf.d/default.conf;
}}
"""
"""As the official image has it: all that nginx writes goes to /tmp."""


class Project:
    """The compose project of images tagged `tag`. Ports are free ones of this machine's loopback."""

    def __init__(self, engine: Engine, folder: Path, *, tag: str) -> None:
        self._engine = engine
        self._tag = tag
        self._secrets = folder / "env"
        self._override = folder / "override.yaml"
        self._ports = {name: reserve_port().lend() for name in ("nginx", "mongodb", "prometheus", "alertmanager")}
        subprocess.run([ROOT / "deploy/make-env", self._secrets], check=True)
        self._override.write_text(yaml.safe_dump({"services": self._stand_ins(folder)}))

    @property
    def url(self) -> str:
        """Return the URL of nginx."""
        return f"http://{LOOPBACK}:{self._ports['nginx']}"

    @property
    def mongodb_uri(self) -> str:
        """Return the URI of the store from this machine."""
        return f"mongodb://{LOOPBACK}:{self._ports['mongodb']}/?directConnection=true&retryWrites=false"

    def up(self) -> None:
        """Start everything, and wait until every health check passes. Raises EngineFailed."""
        self._compose("up", "--no-build", "--wait", "--wait-timeout", str(UP_SECONDS), *STARTED)

    def down(self) -> None:
        """Remove containers, networks and volumes."""
        self._compose("kill")  # quicker than an end in order
        self._compose("down", "--volumes")

    def doctor(self) -> str:
        """Return what the doctor prints. Raises EngineFailed if it finds a problem."""
        return self._compose("run", "--rm", "--no-deps", "doctor")

    def unhealthy(self) -> list[str]:
        """Return the started containers that have no health check, or do not pass it."""
        lines = self._compose("ps", "--format", "json").splitlines()
        return [each["Service"] for each in map(json.loads, lines) if each["Health"] != "healthy"]

    def crash(self, service: ServiceName) -> None:
        """Kill the main process of a container, which its restart policy then starts again. Raises EngineFailed."""
        container = self._compose("ps", "--quiet", service).strip()
        state = json.loads(self._engine.output("inspect", "--format", "{{json .State}}", container))
        os.kill(state["Pid"], signal.SIGKILL)

    def restarts_of(self, service: ServiceName) -> int:
        """Return how often the engine restarted the container."""
        container = self._compose("ps", "--quiet", service).strip()
        return int(self._engine.output("inspect", "--format", "{{.RestartCount}}", container))

    def reaches_store(self, service: ServiceName) -> bool:
        """Return whether a container can connect to MongoDB by its name."""
        container = self._compose("ps", "--quiet", service).strip()
        return self._engine.attempt("exec", container, "python", "-c", _CONNECT).returncode == 0

    def _compose(self, *command: str) -> str:
        files = ("--file", COMPOSE, "--file", self._override, "--env-file", self._secrets)
        return self._engine.output(
            "compose", *files, *command, timeout=UP_SECONDS + 60, environment={"FLOWPORT_VERSION": self._tag}
        )

    def _stand_ins(self, folder: Path) -> dict[str, Any]:
        site = folder / "site.conf"  # Debian's nginx is older than compose's, and resolves names only at its start
        site.write_text(SITE.read_text().replace("server gateway:8080 resolve;", "server gateway:8080;"))
        program = folder / "nginx.conf"
        program.write_text(_NGINX)
        return {
            "rabbitmq": {"image": SERVERS, "command": ["sh", "-c", "chown rabbitmq /var/lib/rabbitmq && exec setpriv "
                         "--reuid=rabbitmq --regid=rabbitmq --init-groups rabbitmq-server"]},
            "mongodb": {
                "image": SERVERS,
                "command": ["secantusd-py", "--host=0.0.0.0", "--port=27017", "--storage-path=/data/db"],
                "healthcheck": {"test": ["CMD", "python", "-c", _STORE_CHECK]},
                "ports": [f"{LOOPBACK}:{self._ports['mongodb']}:27017"],
            },
            "nginx": {
                "image": SERVERS,
                "user": "nobody",
                "command": ["nginx", "-c", "/etc/nginx/check.conf", "-g", "daemon off;"],
                "volumes": [f"{site}:/etc/nginx/conf.d/default.conf:ro", f"{program}:/etc/nginx/check.conf:ro"],
                **self._published("nginx", 8080),
            },
            "prometheus": {
                "image": SERVERS,
                "command": [
                    "prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus",
                ],
                **self._published("prometheus", 9090),
            },
            "alertmanager": {
                "image": SERVERS,
                "command": [
                    "prometheus-alertmanager", "--config.file=/etc/alertmanager/alertmanager.yml",
                    "--storage.path=/alertmanager",
                ],
                **self._published("alertmanager", 9093),
            },
            **{name: {"environment": {"FLOWPORT_MONGODB_URI": _STORE}} for name in _OWNERS},
        }  # fmt: skip

    def _published(self, name: str, port: int) -> dict[str, Any]:
        return {"ports": Override([f"{LOOPBACK}:{self._ports[name]}:{port}"])}


class Override(list[str]):
    """A list that replaces the one of compose.yaml instead of extending it."""


yaml.SafeDumper.add_representer(Override, lambda dumper, found: dumper.represent_sequence("!override", found))
