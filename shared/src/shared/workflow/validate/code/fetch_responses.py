"""Members that code reads from a response of `fetch`, which has only those of the sandbox."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from shared.workflow.compile.code_parser import Language
from shared.workflow.validate.code.code_context import CodeContext, Mistake, is_tested_read
from shared.workflow.validate.code.member_names import names

_MEANT: Final = {
    **dict.fromkeys(("data", "body"), "Read its body with await {answer}.json()"),
    **dict.fromkeys(("statusCode", "status_code", "statuscode"), "Write {answer}.status"),
}
"""Members of responses in other libraries."""
_OF_BROWSERS: Final = names("arrayBuffer blob bytes clone formData")
_READS: Final = {
    Language.JAVASCRIPT: """
(lexical_declaration kind: "const" (variable_declarator name: (identifier) @answer
 value: (await_expression (call_expression function: (identifier) @fetch))) (#eq? @fetch "fetch"))
(variable_declarator name: (identifier) @declared)
[(identifier) (shorthand_property_identifier)] @use
(member_expression object: (identifier) @of property: (property_identifier) @member)
(member_expression
 object: (parenthesized_expression (await_expression (call_expression function: (identifier) @fetch)) @of)
 property: (property_identifier) @member (#eq? @fetch "fetch"))
(subscript_expression object: (member_expression object: (identifier) @of property: (property_identifier) @headers)
 index: (string (string_fragment) @header) (#eq? @headers "headers")) @subscript
"""
}


def fetch_response_mistakes(code: CodeContext) -> Iterator[Mistake]:
    """Yield the reads, outside of `try`, of members that no response has and the code does not add.

    A response that the code passes on may have any members.
    """
    if b"fetch" not in code.source or code.is_redefined("fetch"):
        return
    matches = list(code.matches(_READS))
    reads = [(each["of"], each["member"]) for each in matches if "member" in each]
    count = {
        kind: Counter(code.text(each[kind]) for each in matches if kind in each)
        for kind in ("answer", "declared", "use")
    }
    count["read"] = Counter(code.text(of) for of, _ in reads)
    answers = {
        name
        for name, times in count["answer"].items()
        if name not in code.ambiguous and times == count["declared"][name] == count["use"][name] - count["read"][name]
    }
    called = Counter(code.text(member) for _, member in reads if code.source.startswith(b"(", member.end_byte))
    tested = code.added_members | {code.text(member) for _, member in reads if is_tested_read(member.parent)}
    for of, member in reads:
        name = code.text(member)
        answer = code.text(of) if of.type == "identifier" else "answer"
        if (of.type == "identifier" and answer not in answers) or name in tested or member in code.tried:
            continue
        if name in _MEANT:
            yield Mistake(member, f'"{answer}" is a fetch response. {_MEANT[name].format(answer=answer)}')
        elif name in _OF_BROWSERS and called[name] == code.words[name.encode()]:
            text = f'"{answer}" is a fetch response, which has only .json() and .text() for its body'
            yield Mistake(member, text)
    for each in matches:
        is_read = "header" in each and not is_tested_read(each["subscript"])
        if is_read and code.text(each["of"]) in answers and each["header"] not in code.tried:
            header = code.text(each["header"])
            fix = f'{code.text(each["of"])}.headers.get("{header}")'
            yield Mistake(each["header"], f"headers of a fetch response have no keys. Write {fix}")
