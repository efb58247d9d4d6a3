"""The command line, configured like in a pipeline: by environment variables."""

from pathlib import Path
from uuid import uuid4

import pytest
from tests.support.command_line import CommandLine
from tests.support.echo_files import write

from flowport.local.stack import Stack


@pytest.fixture
def flowport(stack: Stack, credentials: tuple[str, str], tmp_path: Path) -> CommandLine:
    """Runs commands with a key that has every scope."""
    workspace_id, api_key = credentials
    return CommandLine(
        {
            "FLOWPORT_URL": stack.url,
            "FLOWPORT_WORKSPACE_ID": workspace_id,
            "SIM_API_KEY": api_key,
            "XDG_CONFIG_HOME": str(tmp_path),
            "COLUMNS": "200",
        }
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A workflow file whose workflow has a unique name."""
    return write(tmp_path / "echo.json", name=f"echo {uuid4().hex[:8]}")
