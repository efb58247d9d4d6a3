"""A binding to the V8 that mini-racer ships: one isolate, called with text, answering with text.

mini-racer's own Python side needs an event loop and two threads for each context. A jail has one caller, and
one script at a time, so it speaks to the library directly.
"""

import ctypes
import os
from collections.abc import Sequence
from pathlib import Path
from queue import SimpleQueue
from typing import TypeAlias

# No JIT: the jail then needs no executable memory at all, which the system call filter enforces.
FLAGS = ("--single-threaded", "--jitless")

_UNDEFINED = 11
_STRING = 5
_ERRORS_FROM = 200


class _Payload(ctypes.Union):
    _fields_ = (
        ("pointer", ctypes.c_void_p),
        ("text", ctypes.POINTER(ctypes.c_char)),
        ("integer", ctypes.c_int64),
        ("double", ctypes.c_double),
    )


class _Value(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("payload", _Payload), ("length", ctypes.c_size_t), ("type", ctypes.c_uint8))


_HANDLE = ctypes.POINTER(_Value)
_Callback = ctypes.CFUNCTYPE(None, ctypes.c_uint64, _HANDLE)
Handle: TypeAlias = "ctypes._Pointer[_Value]"
_CONTEXT = ctypes.c_uint64
_TASK = ctypes.c_uint64

_EntropySource = ctypes.CFUNCTYPE(ctypes.c_bool, ctypes.c_void_p, ctypes.c_size_t)
_SET_ENTROPY_SOURCE = "_ZN2v82V816SetEntropySourceEPFbPhmE"  # V8::SetEntropySource

_SIGNATURES: dict[str, tuple[object, Sequence[object]]] = {
    "mr_init_v8": (None, (ctypes.c_char_p, ctypes.c_char_p)),
    "mr_init_context": (_CONTEXT, (_Callback,)),
    "mr_free_context": (None, (_CONTEXT,)),
    "mr_eval": (_TASK, (_CONTEXT, _HANDLE, ctypes.c_uint64)),
    "mr_alloc_string_val": (_HANDLE, (_CONTEXT, ctypes.c_char_p, ctypes.c_uint64, ctypes.c_uint8)),
    "mr_alloc_int_val": (_HANDLE, (_CONTEXT, ctypes.c_int64, ctypes.c_uint8)),
    "mr_array_push": (_HANDLE, (_CONTEXT, _HANDLE, _HANDLE)),
    "mr_call_function": (_TASK, (_CONTEXT, _HANDLE, _HANDLE, _HANDLE, ctypes.c_uint64)),
    "mr_free_value": (None, (_CONTEXT, _HANDLE)),
    "mr_set_hard_memory_limit": (None, (_CONTEXT, ctypes.c_size_t)),
    "mr_hard_memory_limit_reached": (ctypes.c_bool, (_CONTEXT,)),
}


def _entropy(buffer: int, size: int) -> bool:
    """Seeds an isolate's random numbers. V8 would read /dev/urandom, which the jail has not, or else take the time."""
    ctypes.memmove(buffer, os.urandom(size), size)
    return True


_ENTROPY = _EntropySource(_entropy)


class JavaScriptError(Exception):
    """V8 refused or ended the call. The text is V8's own, with the place where it happened."""


class OutOfMemory(Exception):
    """The script's heap grew past its limit and V8 ended it."""


def load(folder: Path, heap_mib: int) -> ctypes.CDLL:
    """Load V8 from mini-racer's folder. It starts no thread, so the process can still fork."""
    library = ctypes.CDLL(str(folder / "libmini_racer.so"))
    for name, (result, arguments) in _SIGNATURES.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    getattr(library, _SET_ENTROPY_SOURCE)(_ENTROPY)
    flags = (*FLAGS, f"--max-heap-size={heap_mib}")
    library.mr_init_v8(" ".join(flags).encode(), str(folder / "icudtl.dat").encode())
    return library


class Isolate:
    """A fresh heap, context and V8 thread."""

    def __init__(self, library: ctypes.CDLL, *, heap_limit: int) -> None:
        self._library = library
        self._results: SimpleQueue[Handle] = SimpleQueue()
        self._callback = _Callback(lambda _, handle: self._results.put(handle))
        self._context = library.mr_init_context(self._callback)
        self._undefined = library.mr_alloc_int_val(self._context, 0, _UNDEFINED)
        library.mr_set_hard_memory_limit(self._context, heap_limit)

    def evaluate(self, source: str) -> Handle:
        """Run a script of ours and return a handle of its value."""
        text = self._text(source.encode())
        self._library.mr_eval(self._context, text, 1)
        result = self._results.get()
        self._library.mr_free_value(self._context, text)
        return self._checked(result)

    def call(self, function: Handle, *arguments: bytes) -> bytes:
        """Call a function with UTF-8 texts and return its text (empty when it returns anything else).

        V8 runs every due microtask before the call returns. Raises JavaScriptError, OutOfMemory.
        """
        array = self.evaluate("[]")
        for argument in arguments:
            text = self._text(argument)
            self._library.mr_array_push(self._context, array, text)
            self._library.mr_free_value(self._context, text)
        self._library.mr_call_function(self._context, function, self._undefined, array, 1)
        result = self._checked(self._results.get())
        self._library.mr_free_value(self._context, array)
        answer = _text_of(result) if result.contents.type == _STRING else b""
        self._library.mr_free_value(self._context, result)
        return answer

    def close(self) -> None:
        """Free the heap and end the thread; the isolate and its handles must not be used again."""
        self._library.mr_free_context(self._context)

    def _text(self, value: bytes) -> Handle:
        handle: Handle = self._library.mr_alloc_string_val(self._context, value, len(value), _STRING)
        return handle

    def _checked(self, result: Handle) -> Handle:
        if self._library.mr_hard_memory_limit_reached(self._context):
            raise OutOfMemory
        if result.contents.type >= _ERRORS_FROM:
            raise JavaScriptError(_text_of(result).decode("utf-8", "replace"))
        return result


def _text_of(handle: Handle) -> bytes:
    return ctypes.string_at(handle.contents.payload.pointer, handle.contents.length)
