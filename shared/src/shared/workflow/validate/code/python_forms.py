"""Rules for forms of Python."""

import re
from typing import Final

from shared.workflow.validate.code.form_rules import (
    CODE_AFTER_RETURN,
    Form,
    Rule,
    compares_with_two_values,
    is_endless,
    is_lone_statement,
    is_read_later,
    is_returned_later,
)
from shared.workflow.validate.code.lost_results import is_result_lost

_EQUAL: Final = '(comparison_operator . (_) {} . "==" . [(string) (integer)] {} .)'
_CHANGE: Final = "(call function: (attribute attribute: (identifier) @method)) @place"
_CHANGES: Final = '(#any-of? @method "append" "extend" "reverse" "sort")'
"""Call of a method that changes a list and returns nothing."""
_CHANGE_IS_NOTHING: Final = ".{method}(…) changes the list and returns None. Call it alone, and use the list"
_OTHER_OBJECTS: Final = re.compile(rb"\b(?:class|namedtuple|mock)\b")
"""Code whose values may have any method."""
_INPUT: Final = re.compile(rb"\binput\b")
_INPUT_CALL: Final = re.compile(rb"(?<![\w.])(?<!def )input\(")

_ASYNCIO: Final = re.compile(rb"(?m)^import asyncio\b(?! as)")
_PARAMETER: Final = r"\bdef \w+\((?:[^()\n]{0,200},)? *"
_OWN_ASYNCIO: Final = re.compile(
    rf"\basyncio\s*=|\basyncio\.\w+\s*=(?!=)|\b(?:as|def|class) +asyncio\b|{_PARAMETER}asyncio *[,):]".encode()
)
_OWN_TIME: Final = re.compile(
    rf"\btime\s*=|\btime\.sleep\s*=(?!=)|\b(?:as|def|class) +time\b|{_PARAMETER}time *[,):]"
    r"|\b(?:mock|threading)\b".encode()
)
"""Code that gives the name another meaning, or does not wait for the end."""
_LONGEST_TIMEOUT: Final = 300
"""Maximum seconds of the timeout of code."""


def _is_method_of_list(form: Form) -> bool:
    """Return whether code gives the name of a method to nothing else."""
    source, name = form.program.source, re.escape(form.text("method"))
    own = rf"(?<![.\w]){name}[\"']?\s*[=:,()]|\.{name}\s*=(?!=)".encode()
    return _OTHER_OBJECTS.search(source) is None and re.search(own, source) is None


def _is_asyncio_of_language(form: Form) -> bool:
    return _ASYNCIO.search(form.program.source) is not None and _OWN_ASYNCIO.search(form.program.source) is None


def _sleeps_too_long(form: Form) -> bool:
    return float(form.text("key")) > _LONGEST_TIMEOUT and _OWN_TIME.search(form.program.source) is None


def _has_no_file(form: Form) -> bool:
    return not form.has(b"fp") and not form.has(b"(*")


def _is_input_of_language(form: Form) -> bool:
    source = form.program.source
    return b"stdin" not in source and len(_INPUT.findall(source)) == len(_INPUT_CALL.findall(source))


PYTHON_RULES: Final = (
    CODE_AFTER_RETURN,
    Rule(
        "(module (while_statement condition: (true) body: (_) @body) @place)",
        "while True never ends. Leave it with break",
        is_endless,
    ),
    Rule(
        f'(boolean_operator left: {_EQUAL.format("@first", "@one")} operator: "and"'
        f" right: {_EQUAL.format('@second', '@other')})",
        "the condition is never true, because nothing equals two values. Join with or",
        compares_with_two_values,
    ),
    Rule(
        '(expression_statement (comparison_operator "=="))',
        "a comparison alone has no effect. To assign a value, write =",
        is_lone_statement,
    ),
    Rule(
        "(expression_statement (call function: (attribute attribute: (identifier) @method))"
        ' (#any-of? @method "strip" "lstrip" "rstrip" "upper" "lower" "capitalize"'
        ' "split" "replace"))',
        ".{method}(…) changes nothing. Use the new value that it returns",
        is_result_lost,
    ),
    Rule('(comparison_operator "is" (string))', "is does not compare texts. Write =="),
    Rule(
        '(call function: (identifier) @called (#eq? @called "input"))',
        "{called}() cannot ask anyone. Declare an input of the start block, and read it with <start.…>",
        _is_input_of_language,
    ),
    Rule(
        '(call function: (attribute) @called (#any-of? @called "asyncio.run" "asyncio.new_event_loop"))',
        "{called}(…) is not allowed. Write functions without async and await",
        _is_asyncio_of_language,
    ),
    Rule(
        "(call function: (attribute) @called arguments: (argument_list . [(integer) (float)] @key .)"
        ' (#eq? @called "time.sleep") (#match? @key "^[0-9]{3,9}([.][0-9]*)?$"))',
        "{called}({key}) exceeds 300 s, the maximum timeout. Use a Wait block",
        _sleeps_too_long,
    ),
    Rule(
        '(for_statement right: (call function: (identifier) @called) (#eq? @called "len"))',
        "for needs a list, and len(…) is a number. Write range(len(…))",
    ),
    Rule(
        "[(for_statement right: (call function: (attribute attribute: (identifier) @method))"
        ' (#any-of? @method "sort" "reverse"))'
        " (for_in_clause right: (call function: (attribute attribute: (identifier) @method))"
        ' (#any-of? @method "sort" "reverse"))]',
        ".{method}(…) changes the list and returns None. Call it alone, before the loop",
        _is_method_of_list,
    ),
    Rule(
        "(call function: (attribute) @called arguments: (argument_list . (_) . (keyword_argument)* .)"
        ' (#eq? @called "json.dump"))',
        "{called} writes to a file. Write json.dumps(…)",
        _has_no_file,
    ),
    Rule(
        "(call function: (attribute object: (string) attribute: (identifier) @called) arguments: (argument_list ."
        " [(list [(integer) (float) (call function: (identifier) @number)])"
        " (list_comprehension body: (call function: (identifier) @number))"
        " (generator_expression body: (call function: (identifier) @number))] .)"
        ' (#eq? @called "join") (#any-of? @number "len" "int" "float" "round"))',
        ".join(…) takes texts, not numbers. Write str(…) for each",
    ),
    Rule(
        "(call function: (attribute) @called arguments: (argument_list . [(string) (identifier)] . [(string)"
        ' (identifier)] .) (#eq? @called "re.sub"))',
        "{called} needs a pattern, a replacement and a text",
    ),
    Rule(
        "(call function: (attribute object: (_) @of attribute: (identifier) @called)"
        " arguments: (argument_list . [(identifier) (string) (subscript)] .)"
        ' (#eq? @called "strptime") (#match? @of "(^|[.])datetime$"))',
        '{called}(…) needs the format of the date, such as "%Y-%m-%d"',
    ),
    Rule(
        "(module (return_statement (call function: (attribute attribute: (identifier) @method))) @place"
        ' (#any-of? @method "append" "extend" "reverse" "sort"))',
        ".{method}(…) changes the list and returns None. Call it alone, and return the list",
        _is_method_of_list,
    ),
    Rule(
        "(assignment left: (identifier) @name right: (call function: (attribute attribute: (identifier) @method)"
        ' arguments: (_)) (#any-of? @method "append" "extend" "reverse" "sort"))',
        _CHANGE_IS_NOTHING,
        lambda form: is_read_later(form) and _is_method_of_list(form),
    ),
    Rule(
        f"(assignment left: (identifier) @name right: (dictionary (pair value: {_CHANGE})) {_CHANGES})",
        _CHANGE_IS_NOTHING,
        lambda form: is_returned_later(form) and _is_method_of_list(form),
    ),
    Rule(
        f"[(return_statement [(dictionary (pair value: {_CHANGE})) (list {_CHANGE})"
        f" (call function: (attribute) @called arguments: (argument_list . {_CHANGE}))])"
        f" (call function: (identifier) @called arguments: (argument_list {_CHANGE})"
        f' (#any-of? @called "len" "json.dumps") {_CHANGES})]',
        _CHANGE_IS_NOTHING,
        _is_method_of_list,
    ),
)
