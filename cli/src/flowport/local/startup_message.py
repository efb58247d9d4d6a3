"""Startup message: URL, credentials, and a curl command for each run mode."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rich.console import Console

from flowport.home import Credentials, Home
from flowport.output import print_labelled

TEXT = "Flowport turns a workflow into an endpoint that any program can call."


def print_startup_message(
    console: Console, home: Home, credentials: Credentials, examples: Mapping[str, str], *, store: str
) -> None:
    """Print the startup message. Commands are not wrapped, so that they can be copied."""
    console.print()
    print_labelled(console, credentials.base_url, label="Flowport is running", style="bold green")
    print_labelled(console, f"  API key      {credentials.api_key}")
    print_labelled(console, f"  Sign in      {credentials.admin_email}  {credentials.admin_password}")
    print_labelled(console, f"  Workspace    {credentials.workspace_id}")
    print_labelled(console, f"  Store        {store}")
    print_labelled(console, f"  Credentials  {home.credentials_file}")
    print_labelled(console, f"  Logs         {home.logs}")
    if "summarise" in examples:
        for title, command in example_commands(credentials, examples["summarise"]):
            console.print(f"\n[bold]{title}[/]")
            console.print(command, markup=False, highlight=False, soft_wrap=True)
    console.print("\nCtrl-C stops Flowport.")


def build_startup_document(
    home: Home, credentials: Credentials, examples: Mapping[str, str], *, store: str
) -> dict[str, Any]:
    """Return the startup message as a JSON object. `workflows` maps example names to ids."""
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


def example_commands(credentials: Credentials, workflow_id: str) -> Iterator[tuple[str, str]]:
    """Yield a title and a shell command for each run mode."""
    key = f"-H 'x-api-key: {credentials.api_key}'"
    body = json.dumps({"input": TEXT})
    streamed = json.dumps({"input": TEXT, "stream": True, "selectedOutputs": ["agent_1.content"]})
    url = f"{credentials.base_url}/api/workflows/{workflow_id}/execute"
    post = f"-X POST {url} \\\n  {key} -H 'Content-Type: application/json'"
    yield "Run and wait", f"curl {post} \\\n  -d '{body}'"
    yield "Stream the output", f"curl -N {post} \\\n  -d '{streamed}'"
    yield (
        "Queue a run, then get its status",
        f"job=$(curl -s {post} -H 'X-Execution-Mode: async' \\\n  -d '{body}' | grep -o 'http[^\"]*/api/jobs/[^\"]*')\n"
        f"sleep 1; curl $job {key}",
    )
