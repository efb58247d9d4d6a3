"""Settings of blocks with too much indentation: among the headers or parameters of a request."""

from typing import Final

from shared.workflow.catalog import SubBlockSpec
from shared.workflow.files.file_blocks import FileBlock, FileBlocks
from shared.workflow.files.file_problems import FileProblems
from shared.workflow.format.js_values import Json, object_of

_MILLISECONDS: Final = 1_000


def warn_of_misplaced_settings(block: FileBlock, blocks: FileBlocks, problems: FileProblems) -> set[str]:
    """Warn of settings that are sent as headers or parameters, and return the ids of blocks that they name.

    They stay where they are: a service may want a header with this name.
    """
    settings = {each.id: each for each in block.spec.sub_blocks} if block.spec else {}
    targets: set[str] = set()
    for parent in ("headers", "params", "body", "data") if "headers" in settings else ():
        for key, value in object_of(block.given.get(parent)).items():
            path = (*block.path, parent, key)
            if not problems.is_below(path):
                continue
            target = blocks.find(value) if key in ("next", "on_error") and isinstance(value, str) else None
            is_edge = target is not None and (key == "on_error" or parent in ("headers", "params"))
            is_timing = parent == "headers" or (parent == "params" and key.startswith("retry") and key != "retries")
            if is_edge or (key not in block.given and is_timing and _has_form(settings.get(key), value)):
                fix = "Remove it" if key in block.given else f"Indent it like {parent}"
                text = f'"{key}" is sent in {parent}, but is a setting of the block. {fix}'
                problems.warn(block.id, block.name, path, parent, text)
                targets |= {target.id} if target else set()
    return targets


def _has_form(setting: SubBlockSpec | None, value: Json) -> bool:
    """Return whether a value that YAML reads as a number or a boolean fits a setting."""
    if setting is None:
        return False
    return isinstance(value, bool) if setting.type == "switch" else _is_number(setting, value)


def _is_number(setting: SubBlockSpec, value: Json) -> bool:
    """Return whether a number fits a setting. A header with a timeout has seconds, the setting milliseconds."""
    if setting.number is None or isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return setting.id != "timeout" or value >= _MILLISECONDS
