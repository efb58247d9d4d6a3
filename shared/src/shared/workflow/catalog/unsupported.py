"""Sim block types that Flowport deliberately does not support, each with an alternative for the user."""

from collections.abc import Mapping
from typing import Final

UNSUPPORTED: Final[Mapping[str, str]] = {
    "knowledge": "Knowledge bases are not supported; call your own vector store with an API block instead.",
    "table": "Workspace tables are not supported; call your own database's API with an API block instead.",
    "credential": "Stored OAuth credentials are not supported; keep the secret as an environment value {{NAME}}.",
    "credential_group": "Stored OAuth credentials are not supported; keep secrets as environment values {{NAME}}.",
    "file": "File parsing is not supported; send text, or parse files with an API block.",
    "file_v2": "File parsing is not supported; send text, or parse files with an API block.",
    "file_v3": "File parsing is not supported; send text, or parse files with an API block.",
    "mothership": "Sim's own agent is not supported; use an Agent block.",
    "pi": "Sim's own agent is not supported; use an Agent block.",
}
