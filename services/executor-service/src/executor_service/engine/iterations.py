"""Iterations of a container."""

import math
from collections.abc import Mapping, Sequence
from typing import Final

from executor_service.engine.errors import BadReference, ContainerFailure
from executor_service.engine.resolver import Resolver, Unresolved
from executor_service.engine.state import Opening
from shared.workflow.compile.templates import Literal, Template, within_string
from shared.workflow.format.js_values import MISSING, Json, Missing, parse_json, stringify, to_number
from shared.workflow.format.references import TemplatePart, TextTemplate
from shared.workflow.validate.unsupported_settings import count_problem

NO_COLLECTION: Final = "Value did not resolve to an array or object"
EMPTY: Final[Mapping[bool, str]] = {
    False: "ForEach loop collection is empty. Provide an array or a reference that resolves to a collection.",
    True: "Parallel collection distribution is empty. Provide an array or a reference that resolves to a collection.",
}
PREFIX: Final[Mapping[bool, str]] = {
    False: "ForEach loop resolution failed: ",
    True: "Parallel Items did not resolve: ",
}


def opening_for_count(count: Json, what: str) -> Opening:
    """Return this many iterations. Raises ContainerFailure for a negative or invalid number."""
    if problem := count_problem(count):
        raise ContainerFailure(f"{what} {problem}")
    return Opening(math.ceil(to_number(count)))


def opening_for_items(template: Template, resolver: Resolver, *, is_parallel: bool) -> Opening:
    """Return one iteration for each item. Raises ContainerFailure."""
    if isinstance(template, Literal) and _is_blank(template.value):
        raise ContainerFailure(EMPTY[is_parallel])
    try:
        items = _items(_collection(template, resolver))
    except (BadReference, _NoCollection) as error:
        raise ContainerFailure(f"{PREFIX[is_parallel]}{error}") from error
    return Opening(len(items), items)


class _NoCollection(Exception):
    pass


def _is_blank(value: Json) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _collection(template: Template, resolver: Resolver) -> Json | Missing:
    if isinstance(template, TextTemplate):
        reference = template.sole_reference
        found = Unresolved.UNRESOLVED if reference is None else resolver.find(reference)
        return _parse_inline(template.parts, resolver) if isinstance(found, Unresolved) else _parse_if_text(found)
    value = resolver.render(template)
    return _parse_inline((value,), resolver) if isinstance(value, str) else value


def _parse_if_text(value: Json | Missing) -> Json | Missing:
    parsed = parse_json(value) if isinstance(value, str) else MISSING
    return parsed if isinstance(parsed, list | dict) else value


def _parse_inline(parts: Sequence[TemplatePart], resolver: Resolver) -> Json:
    """Return typed items with values filled in. Single quotes may replace double ones.

    A value inside a string stays inside it, regardless of the quotes in the text or in the value.
    """
    texts = [part if isinstance(part, str) else resolver.text(TextTemplate((part,))) for part in parts]
    are_values = [not isinstance(part, str) for part in parts]
    for written in (texts, [text.replace("'", '"') for text in texts]):
        typed = tuple(part if not isinstance(part, str) else text for part, text in zip(parts, written, strict=True))
        filled = (
            stringify(texts[index])[1:-1] if are_values[index] and is_quoted else written[index]
            for index, is_quoted in enumerate(within_string(typed))
        )
        value = parse_json("".join(filled))
        if value is not MISSING:
            return value
    raise _NoCollection(f'Failed to parse items as JSON: "{"".join(texts)}"')


def _items(value: Json | Missing) -> list[Json]:
    if value is None or value is MISSING:
        return []
    if isinstance(value, list):
        return value
    if isinstance(value, dict):
        return [[key, item] for key, item in value.items()]
    raise _NoCollection(NO_COLLECTION)
