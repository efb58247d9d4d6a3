"""Keys of blocks with a wrong indentation: below an empty mapping."""

from collections.abc import Collection
from typing import Final

from shared.workflow.catalog.synonyms import KEY_HINTS, SETTING_SYNONYMS
from shared.workflow.files.file_blocks import FileBlock
from shared.workflow.files.file_problems import FileProblems
from shared.workflow.files.names import BLOCK_KEYS, CONTAINER_KEYS
from shared.workflow.files.outdented_keys import belong, them
from shared.workflow.format.js_values import JsonObject, object_of

_MAPPINGS: Final = frozenset(
    {"body", "data", "headers", "params", "inputs", "settings", "retry", "responseFormat", "inputMapping", "arguments"}
)
_CLOSE: Final = 0.75


def take_misplaced_keys(block: FileBlock, problems: FileProblems) -> None:
    """Warn of misplaced keys and leave them out: requests may not send them without the author's consent.

    Inputs move to where they belong, because other blocks refer to them.
    """
    settings = [each.id for each in block.spec.sub_blocks] if block.spec else []
    known = (*settings, *BLOCK_KEYS, *CONTAINER_KEYS.get(block.type, ()))
    empty = (key for key, value in block.given.items() if value is None and key in _MAPPINGS and key in known)
    for key in empty:
        if below := _unknown_after(block, key, known, problems):
            _warn(block, problems, below, key)
            rest = {each: given for each, given in block.given.items() if each not in below}
            block.given = {**rest, key: below} if key == "inputs" else rest
            return


def _unknown_after(block: FileBlock, key: str, known: Collection[str], problems: FileProblems) -> JsonObject:
    """Return the keys directly below an empty mapping that the block does not have, and that resemble none it has."""
    synonyms = SETTING_SYNONYMS.get(block.type, {})
    names = [*block.given]
    found: JsonObject = {}
    for name in names[names.index(key) + 1 :]:
        value = block.given[name]
        is_known = name in known or name in KEY_HINTS or synonyms.get(name.lower(), key) != key
        is_block = "type" in object_of(value) and key != "inputs"
        if is_known or is_block or problems.nearest(name, known, least=_CLOSE):
            break
        found[name] = value
    return found


def _warn(block: FileBlock, problems: FileProblems, keys: JsonObject, parent: str) -> None:
    first = next(iter(keys))
    text = f"{belong(keys)} under {parent}. Indent {them(keys)} more"
    problems.warn(block.id, block.name, (*block.path, first), first, text)
