"""JavaScript and TypeScript samples with fetch. They are modules: `.mjs`, `.ts`."""

import textwrap

from gateway.workflows.domain.samples.calls import Call
from gateway.workflows.domain.samples.literals import json_text

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
    notes = "".join(f"// {note}\n" for note in call.notes)
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
