"""Calls of Python functions and classes that only connect to servers: the sandbox has no network."""

from collections.abc import Iterator
from typing import Final

from shared.workflow.compile.code_parser import Language
from shared.workflow.validate.code.code_context import CodeContext, Mistake

_CONNECTING: Final = {
    "urllib": ("urlopen", "urlretrieve"),
    "http": ("HTTPConnection", "HTTPSConnection"),
    "socket": ("create_connection",),
    "smtplib": ("SMTP", "SMTP_SSL"),
    "ftplib": ("FTP", "FTP_TLS"),
}
"""Packages, and their functions and classes that connect."""
_CALLS: Final = {
    Language.PYTHON: "(call function: [(identifier) @called (attribute attribute: (identifier) @called)])",
}


def network_calls(code: CodeContext) -> Iterator[Mistake]:
    """Yield the calls of connecting functions and classes in code without `try`."""
    names = {name for package in code.packages & _CONNECTING.keys() for name in _CONNECTING[package]}
    names -= code.declared | code.added_members
    if not names or code.has_try:
        return
    for captures in code.matches(_CALLS):
        node, name = captures["called"], code.text(captures["called"])
        is_data = code.source.startswith((b'("data:', b"('data:"), node.end_byte)
        if name in names and not is_data and node not in code.tried:
            text = f'"{name}" fails, because code has no network. Call the service with an API block'
            yield Mistake(node, text)
