"""Runnable code samples in several languages for the ways to call a workflow."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from shared.workflow.format.js_values import Json, JsonObject


class Mode(StrEnum):
    """How a workflow is called."""

    SYNC = "sync"
    STREAM = "stream"
    ASYNC = "async"


class Api(StrEnum):
    """API that a sample calls."""

    LEGACY = "legacy"
    V2 = "v2"


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


class Queued(msgspec.Struct, frozen=True):
    """Id of a queued run, in an environment variable."""

    variable: str
    field: str
    """Field of the answer of the async call."""
    query: str = ""

    @property
    def note(self) -> str:
        """Return what the variable contains."""
        return f"{self.variable}: the {self.field} that the async call answered"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """HTTP call. A call with a body is a POST."""

    url: str
    masked_key: str | None = None
    """Masked key to show; None if no key is needed. The key itself is in SIM_API_KEY."""
    body: JsonObject | None = None
    is_async: bool = False
    streams: bool = False
    queued: Queued | None = None
    """Queued run whose id follows the URL."""
    result_type: str = "Record<string, unknown>"
    """TypeScript type of the answer."""

    @property
    def required_variables(self) -> list[str]:
        """Return the required environment variables."""
        variables = [] if self.masked_key is None else [f"SIM_API_KEY: {self.masked_key}"]
        return variables if self.queued is None else [*variables, self.queued.note]


Steps = tuple[tuple[Mode, Step, Call], ...]


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
    api: Api = Api.LEGACY,
) -> tuple[Sample, ...]:
    """Return samples for every mode and language that call the workflow with `body`.

    Samples of a public workflow use no key, except for queued runs and the caller's limits.
    """
    selection: JsonObject = {"selectedOutputs": list(selected_outputs)} if selected_outputs else {}
    shown_key = None if is_public else masked_key
    calls = (_v2_calls if api is Api.V2 else _legacy_calls)(base_url, workflow_id, body, selection)
    limits = Call(url=f"{base_url}/api/users/me/usage-limits")
    return tuple(
        Sample(mode, step, language, write(_with_key(call, masked_key if mode is Mode.ASYNC else shown_key)))
        for mode, step, call in (*calls, (Mode.ASYNC, Step.LIMITS, limits))
        for language, write in _WRITERS.items()
    )


def _with_key(call: Call, masked_key: str | None) -> Call:
    return msgspec.structs.replace(call, masked_key=masked_key)


def _legacy_calls(base_url: str, workflow_id: str, body: JsonObject, selection: JsonObject) -> Steps:
    execute = f"{base_url}/api/workflows/{workflow_id}/execute"
    streamed: JsonObject = {**body, "stream": True, **selection}
    queued_type = "{ jobId: string; executionId: string }"
    return (
        (Mode.SYNC, Step.EXECUTE, Call(url=execute, body=body)),
        (Mode.STREAM, Step.EXECUTE, Call(url=execute, body=streamed, streams=True)),
        (Mode.ASYNC, Step.EXECUTE, Call(url=execute, body=body, is_async=True, result_type=queued_type)),
        (Mode.ASYNC, Step.STATUS, Call(url=f"{base_url}/api/jobs", queued=Queued("JOB_ID", "jobId"))),
    )


def _v2_calls(base_url: str, workflow_id: str, body: JsonObject, selection: JsonObject) -> Steps:
    workflow = f"{base_url}/api/v2/workflows/{workflow_id}"
    execute = f"{workflow}/execute"
    streamed: JsonObject = {"input": body, "stream": True, **selection}
    queued: JsonObject = {"input": body, "async": True}
    queued_type = "{ data: { runId: string; statusUrl: string } }"
    run_id = Queued("RUN_ID", "data.runId", query="?includeOutput=true")
    return (
        (Mode.SYNC, Step.EXECUTE, Call(url=execute, body={"input": body})),
        (Mode.STREAM, Step.EXECUTE, Call(url=execute, body=streamed, streams=True)),
        (Mode.ASYNC, Step.EXECUTE, Call(url=execute, body=queued, result_type=queued_type)),
        (Mode.ASYNC, Step.STATUS, Call(url=f"{workflow}/runs", queued=run_id)),
    )


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
    if call.queued is None:
        return f'"{call.url}"'
    return f'"{call.url}/${call.queued.variable}{call.queued.query}"'


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
    if call.masked_key is not None or call.queued is not None:
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


def _python_url(call: Call) -> str:
    url = json_text(call.url)
    if call.queued is None:
        return url
    query = f" + {json_text(call.queued.query)}" if call.queued.query else ""
    return f'{url} + "/" + os.environ["{call.queued.variable}"]{query}'


def _arguments(call: Call) -> list[str]:
    arguments = [_python_url(call)]
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
    return _module(call, sure="!", result=f"(await response.json()) as {call.result_type}", ending="\n\nexport {};")


def _module(call: Call, *, sure: str, result: str, ending: str) -> str:
    notes = "".join(f"// {note}\n" for note in call.required_variables)
    target = _module_url(call)
    options = textwrap.indent("".join(f"{option},\n" for option in _options(call, sure)), "  ")
    request = f"const response = await fetch({target}, {{\n{options}}});"
    printing = _READ.format(sure=sure) if call.streams else f"const result = {result};\nconsole.log(result);"
    return f"{notes}{request}\n{printing}{ending}"


def _module_url(call: Call) -> str:
    if call.queued is None:
        return json_text(call.url)
    return f"`{call.url}/${{process.env.{call.queued.variable}}}{call.queued.query}`"


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
