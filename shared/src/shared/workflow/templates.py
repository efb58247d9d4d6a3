"""Settings of any shape with their references found: what is literal stays as it is, text becomes `TextTemplate`."""

from collections.abc import Iterator
from typing import TypeAlias

import msgspec

from shared.workflow.jsvalues import Json
from shared.workflow.references import TextTemplate, parse_text


class Literal(msgspec.Struct, frozen=True):
    """A value without references; whoever reads it must not change it."""

    value: Json


class ListTemplate(msgspec.Struct, frozen=True):
    """A list with references somewhere inside."""

    items: tuple["Template", ...]


class ObjectTemplate(msgspec.Struct, frozen=True):
    """An object with references somewhere inside its values; keys are never templates."""

    entries: tuple[tuple[str, "Template"], ...]


Template: TypeAlias = Literal | TextTemplate | ListTemplate | ObjectTemplate


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


def text_templates(template: Template) -> Iterator[TextTemplate]:
    """Every text with marks inside a template."""
    if isinstance(template, TextTemplate):
        yield template
    elif isinstance(template, ListTemplate):
        for item in template.items:
            yield from text_templates(item)
    elif isinstance(template, ObjectTemplate):
        for _, entry in template.entries:
            yield from text_templates(entry)


def _has_marks(templates: Iterator[Template] | tuple[Template, ...]) -> bool:
    return not all(isinstance(template, Literal) for template in templates)
