"""The command line, configured like in a pipeline: by environment variables."""

from pathlib import Path

import pytest
from tests.support.command_line import CommandLine

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
