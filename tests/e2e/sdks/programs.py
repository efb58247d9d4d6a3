"""Programs that tests run as their readers would."""

import asyncio
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from tests.support.eventually import PATIENCE_SECONDS

HERE: Final = Path(__file__).parent
TYPES: Final = HERE / "node_modules" / "@types"
COMPILER: Final = HERE / "node_modules" / "typescript" / "bin" / "tsc"


def node() -> str:
    """Return the path of node."""
    found = shutil.which("node")
    assert found, "node is not installed"
    return found


async def run(*command: str, environment: Mapping[str, str] | None = None) -> str:
    """Return the program's output; it must succeed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )
    try:
        out, errors = await asyncio.wait_for(process.communicate(), 2 * PATIENCE_SECONDS)
    except TimeoutError:
        process.kill()
        await process.communicate()
        raise
    assert process.returncode == 0, f"{errors.decode()}\n{out.decode()}"
    return out.decode()


async def run_python(code: str, environment: Mapping[str, str]) -> str:
    """Return the script's output."""
    return await run(sys.executable, "-c", code, environment=environment)


async def run_shell(code: str, environment: Mapping[str, str]) -> str:
    """Return the commands' output."""
    return await run(
        "bash", "-ec", code.replace("curl ", "curl --silent --show-error --fail-with-body ", 1), environment=environment
    )


async def run_module(path: Path, environment: Mapping[str, str]) -> str:
    """Return the JavaScript module's output."""
    return await run(node(), str(path), environment=environment)


async def compile_typescript(*sources: Path) -> None:
    """Check each `.mts` in the compiler's strictest mode, and write a `.mjs` next to it."""
    options = ["--strict", "--target", "es2022", "--module", "nodenext", "--typeRoots", str(TYPES), "--types", "node"]
    await run(node(), str(COMPILER), *options, *map(str, sources))
