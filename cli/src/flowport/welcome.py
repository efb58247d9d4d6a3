"""What a start prints at its end: where it runs, the key, and a command for each mode that works as pasted."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console

from flowport.home import Credentials, Home
from flowport.output import say

TEXT = "Flowport turns a workflow into an endpoint that any program can call."


def print_welcome(
    console: Console, home: Home, credentials: Credentials, examples: Mapping[str, str], *, store: str
) -> None:
    """Print it; commands are never wrapped, so that they can be copied."""
    console.print()
    say(console, credentials.base_url, label="Flowport is up", style="bold green")
    say(console, f"  API key      {credentials.api_key}")
    say(console, f"  Sign in      {credentials.admin_email}  {credentials.admin_password}")
    say(console, f"  Workspace    {credentials.workspace_id}")
    say(console, f"  Store        {store}")
    say(console, f"  Credentials  {home.credentials_file}")
    say(console, f"  Logs         {home.logs}")
    if "summarise" in examples:
        for title, command in commands(credentials, examples["summarise"]):
            console.print(f"\n[bold]{title}[/]")
            console.print(command, markup=False, highlight=False, soft_wrap=True)
    console.print("\nCtrl-C stops everything that was started here.")


def welcome_document(
    home: Home, credentials: Credentials, examples: Mapping[str, str], *, store: str
) -> dict[str, Any]:
    """The same for programs; `workflows` has the ids of the examples by name."""
    return {
        "url": credentials.base_url,
        "apiKey": credentials.api_key,
        "adminEmail": credentials.admin_email,
        "adminPassword": credentials.admin_password,
        "workspaceId": credentials.workspace_id,
        "store": store,
        "credentials": str(home.credentials_file),
        "logs": str(home.logs),
        "workflows": dict(examples),
    }


def commands(credentials: Credentials, workflow_id: str) -> Iterator[tuple[str, str]]:
    """A title and a shell command for each mode."""
    key = f"-H 'x-api-key: {credentials.api_key}'"
    body = json.dumps({"input": TEXT})
    streamed = json.dumps({"input": TEXT, "stream": True, "selectedOutputs": ["agent_1.content"]})
    url = f"{credentials.base_url}/api/workflows/{workflow_id}/execute"
    post = f"-X POST {url} \\\n  {key} -H 'Content-Type: application/json'"
    yield "Run and wait", f"curl {post} \\\n  -d '{body}'"
    yield "Stream the answer", f"curl -N {post} \\\n  -d '{streamed}'"
    yield (
        "Queue it, then ask how it is going",
        f"job=$(curl -s {post} -H 'X-Execution-Mode: async' \\\n  -d '{body}' | grep -o 'http[^\"]*/api/jobs/[^\"]*')\n"
        f"sleep 1; curl $job {key}",
    )
