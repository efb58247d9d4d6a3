"""Keys with too little indentation: settings beside the names of blocks, and blocks beside the key `blocks`.

They are reported, and read as if they were indented.
"""

from collections.abc import Iterable

from shared.workflow.catalog import BlockSpec, Catalog
from shared.workflow.catalog.synonyms import SETTING_SYNONYMS
from shared.workflow.files.file_problems import FileProblems
from shared.workflow.files.names import BLOCK_KEYS, CONTAINER_KEYS, TYPE_ALIASES
from shared.workflow.files.yaml_reader import Path
from shared.workflow.format.js_values import Json, JsonObject, object_of


def indent_settings(blocks: JsonObject, path: Path, catalog: Catalog, problems: FileProblems) -> JsonObject:
    """Return the blocks at `path`, with settings of the same indentation in the block above them."""
    found: JsonObject = {}
    lost: dict[str, list[str]] = {}
    above = ""
    for key, value in blocks.items():
        owner = found.get(above)
        if above and isinstance(owner, dict | None) and _is_setting(key, value, object_of(owner), catalog):
            found[above] = {**object_of(owner), key: value}
            problems.move((*path, key), (*path, above, key))
            lost.setdefault(above, []).append(key)
        else:
            found[key], above = value, key
    for name, keys in lost.items():
        problems.report(f'{belong(keys)} to block "{name}". Indent {them(keys)} more', (*path, name, keys[0]))
    return found


def indent_children(container: JsonObject, path: Path, problems: FileProblems) -> JsonObject:
    """Return a loop or parallel, with the blocks below an empty `blocks` inside."""
    keys = [*container]
    if "blocks" not in container or container["blocks"] is not None:
        return container
    children = {key: container[key] for key in keys[keys.index("blocks") :] if isinstance(_type(container[key]), str)}
    if not children:
        return container
    for key in children:
        problems.move((*path, key), (*path, "blocks", key))
    problems.report(
        f"{belong(children)} under blocks. Indent {them(children)} more", (*path, "blocks", next(iter(children)))
    )
    return {**{key: value for key, value in container.items() if key not in children}, "blocks": children}


def _is_setting(key: str, value: Json, owner: JsonObject, catalog: Catalog) -> bool:
    spec = _spec(_type(owner), catalog)
    is_schema = key == "responseFormat" and _type(value) == "object"
    if key in owner or (isinstance(_type(value), str) and not is_schema):
        return False
    kind = spec.type if spec else ""
    settings = [each.id for each in spec.sub_blocks] if spec else []
    return key in (*BLOCK_KEYS, *CONTAINER_KEYS.get(kind, ()), *settings, *SETTING_SYNONYMS.get(kind, ()))


def _spec(kind: Json, catalog: Catalog) -> BlockSpec | None:
    return catalog.spec(TYPE_ALIASES.get(kind, kind)) if isinstance(kind, str) else None


def _type(block: Json) -> Json:
    return object_of(block).get("type")


def belong(keys: Iterable[str]) -> str:
    """Return the names of keys and the verb, for messages."""
    *others, last = (f'"{key}"' for key in keys)
    return f"{', '.join(others)} and {last} belong" if others else f"{last} belongs"


def them(keys: Iterable[str]) -> str:
    """Return the pronoun of keys, for messages."""
    return "it" if len([*keys]) == 1 else "them"
