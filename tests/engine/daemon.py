"""A Docker engine of this run alone, with its socket and data in a temporary folder."""

import os
import re
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from flowport.servers.process import ServerFailed, ServerProcess

START_SECONDS: Final = 60.0
STOP_SECONDS: Final = 30.0
OPEN_FILES: Final = 65_536
DISK_BYTES: Final = 20 * 2**30
NO_ROOT: Final = "Docker's engine needs root. Run: sudo make engine-check"
_LAST_LINES: Final = 25
_HOST: Final = re.compile(r"(https?://)[^/\s\"']+")


class EngineFailed(Exception):
    """A command of the check failed, or Docker cannot start; the message says what to do."""


class Engine:
    """Docker, started on entry; on exit it and everything that it built or ran is removed.

    It does not touch images, networks or firewall rules of an engine that already runs here: stand-ins have the names
    of official images.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._environment = {**os.environ, "DOCKER_HOST": f"unix://{folder}/docker.sock", "DOCKER_BUILDKIT": "1"}
        files = min(OPEN_FILES, resource.getrlimit(resource.RLIMIT_NOFILE)[1])
        command = [
            "dockerd", f"--host=unix://{folder}/docker.sock", f"--data-root={folder}/data", f"--exec-root={folder}/run",
            f"--pidfile={folder}/pid", "--bridge=none", "--iptables=false", "--ip6tables=false", "--ip-forward=false",
            f"--default-ulimit=nofile={files}:{files}",  # the default exceeds what a restricted machine allows
        ]  # fmt: skip
        self._process = ServerProcess(command, log=folder / "dockerd.log", cwd=folder, name="dockerd")

    def __enter__(self) -> Self:
        if os.geteuid() != 0:
            raise EngineFailed(NO_ROOT)
        self._mount_data()
        try:
            self._process.start(until=self._answers, timeout=START_SECONDS)
        except ServerFailed as error:
            self._unmount()
            raise EngineFailed(self._why_not_started()) from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        containers = self.output("ps", "--all", "--quiet").split()
        if containers:
            self.run("rm", "--force", "--volumes", *containers)
        self.attempt("network", "prune", "--force")  # its bridges would outlive it
        self._process.stop(timeout=STOP_SECONDS)
        self._unmount()

    def run(self, *command: str | Path, timeout: float = 600, environment: dict[str, str] | None = None) -> None:
        """Run a `docker` command. Raises EngineFailed with its last lines."""
        self.output(*command, timeout=timeout, environment=environment)

    def output(self, *command: str | Path, timeout: float = 600, environment: dict[str, str] | None = None) -> str:
        """Return what a `docker` command prints. Raises EngineFailed with its last lines."""
        done = self.attempt(*command, timeout=timeout, environment=environment)
        if done.returncode:
            raise EngineFailed(f"docker {_shown(command)} failed:\n{without_hosts(done.stdout + done.stderr)}")
        return done.stdout

    def attempt(
        self, *command: str | Path, timeout: float = 600, environment: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a `docker` command that may fail."""
        known = {**self._environment, **(environment or {})}
        try:
            return subprocess.run(
                ["docker", *command], env=known, capture_output=True, text=True, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise EngineFailed(f"docker {_shown(command)} took longer than {timeout:.0f} s") from error

    def megabytes(self, image: str) -> int:
        """Return the size of an image. Raises EngineFailed."""
        return int(self.output("image", "inspect", "--format", "{{.Size}}", image)) // 10**6

    def _answers(self) -> bool:
        return (self._folder / "docker.sock").exists() and self.attempt("info").returncode == 0

    def _mount_data(self) -> None:
        """Keep the engine's data in one sparse file: images are many files, which take minutes to delete.

        Without loop devices, the data is in an ordinary folder.
        """
        data, disk = self._folder / "data", self._folder / "disk"
        data.mkdir()
        with disk.open("wb") as file:
            file.truncate(DISK_BYTES)
        for command in (["mkfs.ext4", "-q", "-F", str(disk)], ["mount", "-o", "loop,noatime", str(disk), str(data)]):
            if subprocess.run(command, capture_output=True, check=False).returncode:
                return

    def _unmount(self) -> None:
        """Remove what dockerd leaves mounted."""
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        for mount in reversed([each for each in mounts if each.startswith(f"{self._folder}/")]):
            subprocess.run(["umount", "--lazy", mount], check=False)

    def _why_not_started(self) -> str:
        lines = self._process.log_tail().splitlines()
        reason = next((line for line in reversed(lines) if "failed to start" in line), "\n".join(lines[-3:]))
        return (
            f"Docker cannot start here: {reason}\n"
            "It needs cgroups, overlay mounts and network namespaces. In a container: docker run --privileged …; "
            "`sudo dockerd --bridge=none --iptables=false` shows the whole reason. Without Docker, `make images-check` "
            "does what the Dockerfile says."
        )


def without_hosts(text: str) -> str:
    """Return the last lines of `text`, with the hosts of URLs removed: they name registries and this machine."""
    return _HOST.sub(r"\1…", "\n".join(text.splitlines()[-_LAST_LINES:]))


def say(line: str) -> None:
    """Print one line of the result immediately."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _shown(command: Sequence[str | Path]) -> str:
    return " ".join(str(part) for part in command[:2])
