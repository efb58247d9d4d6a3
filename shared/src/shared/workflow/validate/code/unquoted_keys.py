"""Keys of Python dictionaries that authors write without quotes, as in JavaScript."""

from collections.abc import Container, Iterator, Sequence
from typing import Final

from shared.workflow.validate.code.code_context import CodeContext, Mistake

_MOST_LISTED: Final = 10


def unquoted_keys(code: CodeContext, undefined: Container[str]) -> Iterator[tuple[Mistake, Sequence[str]]]:
    """Yield the mistake and the names in each dictionary that has keys meant as texts.

    A defined name may be a key, unless the dictionary has an undefined one. A key equal to its value is a text if other
    keys are texts, or if the code returns the dictionary.
    """
    returned = {node.id for node in code.names.get("returned", ())}
    for dictionary in code.names.get("dictionary", ()):
        pairs = [
            (key, value)
            for pair in dictionary.named_children
            if (key := pair.child_by_field_name("key")) and (value := pair.child_by_field_name("value"))
        ]
        named = [(key, value) for key, value in pairs if key.type == "identifier"]
        texts = [(code.text(key), code.text(value)) for key, value in named]
        is_result = dictionary.id in returned or any(key.type == "string" for key, _ in pairs)
        if wrong := next((key for key, _ in texts if key in undefined), None):
            names = dict.fromkeys((wrong, *(key for key, _ in texts)))
            cause = "is not defined"
        else:
            names = dict.fromkeys(key for key, value in texts if key == value and is_result)
            cause = "is the value of the variable, not a text"
        if names:
            first, *others = names
            quoted = ", ".join(f'"{name}"' for name in [*names][:_MOST_LISTED])
            text = f'"{first}" {cause}. Write {"the keys" if others else "a key"} in quotes: {quoted}'
            yield Mistake(named[0][0], text), [*names]
