"""JSON schemas of authors: response formats of agents, and parameters of their tools."""

from collections.abc import Iterator
from itertools import islice
from typing import Final

from shared.workflow.format.js_values import Json, JsonObject, object_of, to_string
from shared.workflow.format.suggestions import did_you_mean, nearest, nearest_type, one_of
from shared.workflow.validate.settings.literals import shown

TYPES: Final = ("object", "array", "string", "number", "integer", "boolean", "null")
_MAPS: Final = ("properties", "$defs", "definitions")
_LISTS: Final = ("anyOf", "oneOf", "allOf")
_BOUNDS: Final = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems")
_PYTHON_TYPES: Final = {"string": str | None, "number": int | float | None, "integer": int | float | None}
"""Valid values of each type. Null is one, because some models take it in enums only."""
_INNER: Final = ("items", "additionalProperties")
_ELSEWHERE: Final = frozenset({*_LISTS, "$ref", "patternProperties", "if", "dependentSchemas", "dependencies"})
"""Keys with which properties may be declared elsewhere."""
_KEYWORD_NAMES: Final = (
    "type properties required items enum const description title default examples additionalProperties "
    "patternProperties propertyNames prefixItems contains uniqueItems format pattern multipleOf minimum maximum "
    "exclusiveMinimum exclusiveMaximum minLength maxLength minItems maxItems minProperties maxProperties anyOf oneOf "
    "allOf definitions not if then else deprecated readOnly writeOnly dependentRequired dependentSchemas dependencies "
    "unevaluatedProperties unevaluatedItems additionalItems minContains maxContains contentEncoding schema"
)
_KEYWORDS: Final = tuple(_KEYWORD_NAMES.split())
_EXTENSION_NAMES: Final = (
    "$anchor $comment $defs $id $ref $schema constraints contentMediaType discriminator enumNames example externalDocs "
    "item label multiple name names nullable options order propertyOrdering readonly strict tags types xml"
)
_EXTENSIONS: Final = frozenset(_EXTENSION_NAMES.split())
"""Keys that other systems add to schemas, and those that begin with a dollar sign."""
_CLOSE: Final = 0.83
_MOST_KEYS: Final = 50
"""Keys of a schema that are compared with the known ones."""
_DEEPEST: Final = 50
"""Deeper schemas are not checked."""
_MOST_NAMES: Final = 5
_LONGEST_KEY: Final = 80
"""Longer keys are cut off in paths, which each inner schema repeats."""


def schema_problems(schema: Json, path: str = "", depth: int = 0) -> Iterator[str]:
    """Yield what no JSON schema may say, with the path to it."""
    if isinstance(schema, bool) or depth > _DEEPEST:
        return
    where = path or "the schema"
    if not isinstance(schema, dict):
        yield f'{where} must be an object with a type, such as {{"type": "string"}}'
        return
    yield from _keys(schema, where)
    yield from _type(schema.get("type"), where)
    yield from _required(schema, where)
    yield from _values(schema, path)
    for key in _MAPS:
        inner = schema.get(key, {})
        if not isinstance(inner, dict):
            yield f"{_joined(path, key)} must be an object"
            continue
        for name, each in inner.items():
            yield from schema_problems(each, _joined(path, f"{key}.{name}"), depth + 1)
    for key in _LISTS:
        if not isinstance(schema.get(key, []), list):
            yield f"{_joined(path, key)} must be a list of schemas"
        for number, each in enumerate(listed if isinstance(listed := schema.get(key), list) else ()):
            part = {**each, "required": None} if isinstance(each, dict) else each  # which the whole may declare
            yield from schema_problems(part, _joined(path, f"{key}[{number}]"), depth + 1)
    for key in _INNER:
        if isinstance(schema.get(key), dict):
            yield from schema_problems(schema[key], _joined(path, key), depth + 1)
        elif key in schema and not isinstance(schema[key], bool | list | None):
            yield f"{_joined(path, key)} must be a schema, true or false, not {shown(schema[key])}"


def unwrapped_fields(schema: Json) -> list[str]:
    """Return the names of fields that are declared in a schema itself instead of in its properties."""
    keys = object_of(schema)
    if "properties" in keys or keys.keys() & _ELSEWHERE or not isinstance(keys.get("type", {}), dict):
        return []
    is_field = [object_of(each).get("type") in TYPES for each in keys.values()]
    return [*keys] if all(is_field) and not keys.keys() <= {*_KEYWORDS, *_EXTENSIONS} else []


def openai_problems(schema: Json, path: str = "", depth: int = 0) -> Iterator[str]:
    """Yield what the API of OpenAI refuses in a schema that other models accept."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return
    where = path or "the schema"
    if schema.get("type") == "array" and not schema.keys() & {"items", "prefixItems", "contains", *_ELSEWHERE}:
        yield f"{where} is an array without items. Write items: {{type: string}}, or another type"
    if isinstance(schema.get("required"), bool):
        yield f"required of {where} must be a list of names. Name required properties in the object around them"
    properties = schema.get("properties")
    for name, each in properties.items() if isinstance(properties, dict) else ():
        yield from openai_problems(each, _joined(path, f"properties.{name}"), depth + 1)
    yield from openai_problems(schema.get("items"), _joined(path, "items"), depth + 1)


def _keys(schema: JsonObject, where: str) -> Iterator[str]:
    filled = (each for each, value in schema.items() if value not in (None, "", [], {}))
    unknown = (each for each in filled if each not in _KEYWORDS and each not in _EXTENSIONS)
    for name in islice(unknown, _MOST_KEYS):
        near = nearest(name, _KEYWORDS, least=_CLOSE)
        if near and near not in schema and near.lower() not in name.lower():  # as in uiSchema
            yield f'{where} has the unknown key "{name}".{did_you_mean(near)}'


def _type(given: Json, where: str) -> Iterator[str]:
    for kind in given if isinstance(given, list) else [] if given is None else [given]:
        if kind not in TYPES:
            near = nearest_type(to_string(kind), TYPES)
            hint = one_of("", TYPES, near)
            yield f'{where} has the unknown type "{to_string(kind)}".{hint}'


def _values(schema: JsonObject, path: str) -> Iterator[str]:
    listed, kind = schema.get("enum"), schema.get("type")
    if listed is not None and not isinstance(listed, list):
        yield f"{_joined(path, 'enum')} must be a list"
    elif listed and (fits := _PYTHON_TYPES.get(to_string(kind))) and not all(isinstance(each, fits) for each in listed):
        yield f"{_joined(path, 'enum')} has values that are not {to_string(kind)}s"
    for key in _BOUNDS:
        if not isinstance(schema.get(key), int | float | None):
            yield f"{_joined(path, key)} must be a number"
    for low, high in zip(_BOUNDS[::2], _BOUNDS[1::2], strict=True):
        least, most = schema.get(low), schema.get(high)
        if isinstance(least, int | float) and isinstance(most, int | float) and least > most:
            yield f"{_joined(path, low)} is greater than {high}, so no value is valid"


def _required(schema: JsonObject, where: str) -> Iterator[str]:
    required, properties = schema.get("required"), schema.get("properties")
    if required is None or isinstance(required, bool):  # a flag in schemas of older drafts
        return
    if not isinstance(required, list):
        yield f"required of {where} must be a list of names"
    elif isinstance(properties, dict) and not (
        schema.keys() & _ELSEWHERE or schema.get("additionalProperties", False) is not False
    ):
        missing = [to_string(name) for name in required if not isinstance(name, str) or name not in properties]
        if missing:
            names = ", ".join(missing[:_MOST_NAMES]) + (", …" if len(missing) > _MOST_NAMES else "")
            near = nearest(missing[0], properties) if len(missing) == 1 else None
            them = "it" if len(missing) == 1 else "them"
            fix = did_you_mean(near) or f" Add {them} to properties, or remove {them} from required"
            yield f"{where} requires {names}, which its properties do not have.{fix}"


def _joined(path: str, key: str) -> str:
    shown = key[:_LONGEST_KEY]
    return f"{path}.{shown}" if path else shown
