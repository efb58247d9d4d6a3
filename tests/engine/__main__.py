"""`make engine-check`: builds the images with Docker, runs compose.yaml from them, and calls it.

`--short` builds only the image of the executor, and checks the sandbox in it; `make test` runs that.
"""

import argparse
import asyncio
import logging
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import structlog
from tests.engine.composed import Project
from tests.engine.daemon import Engine, EngineFailed, say
from tests.engine.sandbox import check_sandbox
from tests.engine.stand_ins import make_bases, make_servers
from tests.support.dockerfile import DOCKERFILE, ROOT
from tests.support.eventually import eventually
from tests.support.three_modes import run_in_three_modes

from shared.service import ServiceName

ALL: Final = ("gateway", "executor-service", "deploy-service", "jobs-service", "tools")
SHORT: Final = ("executor-service",)
TAG: Final = "check"
BUILD_SECONDS: Final = 900
_WITHOUT_BYTECODE: Final = ("--build-arg", "BYTECODE=0")
"""Compiling the packages takes a quarter of the CPU time of the short check, and shows nothing about the sandbox."""
began: Final = time.monotonic()


def main() -> int:
    """Return 1 if an image cannot be built, or fails a check."""
    parser = argparse.ArgumentParser(prog="python -m tests.engine", description=__doc__)
    parser.add_argument("--short", action="store_true", help="only the image of the executor")
    is_short = parser.parse_args().short
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))  # of our code in here
    try:
        with tempfile.TemporaryDirectory(prefix="flowport-engine-", dir="/var/tmp") as folder:  # /tmp may be in memory
            _check(Path(folder), targets=SHORT if is_short else ALL)
    except EngineFailed as error:
        say(f"FAILED: {error}")
        return 1
    _note("everything is removed")
    return 0


def _check(folder: Path, *, targets: tuple[str, ...]) -> None:
    with Engine(folder) as engine:
        _note("Docker runs")
        base = make_bases(engine, folder, with_node=targets == ALL)
        _note("stand-ins of the base images are made")
        arguments = () if targets == ALL else _WITHOUT_BYTECODE
        for target in targets:
            engine.run(
                "build", "--network", "host", "--target", target, "--file", DOCKERFILE,
                "--build-arg", f"BUILD={TAG}", *arguments, "--tag", image_of(target), ROOT, timeout=BUILD_SECONDS,
            )  # fmt: skip
            size = engine.megabytes(image_of(target))
            _note(f"{target}: {size} MB, {size - engine.megabytes(base)} above its base")
        check_sandbox(engine, image_of("executor-service"))
        _note("sandbox: accepted under flowport-executor.json, refused under the engine's default profile")
        if targets == ALL:
            make_servers(engine, folder, python=base)
            _note("stand-ins of broker, store, nginx and monitoring are made")
            _check_project(Project(engine, folder, tag=TAG))


def _check_project(project: Project) -> None:
    with ExitStack() as stack:
        stack.callback(project.down)
        project.up()
        unhealthy = project.unhealthy()
        if unhealthy:
            raise EngineFailed(f"not healthy after `up --wait`: {', '.join(unhealthy)}")
        _note("compose: every container is healthy")
        if project.reaches_store(ServiceName.EXECUTOR) or not project.reaches_store(ServiceName.GATEWAY):
            raise EngineFailed("the network of the store must have the services that own data, and no executor")
        _note("the executor cannot reach the store")
        _call(project)
        _note("a workflow ran in three modes, through nginx")
        project.doctor()
        _note("the doctor found no problem")
        project.crash(ServiceName.EXECUTOR)
        asyncio.run(_await_restart(project))
        _call(project)
        _note("a killed executor was restarted, and the three modes ran again")


def _call(project: Project) -> None:
    answers = asyncio.run(run_in_three_modes(project.url, project.mongodb_uri))
    if not answers.are_good:
        raise EngineFailed(f"a workflow answered {answers}")


async def _await_restart(project: Project) -> None:
    def is_restarted() -> bool:
        return project.restarts_of(ServiceName.EXECUTOR) > 0 and not project.unhealthy()

    await eventually(is_restarted)


def image_of(target: str) -> str:
    """Return the name of a built image."""
    return f"flowport/{target}:{TAG}"


def _note(line: str) -> None:
    say(f"{time.monotonic() - began:5.0f} s  {line}")


if __name__ == "__main__":
    sys.exit(main())
