"""Random programs with references and random values: each must behave as with the values in variables.

`python -m tests.security.code.fuzz javascript --cases 10000 --seed 1` prints the first differences, and exits with 1 if
there are any. A case is built twice: as an author types it, with references, and as plain code that builds its strings,
patterns and templates from variables in another way than the compiler does.
"""

import argparse
import asyncio
import json
import random
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from tests.security.code.random_programs import Case, JavaScriptWriter, PythonWriter

from executor_service.engine.binding import bind
from executor_service.sandbox import JavaScriptSandbox, Script
from executor_service.sandbox.jail import python as jail
from shared.workflow.compile.code_parser import Language
from shared.workflow.compile.code_references import CodeTemplate, compile_code
from shared.workflow.format.js_values import stringify
from shared.workflow.format.references import EnvMarker, Reference

BATCH = 50


class Values:
    """A resolver for one case."""

    def __init__(self, case: Case) -> None:
        self._case = case
        self.environment = {"KEY": case.key}

    def find(self, reference: Reference) -> Any:
        """Return the value of `<start.name>`."""
        return self._case.values[str(reference.path[0])]

    def environment_value(self, name: str) -> str | None:
        """Return the value of `{{KEY}}`."""
        return self.environment.get(name)

    def count_text(self, text: str, times: int = 1) -> str:
        """Return any number of elements."""
        return text


def compiled(source: str, language: Language) -> CodeTemplate:
    """Return the source, in a workflow whose only block is the start."""
    return compile_code(source, language, known=lambda part: isinstance(part, EnvMarker) or part.name == "start")


def bound(case: Case, language: Language) -> tuple[CodeTemplate, dict[str, Any]]:
    """Return the compiled case, and the values of its variables."""
    template = compiled(case.source, language)
    code = bind(template, Values(case))  # type: ignore[arg-type]
    return template, dict(code.bindings)


def helpers(case: Case) -> dict[str, dict[str, str]]:
    """Return the texts, and the text patterns, that references represent."""
    texts = {name: stringify(value) for name, value in case.values.items()} | {"KEY": case.key}
    plain = {name: value if isinstance(value, str) else stringify(value) for name, value in case.values.items()}
    return {"texts": texts, "plain": plain | {"KEY": case.key}}


HARNESS = """
const Fn = (async () => {}).constructor, results = []
const escape = (text) => text.replace(/[^]/g, (c) => '\\\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'))
const ran = async (program, names, values) => {
  try { return JSON.stringify([(await new Fn(...names, program)(...values)) ?? null]) }
  catch (error) { return error instanceof SyntaxError ? 'SyntaxError' : 'threw ' + error.name }
}
for (const { program, bindings, oracle, values, texts, plain } of cases) {
  const T = (name) => texts[name], P = (name) => escape(plain[name])
  results.push([
    await ran(program, Object.keys(bindings), Object.values(bindings)),
    await ran(oracle, ['T', 'P', ...Object.keys(values)], [T, P, ...Object.values(values)]),
  ])
}
return results
"""


async def javascript(cases: Sequence[Case], sandbox: JavaScriptSandbox) -> list[tuple[str, str]]:
    """Return the results of each case in its two spellings."""
    sent = []
    for case in cases:
        template, bindings = bound(case, Language.JAVASCRIPT)
        values = {**case.values, "KEY": case.key}
        sent.append(
            {
                "program": template.program,
                "bindings": bindings,
                "oracle": case.oracle,
                "values": values,
                **helpers(case),
            }
        )
    result = await sandbox.run(Script(code=HARNESS, bindings={"cases": sent}))
    if result.error is not None:
        raise RuntimeError(result.error.message)
    return [(one, two) for one, two in result.value()]


def python(case: Case) -> tuple[str, str]:
    """Return the results of a case in its two spellings."""
    template, bindings = bound(case, Language.PYTHON)
    texts = helpers(case)["texts"]
    values = {**case.values, "KEY": case.key, "T": lambda name: texts[name]}
    return _ran(template.program, bindings), _ran(case.oracle, values)


def _ran(program: str, names: dict[str, Any]) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return json.dumps(jail._execute(jail._compile(program), dict(names)))
        except SyntaxError:
            return "SyntaxError"
        except Exception as error:
            return f"threw {type(error).__name__}"


async def differences(language: Language, cases: int, seed: int) -> tuple[list[str], int]:
    """Return the cases whose spellings differ, and how many of all ended with a result."""
    writer = (JavaScriptWriter if language is Language.JAVASCRIPT else PythonWriter)(random.Random(seed))
    found, finished = [], 0
    async with JavaScriptSandbox() as sandbox:
        for start in range(0, cases, BATCH):
            batch = [writer.case() for _ in range(min(BATCH, cases - start))]
            if language is Language.JAVASCRIPT:
                pairs = await javascript(batch, sandbox)
            else:
                pairs = [python(case) for case in batch]
            for case, (one, two) in zip(batch, pairs, strict=True):
                finished += one.startswith("[")
                if one != two:
                    program = compiled(case.source, language).program
                    found.append(
                        f"{case.source}\n--- {program!r}\n--- {case.oracle!r}\n{case.values} {case.key!r}\n{one}\n{two}"
                    )
    return found, finished


def main() -> int:
    """Run many cases."""
    parser = argparse.ArgumentParser()
    parser.add_argument("language", type=Language, choices=list(Language))
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--show", type=int, default=5)
    options = parser.parse_args()
    found, finished = asyncio.run(differences(options.language, options.cases, options.seed))
    print("\n\n".join(found[: options.show]))
    print(
        f"{options.language}: {options.cases} cases, seed {options.seed}: {finished} gave a result, {len(found)} differ"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
