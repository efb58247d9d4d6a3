"""Python samples with the requests library."""

from gateway.workflows.domain.samples.calls import Call
from gateway.workflows.domain.samples.literals import json_text, python_literal

_PRINT = "print(response.json())"
_STREAM = """\
    response.raise_for_status()
    for line in response.iter_lines():
        if line:
            print(line.decode())"""


def python(call: Call) -> str:
    """Return `call` as a Python script."""
    imports = ["import requests"]
    if call.masked_key is not None or call.needs_job:
        imports.insert(0, "import os\n")
    notes = [f"# {note}" for note in call.notes]
    return "\n".join([*notes, *imports, "", _request(call)])


def _request(call: Call) -> str:
    method = "get" if call.body is None else "post"
    arguments = "".join(f"    {argument},\n" for argument in _arguments(call))
    request = f"requests.{method}(\n{arguments})"
    if call.streams:
        return f"with {request} as response:\n{_STREAM}"
    return f"response = {request}\n{_PRINT}"


def _arguments(call: Call) -> list[str]:
    url = json_text(call.url)
    arguments = [f'{url} + "/" + os.environ["JOB_ID"]' if call.needs_job else url]
    headers = [] if call.masked_key is None else ['"x-api-key": os.environ["SIM_API_KEY"]']
    if call.is_async:
        headers.append('"X-Execution-Mode": "async"')
    if headers:
        arguments.append(f"headers={{{', '.join(headers)}}}")
    if call.body is not None:
        arguments.append(f"json={python_literal(call.body, indent=4)}")
    if call.streams:
        arguments.append("stream=True")
    return arguments
