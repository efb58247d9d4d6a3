"""Members of well-known objects and values in JavaScript and Python."""

import builtins
import datetime
import itertools
import json
import math
import random
import re
import statistics
from collections.abc import Mapping, Set
from typing import Final

from shared.workflow.compile.code_parser import Language


def names(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


COMMON_METHODS: Final = names("""
    apply bind call
    hasOwnProperty isPrototypeOf propertyIsEnumerable
    toLocaleString toString valueOf
""")
"""Methods of every object or function in JavaScript."""
STRING_MEMBERS: Final = names("""
    length at charAt charCodeAt codePointAt concat
    endsWith includes indexOf lastIndexOf search startsWith
    isWellFormed toWellFormed normalize localeCompare
    match matchAll replace replaceAll repeat
    padEnd padStart trim trimEnd trimLeft trimRight trimStart
    slice split substr substring
    toLocaleLowerCase toLocaleUpperCase toLowerCase toUpperCase
""")
ARRAY_MEMBERS: Final = names("""
    length at concat copyWithin entries keys values with
    every some filter find findIndex findLast findLastIndex includes indexOf lastIndexOf
    fill flat flatMap forEach join map reduce reduceRight
    pop push shift unshift slice splice toSpliced
    reverse sort toReversed toSorted
""")
_DATE_PARTS: Final = ("Date", "Day", "FullYear", "Hours", "Milliseconds", "Minutes", "Month", "Seconds")
_CONVERSIONS: Final = names("""
    getTime getTimezoneOffset
    toFixed toPrecision toJSON toString toLocaleString
    toISOString toDateString toTimeString toLocaleDateString toLocaleTimeString
""")
"""Methods of dates and numbers."""
_JAVASCRIPT_OBJECTS: Final = {
    "console": "log info debug warn error",
    "Math": """
        abs sign ceil floor round trunc fround f16round
        sin cos tan asin acos atan atan2 sinh cosh tanh asinh acosh atanh
        exp expm1 log log1p log2 log10 pow sqrt cbrt hypot
        max min sumPrecise random clz32 imul
    """,
    "JSON": "parse stringify rawJSON isRawJSON",
    "Object": """
        assign create entries fromEntries groupBy keys values is
        freeze seal preventExtensions isFrozen isSealed isExtensible
        defineProperty defineProperties hasOwn getOwnPropertyDescriptor getOwnPropertyDescriptors
        getOwnPropertyNames getOwnPropertySymbols getPrototypeOf setPrototypeOf
    """,
    "Array": "from fromAsync isArray of",
    "Number": "isFinite isInteger isNaN isSafeInteger parseFloat parseInt",
    "String": "fromCharCode fromCodePoint raw",
    "Date": "now parse UTC",
    "Promise": "all allSettled any race reject resolve try withResolvers",
}
_PYTHON_MODULES: Final = (datetime, itertools, json, math, random, re, statistics)
_NEWER_MEMBERS: Final = names("batched binomialvariate fma kde kde_random prefixmatch sumprod")
"""Members of these modules that an older Python, which may check the file, does not have."""
OBJECT_MEMBERS: Final[Mapping[Language, Mapping[str, Set[str]]]] = {
    Language.JAVASCRIPT: {name: names(members) for name, members in _JAVASCRIPT_OBJECTS.items()},
    Language.PYTHON: {module.__name__: frozenset(dir(module)) | _NEWER_MEMBERS for module in _PYTHON_MODULES},
}
"""Members of global objects and of modules."""
USUAL_METHODS: Final[Mapping[Language, Set[str]]] = {
    Language.JAVASCRIPT: STRING_MEMBERS | ARRAY_MEMBERS | _CONVERSIONS | {f"get{part}" for part in _DATE_PARTS},
    Language.PYTHON: frozenset(name for kind in (str, list, dict) for name in dir(kind) if name[0] != "_"),
}
"""Methods that an unknown one may mean."""
KNOWN_METHODS: Final[Mapping[Language, Set[str]]] = {
    Language.JAVASCRIPT: USUAL_METHODS[Language.JAVASCRIPT]
    | {f"{each}{part}" for each in ("set", "getUTC", "setUTC") for part in (*_DATE_PARTS, "Time")}
    | {"getYear", "setYear", "toGMTString", "toUTCString"}
    | {"toExponential", "catch", "timeEnd", "value", "json", "fixed", "Map", "String"},
    Language.PYTHON: frozenset(name for kind in vars(builtins).values() for name in dir(kind))
    | {"send", "close", "gi_frame"},
}
"""Usual methods, and others whose names are similar to them."""
MODULE_EQUIVALENTS: Final = {
    "datetime.now": "datetime.datetime.now",
    "datetime.today": "datetime.date.today",
    "json.parse": "json.loads",
    "json.stringify": "json.dumps",
    **{f"math.{name}": f"{name}(…)" for name in ("abs", "max", "min", "round")},
}
"""Members that authors confuse with those of a class in the module, of the language, or of JavaScript."""
METHOD_EQUIVALENTS: Final[Mapping[Language, Mapping[str, str]]] = {
    Language.JAVASCRIPT: {
        "contains": ".includes",
        "equals": "===",
        "lower": ".toLowerCase",
        "upper": ".toUpperCase",
        "strip": ".trim",
        "lstrip": ".trimStart",
        "rstrip": ".trimEnd",
        "each": ".forEach",
        "append": ".push",
        "extend": ".push",
        "first": ".at(0)",
        "last": ".at(-1)",
        "length": ".length",
        "len": ".length",
        "size": ".length",
        "isEmpty": ".length === 0",
    },
    Language.PYTHON: {
        "trim": ".strip",
        "toLowerCase": ".lower",
        "toUpperCase": ".upper",
        "startsWith": ".startswith",
        "endsWith": ".endswith",
        "padStart": ".rjust",
        "padEnd": ".ljust",
        "replaceAll": ".replace",
        "substring": "[start:end]",
        "charAt": "[…]",
        "indexOf": ".find",
        "includes": "in",
        "contains": "in",
        "map": "[… for each in …]",
        "filter": "[each for each in … if …]",
        "some": "any(… for each in …)",
        "every": "all(… for each in …)",
        "push": ".append",
        "concat": "+",
        "forEach": "for",
        "length": "len(…)",
        "toString": "str(…)",
        "toFixed": "round(…)",
    },
}
"""Methods that no value has, and what authors mean."""
