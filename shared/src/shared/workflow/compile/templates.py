"""Templates of settings: literals stay unchanged, text with references becomes `TextTemplate`."""

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

import msgspec

from shared.workflow.format.js_values import Json
from shared.workflow.format.references import TemplatePart, TextTemplate, parse_text

_QUOTES: Final = re.compile(r'\\.|"', re.DOTALL)
"""Quotes of JSON text, and escaped characters: escaped quotes delimit nothing."""


class Literal(msgspec.Struct, frozen=True):
    """A value without references; readers must not change it."""

    value: Json


class ListTemplate(msgspec.Struct, frozen=True):
    """A list that contains references."""

    items: tuple["Template", ...]


class ObjectTemplate(msgspec.Struct, frozen=True):
    """An object whose values contain references; keys are never templates."""

    entries: tuple[tuple[str, "Template"], ...]


class JsonTextTemplate(msgspec.Struct, frozen=True):
    """JSON text with values inserted as JSON, so that no quote or line break in them can break it."""

    text: TextTemplate
    within_string: tuple[bool, ...]
    """For each part of the text: whether it ends, or a mark stands, inside a string."""


Template: TypeAlias = Literal | TextTemplate | JsonTextTemplate | ListTemplate | ObjectTemplate


def compile_value(value: Json) -> Template:
    """Find the references of a setting, at any depth."""
    if isinstance(value, str):
        text = parse_text(value)
        return Literal(value) if text.is_literal else text
    if isinstance(value, list):
        items = tuple(compile_value(item) for item in value)
        return ListTemplate(items) if _has_marks(items) else Literal(value)
    if isinstance(value, dict):
        entries = tuple((key, compile_value(item)) for key, item in value.items())
        return ObjectTemplate(entries) if _has_marks(item for _, item in entries) else Literal(value)
    return Literal(value)


def compile_json_text(text: str) -> Template:
    """Find the references of JSON text with values inserted as JSON; the text may still be invalid."""
    found = parse_text(text)
    return Literal(text) if found.is_literal else JsonTextTemplate(found, tuple(within_string(found.parts)))


def text_templates(template: Template) -> Iterator[TextTemplate]:
    """Yield every text with marks in a template."""
    if isinstance(template, TextTemplate):
        yield template
    elif isinstance(template, JsonTextTemplate):
        yield template.text
    elif isinstance(template, ListTemplate):
        for item in template.items:
            yield from text_templates(item)
    elif isinstance(template, ObjectTemplate):
        for _, entry in template.entries:
            yield from text_templates(entry)


def _has_marks(templates: Iterator[Template] | tuple[Template, ...]) -> bool:
    return not all(isinstance(template, Literal) for template in templates)


def within_string(parts: tuple[TemplatePart, ...]) -> Iterator[bool]:
    """Yield `within_string` for each part, see JsonTextTemplate."""
    within = False
    for part in parts:
        if isinstance(part, str):
            within ^= _QUOTES.findall(part).count('"') % 2 == 1
        yield within
