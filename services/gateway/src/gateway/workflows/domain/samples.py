"""Runnable code samples in several languages for the ways to call a workflow."""

import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from shared.workflow.format.js_values import Json, JsonObject


class Mode(StrEnum):
    """How a workflow is called."""

    SYNC = "sync"
    STREAM = "stream"
    ASYNC = "async"


class Step(StrEnum):
    """Step of a sample. Only queued runs need more than one."""

    EXECUTE = "execute"
    STATUS = "status"
    LIMITS = "limits"


class Language(StrEnum):
    """Language of a sample."""

    CURL = "curl"
    PYTHON = "python"
    JAVASCRIPT = "javascript"
    TYPESCRIPT = "typescript"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """HTTP call. A call with a body is a POST."""

    url: str
    """May end in a job id, see `needs_job`."""
    masked_key: str | None = None
    """Masked key to show; None if no key is needed. The key itself is in SIM_API_KEY."""
    body: JsonObject | None = None
    is_async: bool = False
    streams: bool = False
    needs_job: bool = False
    """Whether the id in JOB_ID follows the URL."""

    @property
    def required_variables(self) -> list[str]:
        """Return the required environment variables."""
        variables = [] if self.masked_key is None else [f"SIM_API_KEY: {self.masked_key}"]
        return [*variables, "JOB_ID: the jobId that the async call answered"] if self.needs_job else variables


class Sample(msgspec.Struct, frozen=True):
    """Program that makes one call and prints the answer."""

    mode: Mode
    step: Step
    language: Language
    code: str


def samples_of(
    base_url: str,
    workflow_id: str,
    body: JsonObject,
    *,
    selected_outputs: Sequence[str],
    masked_key: str,
    is_public: bool,
) -> tuple[Sample, ...]:
    """Return samples for every mode and language that call the workflow with `body`.

    Samples of a public workflow use no key, except for queued runs and the caller's limits.
    """
    return tuple(
        Sample(mode, step, language, write(call))
        for mode, step, call in _calls(
            base_url,
            f"{base_url}/api/workflows/{workflow_id}/execute",
            body,
            selected_outputs=selected_outputs,
            masked_key=masked_key,
            is_public=is_public,
        )
        for language, write in _WRITERS.items()
    )


def _calls(
    base_url: str,
    execute_url: str,
    body: JsonObject,
    *,
    selected_outputs: Sequence[str],
    masked_key: str,
    is_public: bool,
) -> Iterator[tuple[Mode, Step, Call]]:
    shown_key = None if is_public else masked_key
    selection: JsonObject = {"selectedOutputs": list(selected_outputs)} if selected_outputs else {}
    streamed: JsonObject = {**body, "stream": True, **selection}
    jobs, limits = f"{base_url}/api/jobs", f"{base_url}/api/users/me/usage-limits"
    yield Mode.SYNC, Step.EXECUTE, Call(url=execute_url, masked_key=shown_key, body=body)
    yield Mode.STREAM, Step.EXECUTE, Call(url=execute_url, masked_key=shown_key, body=streamed, streams=True)
    yield Mode.ASYNC, Step.EXECUTE, Call(url=execute_url, masked_key=masked_key, body=body, is_async=True)
    yield Mode.ASYNC, Step.STATUS, Call(url=jobs, masked_key=masked_key, needs_job=True)
    yield Mode.ASYNC, Step.LIMITS, Call(url=limits, masked_key=masked_key)


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
        lines.append(f"-d {_quoted(json_text(call.body))}".replace("\n", "\n  "))
    return "".join(f"# {note}\n" for note in call.required_variables) + " \\\n  ".join(lines)


def _url(call: Call) -> str:
    return f'"{call.url}/$JOB_ID"' if call.needs_job else f'"{call.url}"'


def _quoted(text: str) -> str:
    inner = text.replace("'", "'\\''")
    return f"'{inner}'"


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
    notes = [f"# {note}" for note in call.required_variables]
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


_READ = """\
const reader = response.body{sure}.getReader();
const decoder = new TextDecoder();
while (true) {{
  const {{ done, value }} = await reader.read();
  if (done) break;
  process.stdout.write(decoder.decode(value, {{ stream: true }}));
}}"""


def javascript(call: Call) -> str:
    """Return `call` as a JavaScript module."""
    return _module(call, sure="", result="await response.json()", ending="")


def typescript(call: Call) -> str:
    """Return `call` as a TypeScript module."""
    kind = "{ jobId: string; executionId: string }" if call.is_async else "Record<string, unknown>"
    return _module(call, sure="!", result=f"(await response.json()) as {kind}", ending="\n\nexport {};")


def _module(call: Call, *, sure: str, result: str, ending: str) -> str:
    notes = "".join(f"// {note}\n" for note in call.required_variables)
    target = f"`{call.url}/${{process.env.JOB_ID}}`" if call.needs_job else json_text(call.url)
    options = textwrap.indent("".join(f"{option},\n" for option in _options(call, sure)), "  ")
    request = f"const response = await fetch({target}, {{\n{options}}});"
    printing = _READ.format(sure=sure) if call.streams else f"const result = {result};\nconsole.log(result);"
    return f"{notes}{request}\n{printing}{ending}"


def _options(call: Call, sure: str) -> list[str]:
    headers = [] if call.body is None else ['"Content-Type": "application/json"']
    if call.masked_key is not None:
        headers.append(f'"x-api-key": process.env.SIM_API_KEY{sure}')
    if call.is_async:
        headers.append('"X-Execution-Mode": "async"')
    options = [] if call.body is None else ['method: "POST"']
    if headers:
        options.append(f"headers: {{ {', '.join(headers)} }}")
    if call.body is not None:
        options.append(f"body: JSON.stringify({json_text(call.body)})")
    return options


_CONSTANTS: Final = {"true": "True", "false": "False", "null": "None"}


def json_text(value: Json) -> str:
    """Return readable JSON, which is also valid JavaScript."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def python_literal(value: Json, *, indent: int) -> str:
    """Return a Python expression whose lines after the first are indented by `indent` spaces or more."""
    match value:
        case dict() if value:
            inner = [f"{_scalar(key)}: {python_literal(item, indent=indent + 4)}" for key, item in value.items()]
            return _lines("{", inner, "}", indent)
        case list() if any(isinstance(item, dict | list) for item in value):
            return _lines("[", [python_literal(item, indent=indent + 4) for item in value], "]", indent)
        case list():
            return f"[{', '.join(map(_scalar, value))}]"
        case _:
            return _scalar(value)


def _lines(opening: str, inner: list[str], closing: str, indent: int) -> str:
    padding = " " * (indent + 4)
    return opening + "\n" + "".join(f"{padding}{line},\n" for line in inner) + " " * indent + closing


def _scalar(value: Json) -> str:
    text = msgspec.json.encode(value).decode()
    return _CONSTANTS.get(text, text)


_WRITERS: Final[Mapping[Language, Callable[[Call], str]]] = {
    Language.CURL: curl,
    Language.PYTHON: python,
    Language.JAVASCRIPT: javascript,
    Language.TYPESCRIPT: typescript,
}
