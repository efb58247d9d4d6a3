"""A real nginx in front of the gateway, with its default settings except those that a test names."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flowport.servers.ports import LOOPBACK, ReservedPort, reserve_port
from flowport.servers.process import ServerProcess, accepts_connections

START_SECONDS = 30.0
SITE_FILE = Path(__file__).parents[2] / "deploy" / "nginx" / "flowport.conf"
_CONFIG = """
daemon off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""
_SITE = """
    server {{
        listen {host}:{port};
        location / {{
            proxy_pass {upstream};
            {extra}
        }}
    }}
"""


@contextmanager
def nginx(folder: Path, upstream: str, *, extra: str = "") -> Iterator[str]:
    """Run nginx in front of `upstream`; yield nginx's own URL."""
    port = reserve_port()
    with _serving(folder, _SITE.format(host=LOOPBACK, port=port.number, upstream=upstream, extra=extra), port) as url:
        yield url


@contextmanager
def deployed_nginx(folder: Path, upstream: str) -> Iterator[str]:
    """Run nginx with compose's site, whose gateway is at `upstream`; yield nginx's own URL.

    Debian's nginx is older than compose's and cannot re-resolve names: here the gateway is an address and does not
    move.
    """
    port = reserve_port()
    site = SITE_FILE.read_text().replace("listen 8080;", f"listen {LOOPBACK}:{port.number};")
    site = site.replace("server gateway:8080 resolve;", f"server {upstream.partition('//')[2]};")
    with _serving(folder, site, port) as url:
        yield url


@contextmanager
def _serving(folder: Path, site: str, port: ReservedPort) -> Iterator[str]:
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    config = folder / "nginx.conf"
    config.write_text(_CONFIG.format(folder=folder, site=site))
    subprocess.run([program, "-t", "-c", str(config)], check=True, capture_output=True, timeout=START_SECONDS)
    process = ServerProcess([program, "-c", str(config)], log=folder / "nginx.log", cwd=folder, ports=(port,))
    process.start(until=lambda: accepts_connections(port.number), timeout=START_SECONDS)
    try:
        yield f"http://{LOOPBACK}:{port.number}"
    finally:
        process.stop()
