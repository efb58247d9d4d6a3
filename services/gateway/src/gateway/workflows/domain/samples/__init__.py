"""Runnable code samples: one module defines the calls, one per language writes them."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from gateway.workflows.domain.samples.calls import Call, Language, Mode, Sample, Step
from gateway.workflows.domain.samples.curl import curl
from gateway.workflows.domain.samples.javascript import javascript, typescript
from gateway.workflows.domain.samples.python import python
from shared.workflow.format.js_values import JsonObject

__all__ = ["Language", "Mode", "Sample", "Step", "samples_of"]

_WRITERS: Final[Mapping[Language, Callable[[Call], str]]] = {
    Language.CURL: curl,
    Language.PYTHON: python,
    Language.JAVASCRIPT: javascript,
    Language.TYPESCRIPT: typescript,
}


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
