"""Samples for a shell."""

from gateway.workflows.domain.samples.calls import Call
from gateway.workflows.domain.samples.literals import json_text


def curl(call: Call) -> str:
    """Return `call` as a curl command."""
    lines = [f"curl{' -N' if call.streams else ''}{' -X POST' if call.body is not None else ''} {_url(call)}"]
    if call.body is not None:
        lines.append('-H "Content-Type: application/json"')
    if call.masked_key is not None:
        lines.append('-H "x-api-key: $SIM_API_KEY"')
    if call.is_async:
        lines.append('-H "X-Execution-Mode: async"')
    if call.body is not None:
        lines.append(f"-d {_quoted(json_text(call.body))}")
    return "".join(f"# {note}\n" for note in call.notes) + " \\\n  ".join(lines)


def _url(call: Call) -> str:
    return f'"{call.url}/$JOB_ID"' if call.needs_job else f'"{call.url}"'


def _quoted(text: str) -> str:
    inner = text.replace("'", "'\\''")
    return f"'{inner}'"
