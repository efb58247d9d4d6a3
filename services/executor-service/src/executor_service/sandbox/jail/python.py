"""Python in the jail: the interpreter and the common standard library are loaded once. A child of the zygote serves one
owner and runs no user code: it is a zygote itself, whose children run one script each.

User code shares the interpreter with this module and may change it: the child's limits and its system call filter
confine it, not the language.
"""

import ast
import datetime
import importlib
import json
import math
import socket
import sys
import traceback
from types import CodeType
from typing import Any, NamedTuple

from . import confine, files, frames, seccomp
from .zygote import Zygote, refuse

_FILE = "<function>"
_MAIN = "__sim_main__"
_RESULT = "__sim_result__"
_OPEN_FILES = 64
_FIRST_SCRIPT: dict[str, Any] = {
    "code": "print(1)\nvalues: list = [{'a': str(n)} for n in range(2)]\nreturn values",
    "bindings": {},
    "params": {},
    "environment": {},
}
_OWN_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
# Extension modules cannot be loaded once memory can no longer be made executable, so the useful ones come first.
_PRELOADED = (
    "array", "base64", "bisect", "bz2", "calendar", "cmath", "collections", "contextlib", "contextvars", "copy", "csv",
    "dataclasses", "decimal", "difflib", "enum", "fractions", "functools", "gzip", "hashlib", "heapq", "hmac", "html",
    "html.parser", "io", "ipaddress", "itertools", "lzma", "mmap", "operator", "pickle", "pprint", "queue", "random",
    "re", "secrets", "statistics", "string", "struct", "textwrap", "time", "typing", "unicodedata", "urllib.parse",
    "uuid", "xml.etree.ElementTree", "zlib", "zoneinfo",
)  # fmt: skip


class Options(NamedTuple):
    """Options set by the parent."""

    data_bytes: int
    address_space_bytes: int
    cpu_seconds: int
    max_result_chars: int
    max_stdout_chars: int
    max_fetches: int


class Stdout:
    """Target of `print`: stores text up to a limit and drops the rest."""

    def __init__(self, limit: int) -> None:
        self._room = limit
        self._parts: list[str] = []

    def write(self, text: str) -> int:
        if self._room > 0:
            self._parts.append(text[: self._room])
            self._room -= len(text)
        return len(text)

    def flush(self) -> None:
        """Do nothing."""

    def text(self) -> str:
        return "".join(self._parts).removesuffix("\n")


class Python:
    def __init__(self, options: Options) -> None:
        self._options = options
        self._filter = seccomp.python_filter()

    def warm_up(self) -> None:
        """Run a script of our own, so that each child finds done what the interpreter does at its first use."""
        streams = sys.stdout, sys.stderr
        self._run(_FIRST_SCRIPT, None)
        sys.stdout, sys.stderr = streams

    def serve_owner(self, control: socket.socket) -> None:
        """Fork a child for each script of an owner, in the process namespace of this process."""
        Zygote(control, self.serve_script).serve()

    def serve_script(self, connection: socket.socket) -> None:
        """Lock the process down and run the one script received."""
        try:
            confine.limit(
                data=self._options.data_bytes,
                address_space=self._options.address_space_bytes,
                cpu_seconds=self._options.cpu_seconds,
                files=_OPEN_FILES,
            )
            seccomp.install(self._filter)
        except OSError as error:
            frames.send(connection, frames.message("refused", text=str(error)))
            return
        frames.send(connection, frames.message("ready"))
        if (frame := frames.receive(connection)) is not None:
            frames.send(connection, self._run(json.loads(frame), files.sim(connection, self._options.max_fetches)))

    def _run(self, script: dict[str, Any], sim: object) -> bytes:
        stdout = Stdout(self._options.max_stdout_chars)
        sys.stdout = sys.stderr = stdout
        names = {
            "__name__": "__main__",
            "sim": sim,
            "params": script["params"],
            "environmentVariables": script["environment"],
            **script["bindings"],
        }
        try:
            program = _compile(script["code"])
            result = _encode(_execute(program, names))
        except MemoryError:
            return frames.message("exhausted", stdout=stdout.text())
        except BaseException as error:
            return _error_message(error, stdout.text())
        if len(result) > self._options.max_result_chars:
            return frames.message("oversized", size=len(result), stdout=stdout.text())
        field = f'"result":{result},' if result else ""
        return f'[{{"type":"returned",{field}"stdout":{json.dumps(stdout.text())}}}]'.encode()


def _compile(code: str) -> CodeType:
    """Compile code. A top-level `return` makes it a function, whose variables stay global as in a module."""
    tree = ast.parse(code, _FILE)
    if not any(map(_returns, tree.body)):
        return compile(tree, _FILE, "exec", dont_inherit=True)
    body = [_AnnotationRemover().visit(node) for node in tree.body]
    inner = _main_function(body)
    local = (*inner.co_varnames, *inner.co_cellvars)
    body = [ast.Global(names=list(local)), *body] if local else body
    return compile(_module(body), _FILE, "exec", dont_inherit=True)


def _main_function(body: list[ast.stmt]) -> CodeType:
    program = compile(_module(body), _FILE, "exec", dont_inherit=True)
    return next(const for const in program.co_consts if isinstance(const, CodeType) and const.co_name == _MAIN)


def _module(body: list[ast.stmt]) -> ast.Module:
    source = ast.parse(f"def {_MAIN}(): pass")
    function = source.body[0]
    if isinstance(function, ast.FunctionDef):
        function.body = body
    return ast.fix_missing_locations(source)


class _AnnotationRemover(ast.NodeTransformer):
    """Drops annotations of variables, which a global of a function cannot have."""

    def visit(self, node: ast.AST) -> Any:
        return node if isinstance(node, _OWN_SCOPES) else super().visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign(targets=[node.target], value=node.value), node)


def _returns(node: ast.AST) -> bool:
    if isinstance(node, _OWN_SCOPES):
        return False
    return isinstance(node, ast.Return) or any(map(_returns, ast.iter_child_nodes(node)))


def _execute(program: CodeType, names: dict[str, Any]) -> Any:
    """Return the code's result, else `__sim_result__`; Ellipsis if there is neither."""
    exec(program, names)  # noqa: S102 - this is what the jail is for
    if _MAIN in names:
        result = names[_MAIN]()
        return names.get(_RESULT) if result is None else result
    return names.get(_RESULT, ...)


def _encode(result: Any) -> str:
    if result is ...:
        return ""
    try:
        return json.dumps(result, default=_plain, allow_nan=False)
    except ValueError:
        return json.dumps(_without_nan(result), default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, set | frozenset):
        return list(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _without_nan(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_without_nan(item) for item in value]
    return value


def _error_message(error: BaseException, stdout: str) -> bytes:
    if isinstance(error, SyntaxError) and error.filename == _FILE:
        return frames.message("unparsable", text=str(error.msg), line=error.lineno, stdout=stdout)
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == _FILE]
    name = type(error).__name__
    return frames.message(
        "thrown",
        name="" if name == "Exception" else name[:200],
        message=_text(error)[:20_000],
        stack="",
        line=lines[-1] if lines else None,
        stdout=stdout,
    )


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except BaseException:
        return "an error that cannot be shown"


def main() -> None:
    """Run with two arguments: the control socket's descriptor and the options as JSON."""
    control = socket.socket(fileno=int(sys.argv[1]))
    try:
        confine.continue_in_process_namespace()
        python = Python(Options(**json.loads(sys.argv[2])))
        for name in _PRELOADED:
            importlib.import_module(name)
        python.warm_up()
        layers = [
            "bubblewrap: own namespaces, read-only interpreter and nothing else",
            *confine.lock_down(isolates_children=True),
        ]
    except (OSError, KeyError, ImportError) as error:
        refuse(control, error)
        return
    Zygote(control, python.serve_owner).run(layers)
