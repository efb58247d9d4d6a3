"""Error messages of failed scripts, in the wording and format that Sim's callers know."""

import re
import signal

import msgspec

from executor_service.sandbox import messages
from executor_service.sandbox.model import ErrorKind, SandboxLimits, ScriptError
from executor_service.sandbox.zygote import Exit
from shared.workflow.format.sizes import MAX_VALUES

# The code is a function body, below two header lines.
_HEADER_LINES = 2
_FRAME = re.compile(r"^    at (?:.*\()?user-function\.js:(\d+):\d+\)?$", re.MULTILINE)
_NAMES = {"SyntaxError": "Syntax Error", "ReferenceError": "Reference Error", "TypeError": "Type Error"}
_LONGEST_SOURCE = 1000
# The first process of a namespace survives SIGABRT; the C library then executes a forbidden instruction.
_V8_ABORT_SIGNALS = {signal.SIGABRT, signal.SIGTRAP, signal.SIGILL, signal.SIGSEGV}


def failure(ending: messages.Ending, code: str, limits: SandboxLimits) -> ScriptError:
    """Describe an ending without a result."""
    match ending:
        case messages.Thrown():
            error = _thrown(ending, code)
        case messages.Uncaught():
            error = _error(ErrorKind.CRASHED, "Function execution failed: the code could not be started")
        case messages.Unparsable(text=text, line=line):
            error = _syntax(text, line, code)
        case messages.Oversized(size=size):
            error = _oversized(size, limits)
        case messages.Stalled():
            error = _error(ErrorKind.STALLED, "Function never finished: it awaits a promise that never settles")
        case messages.Exhausted():
            error = _out_of_memory(limits)
        case messages.Returned():
            error = protocol_broken()
    return error


def _thrown(error: messages.Thrown, code: str) -> ScriptError:
    line = error.line or _line_in_stack(error.stack, code)
    message = _with_line(error.message, line, code)
    if error.name not in ("", "Error"):
        message = f"{_NAMES.get(error.name, error.name)}: {message}"
    return ScriptError(kind=ErrorKind.THROWN, message=message, reason=error.message, line=line)


def _syntax(reason: str, line: int | None, code: str) -> ScriptError:
    line = _valid_line(line, code)
    message = f"Syntax Error: {_with_line(reason, line, code)}"
    return ScriptError(kind=ErrorKind.SYNTAX, message=message, reason=reason, line=line)


def condition_error(error: ScriptError) -> ScriptError:
    """Return the error of a condition block: the thrown message, without a line that the user never wrote."""
    return msgspec.structs.replace(error, message=error.reason) if error.kind is ErrorKind.THROWN else error


def timed_out(timeout_ms: int) -> ScriptError:
    return _error(ErrorKind.TIMEOUT, f"Function execution timed out after {timeout_ms}ms")


def _out_of_memory(limits: SandboxLimits) -> ScriptError:
    return _error(ErrorKind.MEMORY, f"Function ran out of memory: the limit is {limits.heap_bytes >> 20} MB")


def _oversized(size: int, limits: SandboxLimits) -> ScriptError:
    return _error(
        ErrorKind.OUTPUT,
        f"Function result is too large: {size} characters of JSON, the limit is {limits.max_result_chars}",
    )


def too_deep() -> ScriptError:
    return _error(ErrorKind.OUTPUT, "Function result is nested too deeply")


def too_many_values() -> ScriptError:
    return _error(ErrorKind.OUTPUT, f"Function result has too many values: the limit is {MAX_VALUES}")


def input_too_large(limits: SandboxLimits) -> ScriptError:
    return _error(
        ErrorKind.INPUT,
        f"Function code and its values are too large: the limit is {limits.max_input_bytes} bytes",
    )


def protocol_broken() -> ScriptError:
    return _error(ErrorKind.CRASHED, "Function was stopped: its process violated the protocol")


def exit_error(exit_: Exit, limits: SandboxLimits) -> ScriptError:
    """Describe a process that died, by its signal."""
    if exit_.signal == signal.SIGXCPU:
        return _error(
            ErrorKind.CPU, f"Function used more processor time than the limit of {limits.cpu_seconds} seconds"
        )
    if exit_.signal == signal.SIGKILL or (
        exit_.signal in _V8_ABORT_SIGNALS and exit_.peak_bytes > limits.heap_bytes // 2
    ):
        return _out_of_memory(limits)
    return _error(ErrorKind.CRASHED, "Function crashed: its process ended without a result")


def _error(kind: ErrorKind, message: str) -> ScriptError:
    return ScriptError(kind=kind, message=message, reason=message)


def _line_in_stack(stack: str, code: str) -> int | None:
    match = _FRAME.search(stack)
    return _valid_line(int(match[1]) - _HEADER_LINES, code) if match else None


def _valid_line(line: int | None, code: str) -> int | None:
    return line if line and 1 <= line <= code.count("\n") + 1 else None


def _with_line(message: str, line: int | None, code: str) -> str:
    if _valid_line(line, code) is None or line is None:
        return message
    source = code.split("\n")[line - 1].strip()[:_LONGEST_SOURCE]
    return f"Line {line}: `{source}` - {message}"
