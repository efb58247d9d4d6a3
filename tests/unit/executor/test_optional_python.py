import pytest

from executor_service.adapters.optional_python import OptionalPython
from executor_service.sandbox import PythonSandbox, SandboxUnavailable, Script


async def test_a_host_without_bubblewrap_runs_without_python_and_reports_why() -> None:
    python = OptionalPython(PythonSandbox(bubblewrap="no-such-program"))
    await python.start()
    with pytest.raises(SandboxUnavailable, match=r"Python is not available on this server: .*not installed"):
        await python.run(Script(code="return 1"))
    await python.stop()
