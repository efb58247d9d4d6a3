import pytest

from executor_service.adapters.required_sandbox import HostUnsuitable, RequiredSandbox
from executor_service.sandbox import PythonSandbox
from shared.errors import Unavailable


async def test_a_host_that_cannot_confine_code_ends_the_start_instead_of_delaying_it() -> None:
    sandbox = RequiredSandbox(PythonSandbox(bubblewrap="no-such-program"))
    with pytest.raises(HostUnsuitable, match="not installed") as failed:
        await sandbox.start()
    assert not isinstance(failed.value, Unavailable)
    await sandbox.stop()
