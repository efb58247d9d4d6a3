"""Keys of Python dictionaries that authors write without quotes, as in JavaScript."""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Final

import tree_sitter

from shared.workflow.compile.code_parser import source_of

_MOST_LISTED: Final = 10


def unquoted_keys(
    found: Mapping[str, Sequence[tree_sitter.Node]], source: bytes, undefined: Container[str]
) -> Iterator[tuple[int, str, Sequence[str]]]:
    """Yield line, problem and names of the keys of each dictionary that are meant as texts.

    A defined name may be a key, unless the dictionary has an undefined one. A key equal to its value is a text if other
    keys are texts, or if the code returns the dictionary.
    """
    returned = {node.id for node in found.get("returned", ())}
    for dictionary in found.get("dictionary", ()):
        pairs = [
            (key, value)
            for pair in dictionary.named_children
            if (key := pair.child_by_field_name("key")) and (value := pair.child_by_field_name("value"))
        ]
        lines = [key.start_point.row + 1 for key, _ in pairs if key.type == "identifier"]
        named = [(source_of(key, source), source_of(value, source)) for key, value in pairs if key.type == "identifier"]
        is_result = dictionary.id in returned or any(key.type == "string" for key, _ in pairs)
        if wrong := next((key for key, _ in named if key in undefined), None):
            names = dict.fromkeys((wrong, *(key for key, _ in named)))
            cause = "is not defined"
        else:
            names = dict.fromkeys(key for key, value in named if key == value and is_result)
            cause = "is the value of the variable, not a text"
        if names:
            first, *others = names
            quoted = ", ".join(f'"{name}"' for name in [*names][:_MOST_LISTED])
            yield (
                lines[0],
                f'"{first}" {cause}. Write {"the keys" if others else "a key"} in quotes: {quoted}',
                [*names],
            )
