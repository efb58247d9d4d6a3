"""Branches of a file's conditions and routers."""

from typing import Final

from shared.workflow.files import forms
from shared.workflow.files.file_blocks import UNREAD, FileBlock, FileBlocks
from shared.workflow.files.file_problems import FileProblems
from shared.workflow.files.names import BRANCHING
from shared.workflow.format.input_format import parse_list
from shared.workflow.format.js_values import Json, JsonObject, object_of, to_string
from shared.workflow.format.suggestions import did_you_mean

_KEYS: Final = {
    "condition": ("if", "else if", "else", "next", "id"),
    "router_v2": ("route", "when", "next", "id"),
}
_WORDS: Final = frozenset({"if", "else if", "else", "route", "when", "next"})
_SHAPES: Final = {"condition": "if, else if or else", "router_v2": "route and when"}


class BranchReader:
    """Adds branches to the stored form of blocks, and reports their problems."""

    def __init__(self, blocks: FileBlocks, problems: FileProblems) -> None:
        self._blocks = blocks
        self._problems = problems

    def are_stored(self, block: FileBlock, key: str, given: Json) -> bool:
        """Return whether the stored setting has branches as files have them. Report it."""
        is_mapping = isinstance(given, dict)
        if not is_mapping and not any(_WORDS.intersection(object_of(each)) for each in parse_list(given)):
            return False
        message = f'"{key}" holds branches as stored. Write branches: instead of {key}:'
        if is_mapping:
            message = f"Write branches: instead of {key}:, as a list with {_SHAPES[block.type]}, and next"
        self._problems.report(message, (*block.path, key))
        return True

    def add(self, block: FileBlock, values: JsonObject) -> None:
        """Add the branches of a block to its stored settings. Report what cannot be read."""
        given = block.given.get("branches")
        setting = BRANCHING.get(block.type)
        at = (*block.path, "branches")
        if given is None or block.type == UNREAD:
            return
        if setting is None:
            self._problems.report(f'Block "{block.key}" has branches, but its type is {block.type}', at)
            return
        if not isinstance(given, list):
            self._problems.report(f"branches must be a list of mappings with {_SHAPES[block.type]}", at)
            return
        usable = [each for index, each in enumerate(given) if self._is_branch(block, given, index)]
        branches = forms.expand_branches(block.type, block.id, usable)
        if branches is not None:
            block.branches = branches
            values[setting] = forms.branches_text(branches)

    def _is_branch(self, block: FileBlock, branches: list[Json], index: int) -> bool:
        """Return whether a branch can be read. Report its problems."""
        at, given = (*block.path, "branches", index), branches[index]
        branch: JsonObject = {given: None} if isinstance(given, str) else object_of(given)
        known = _KEYS[block.type]
        self._problems.check_keys(branch, known, at, "a branch")
        if block.type != "condition":
            return "route" in branch or "when" in branch or not branch.keys() - set(known)
        titles = [title for title in forms.BRANCH_TITLES if title in branch]
        target = branch.get("else if")
        is_last = list(branch) == ["else if"] and index == len(branches) - 1
        if is_last and isinstance(target, str) and target in self._blocks.by_key:
            meant = f"else: {target}"
            self._problems.report(f"branch {index + 1} has a block as its expression.{did_you_mean(meant)}", at)
            branches[index] = {"else": target}
        elif not titles and not any(key not in known for key in branch):
            self._problems.report(f"branch {index + 1} has no {_SHAPES[block.type]}", at)
        elif len(titles) > 1:
            self._problems.report(f"branch {index + 1} has {' and '.join(titles)}: write one branch for each", at)
        elif (
            titles == ["else"]
            and branch["else"] is not None
            and self._ids(branch.get("next")) - self._ids(branch["else"])
        ):
            message = f"branch {index + 1} names a block at else, and next is ignored. Write one of them"
            self._problems.warn(block.id, block.name, at, "branches", message)
        elif titles == ["if"] and "id" not in branch and any("if" in object_of(each) for each in branches[:index]):
            self._problems.report(f'branch {index + 1} is another "if".{did_you_mean("else if")}', at)
        return bool(titles)

    def _ids(self, names: Json) -> set[str]:
        """Return the ids of the named blocks, and the names that match none."""
        given = [to_string(each) for each in (names if isinstance(names, list) else [names]) if each is not None]
        found = {name: self._blocks.find(name) for name in given if name}
        return {block.id if block else name for name, block in found.items()}
