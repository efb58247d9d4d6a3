"""Layered file systems, and commands that run in them, isolated from this machine except for its network."""

import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

_OF_THE_MACHINE: Final = ("/etc/resolv.conf", "/etc/ssl/certs", "/etc/pip.conf", "/etc/npmrc", "/root/.npmrc")
"""Variables for access to registries, which are no part of an image."""
_VARIABLES: Final = ("PIP_", "UV_", "NPM_", "SSL_", "NODE_EXTRA_", "HTTP_", "HTTPS_", "NO_PROXY")
_COMMON: Final = ("--dev", "/dev", "--proc", "/proc", "--unshare-pid", "--die-with-parent")
_ORDINARY: Final = ("--clear-groups", "--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all", "--no-new-privs")


@dataclass(frozen=True)
class Root:
    """The layers of a file system, the lowest first; writes go to the last."""

    layers: tuple[Path, ...]

    @property
    def top(self) -> Path:
        """The writable layer."""
        return self.layers[-1]

    def above(self, layer: Path) -> "Root":
        """Return the same file system with an empty layer on top."""
        layer.mkdir(parents=True)
        return Root((*self.layers, layer))

    def run(self, command: str, *, environment: Mapping[str, str], folder: str) -> None:
        """Run a line of shell as root. Raises CalledProcessError."""
        work = self.top.with_name(f"{self.top.name}.work")
        work.mkdir(exist_ok=True)
        lower = chain.from_iterable(("--overlay-src", str(layer)) for layer in self.layers[:-1])
        machine = chain.from_iterable(("--ro-bind-try", path, path) for path in _OF_THE_MACHINE)
        subprocess.run(
            ["bwrap", *lower, "--overlay", self.top, work, "/", *_COMMON, "--cap-add", "ALL", *machine,
             "--chdir", folder, "/bin/sh", "-c", command],
            env={**registry_variables(), **environment}, check=True,
        )  # fmt: skip

    def served(self, command: Sequence[str], *, environment: Mapping[str, str], user: str) -> list[str]:
        """Return a command line that runs a program as its image would: as an ordinary user, read-only root, /tmp in
        memory."""
        name, _, group = user.partition(":")
        variables = chain.from_iterable(("--setenv", *item) for item in environment.items())
        return [
            "bwrap", *self._read_only("/"), *_COMMON, "--perms", "1777", "--tmpfs", "/tmp",
            "--cap-add", "ALL", "--clearenv", *variables, "--chdir", "/tmp",
            "setpriv", f"--reuid={name}", f"--regid={group}", *_ORDINARY, "--", *command,
        ]  # fmt: skip

    def copy(self, source: str, target: Path) -> None:
        """Copy a folder out of the file system. Raises CalledProcessError."""
        target.mkdir(parents=True, exist_ok=True)
        seen = ("bwrap", "--dev-bind", "/", "/", *self._read_only("/mnt"))
        subprocess.run([*seen, "cp", "--archive", f"/mnt{source}/.", target], check=True)

    def _read_only(self, where: str) -> Iterator[str]:
        yield from chain.from_iterable(("--overlay-src", str(layer)) for layer in self.layers)
        yield from ("--ro-overlay", where)


def registry_variables() -> dict[str, str]:
    """Return the variables that say how package registries are reached from here."""
    return {name: value for name, value in os.environ.items() if name.upper().startswith(_VARIABLES)}
