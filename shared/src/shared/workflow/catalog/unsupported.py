"""Block types of Sim that are known and deliberately not offered, each with a sentence that says what to do."""

from collections.abc import Mapping
from typing import Final

UNSUPPORTED: Final[Mapping[str, str]] = {
    "knowledge": "Knowledge bases are not offered here; call your own vector store with an API block instead.",
    "table": "Workspace tables are not offered here; call your own database's API with an API block instead.",
    "credential": "Stored OAuth credentials are not offered here; keep the secret as an environment value {{NAME}}.",
    "credential_group": "Stored OAuth credentials are not offered here; keep secrets as environment values {{NAME}}.",
    "file": "File parsing is not offered here; send text, or parse files with an API block.",
    "file_v2": "File parsing is not offered here; send text, or parse files with an API block.",
    "file_v3": "File parsing is not offered here; send text, or parse files with an API block.",
    "mothership": "Sim's own agent is not offered here; use an Agent block.",
    "pi": "Sim's own agent is not offered here; use an Agent block.",
}
