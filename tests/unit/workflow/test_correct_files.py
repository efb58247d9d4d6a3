"""Correct workflow files that look like common mistakes: none of them has a problem."""

import json
import time

import pytest

from shared.workflow.catalog import Catalog
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.files.reader import read_file
from shared.workflow.validate.validator import problems

CATALOG = Catalog()
START = """
blocks:
  Start:
    type: start
    inputs: {text: string, amount: number, vip: boolean}
"""
MODEL = """
  Ask:
    type: agent
    messages: <start.text>
    model: echo
"""
ASK = (
    MODEL
    + """
    responseFormat:
      {schema: {type: object, properties: {ok: {type: boolean}}, required: [ok], additionalProperties: false}}
"""
)
ORDER = """
  Order:
    type: api
    url: https://api.example.com/orders
    method: GET
    on_error: Failed
"""
FAILED = """
  Failed:
    type: function
    code: return 'Sorry, ' + <order.error>
"""
SCORE = """
  Score:
    type: function
    code: "return { level: 'high', words: <start.amount> };"
"""


def found(text: str) -> list[str]:
    file = read_file(text, catalog=CATALOG)
    return [each.message for each in (*file.problems, *problems(compile_workflow(file.state)))]


def code(text: str, language: str = "javascript") -> str:
    lines = "".join(f"      {line}\n" for line in text.splitlines())
    return (
        f"  Run:\n    type: function\n    language: {language}\n    code: |\n{lines}"
        "  Reply:\n    type: response\n    data: {a: <run.result>}\n"
    )


@pytest.mark.parametrize("field", ["ok", "model", "tokens", "tokens.total", "toolCalls.count", "cost.pricing.input"])
def test_a_structured_answer_leaves_the_agent_its_own_fields(field: str) -> None:
    assert found(f"{START}{ASK}  Reply:\n    type: response\n    data: {{a: <ask.{field}>}}\n") == []


def test_a_note_may_name_anything() -> None:
    assert found(f"{START}  N:\n    type: note\n    content: See <ask.content>, <x.y> and {{{{ask.content}}}}.\n") == []


@pytest.mark.parametrize("text", ["<mailto:ann@example.com>", "<T extends Foo.Bar>", "<2.0.1>", "<ann@example.com>"])
def test_a_text_in_angle_brackets_that_no_block_could_have_as_its_name_is_a_text(text: str) -> None:
    assert (
        found(f'{START}  Ask:\n    type: agent\n    model: echo\n    messages: "Write {text} and <start.text>"\n') == []
    )


@pytest.mark.parametrize(
    "rest",
    [
        f"    next: Reply\n{FAILED}    next: Reply\n",  # joined: only one of both has run
        f"    next: [Reply]\n{FAILED}    next: []\n",
    ],
)
def test_a_block_after_success_and_error_reads_both(rest: str) -> None:
    reply = "  Reply:\n    type: response\n    data: {order: <order.data>}\n"
    assert found(f"{START}{ORDER}{rest}{reply}") == []


def test_a_block_that_another_branch_leads_to_may_read_what_an_error_leaves_out() -> None:
    text = f"""{START}    next: [Order, Other]
{ORDER}{FAILED}    next: Reply
  Other:
    type: function
    code: return 1
    next: Reply
  Reply:
    type: response
    data: {{order: <order.data>, other: <other.result>, failed: <failed.result>}}
"""
    assert found(text) == []


@pytest.mark.parametrize(
    "expression",
    [
        "<start.vip> === true",
        'typeof <start.vip> === "boolean"',
        'String(<start.amount>) === "10"',
        '"0" + <start.amount> === "10"',
        '<start.amount> == "10"',
        '<start.text> === "true"',
        '(<start.vip> ? "true" : "false") === "true"',
        '<start.amount> === "10".length',
    ],
)
def test_an_input_may_be_compared_with_a_text_that_it_can_equal(expression: str) -> None:
    branches = f"      - if: {expression!r}\n        next: Reply\n      - else: Reply\n"
    text = (
        f"{START}  Route:\n    type: condition\n    branches:\n{branches}  Reply:\n    type: response\n    data: {{}}\n"
    )
    assert found(text.replace(f"{expression!r}", f"|\n          {expression}")) == []


@pytest.mark.parametrize(
    "line",
    [
        "- user: <start.text>  # not <start.amount>",
        "- user: <start.text> # <start.amount> is not needed",
        '- user: "Ticket #<start.text>"',
        "- user: Ticket#<start.text>",
        '- user: "Ticket" #<start.text>',
    ],
)
def test_a_comment_may_name_a_reference(line: str) -> None:
    assert found(f"{START}  Ask:\n    type: agent\n    model: echo\n    messages:\n      {line}\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "const main = async () => { return 1 };\nreturn main();",
        "if (<start.vip>) { return 1 }\nconst f = () => 2;",
        "const r = fetch('https://api.example.com');\nconst s = await r;\nreturn s.json();",
        "const r = fetch('https://api.example.com');\nreturn r.then(each => each.json());",
        "const r = fetch('https://api.example.com');\nconst [s] = await Promise.all([r]);\nreturn r.json;",
        "// const r = fetch(x); r.json()\nreturn 'const r = fetch(x); r.json()';",
        "return `\nexport default 1`;",
        'const label = "#" +\n' + " " * 60 + '<start.amount> === "10";\nreturn label',
    ],
)
def test_javascript_is_correct(text: str) -> None:
    assert found(START + code(text)) == []


@pytest.mark.parametrize(
    "text",
    [
        "def main(): return 1\nreturn main()",
        "for each in [1]:\n    return each",
        "import os\nreturn os.environ.get('HOME', '/')",
        "import os\nos.environ['TZ'] = 'UTC'\nreturn os.environ['TZ']",
        "import os\nreturn os.environ['TZ']",
        "import os\ntry:\n    home = os.environ['HOME']\nexcept KeyError:\n    home = '/'\nreturn home",
        "def main(): pass\n__sim_result__ = 3",
    ],
)
def test_python_is_correct(text: str) -> None:
    assert found(START + code(text, "python")) == []


def test_a_comment_beside_a_literal_may_name_a_reference() -> None:
    ask = "  Ask:\n    type: agent\n    messages: <start.text>\n    model: echo #<start.text>\n"
    assert found(f"{START}{ask}    temperature: 0.2 #<start.amount>\n") == []


@pytest.mark.parametrize("model", ["openai/gpt-oss:20b", "gpt-oss:20b", "mistral:7b", "deepseek-r1:8b"])
def test_a_local_model_with_a_tag_is_no_other_model(model: str) -> None:
    assert found(f"{START}  Ask:\n    type: agent\n    model: {model}\n    messages: <start.text>\n") == []


@pytest.mark.parametrize("line_break", ["\r\n", "\r"])
def test_any_line_break_of_yaml_may_end_a_line(line_break: str) -> None:
    assert found(f"{START}{ORDER}{FAILED}".replace("\n", line_break)) == []


@pytest.mark.parametrize(
    "text", ["if (" + "x !== 1 || " * 400 + "x !== 2) {}\nreturn 1", "return " + "(" * 400 + "y" + ")" * 400]
)
def test_code_that_is_nested_too_deeply_for_queries_is_not_checked(text: str) -> None:
    assert found(START + code(text)) == []


CALL = """
  Call:
    type: api
    url: https://api.example.com/notes
    method: POST
"""


@pytest.mark.parametrize(
    "settings",
    [
        'body: \'{"limit": <start.limit>, "filters": <start.filters>}\'',
        "headers:\n      timeout: 30",
        "url: https://api.github.com/notes\n    body: {token: '${{ secrets.TOKEN }}'}",
    ],
)
def test_a_request_may_send_numbers_in_strings_short_timeouts_and_actions(settings: str) -> None:
    call = CALL.replace("    url: https://api.example.com/notes\n", "") if settings.startswith("url") else CALL
    start = START.replace("text: string", "text: string, limit: string, filters: string")
    assert found(f"{start}{call}    {settings}\n  Reply:\n    type: response\n    data: {{a: <call.data>}}\n") == []


@pytest.mark.parametrize(
    "messages",
    [
        ["user: Explain ${{ inputs.text }} in GitHub Actions"],
        ["system: Write a step of a workflow that passes ${{ inputs.text }} to docker", "user: <start.text>"],
        ["user: Which placeholder has Dear {text}?", 'assistant: "{text}"', "user: <start.text>"],
    ],
)
def test_a_prompt_may_be_about_expressions_and_placeholders(messages: list[str]) -> None:
    lines = "".join(f"      - {each}\n" for each in messages)
    ask = f"  Ask:\n    type: agent\n    model: echo\n    messages:\n{lines}"
    assert found(f"{START}{ask}  Reply:\n    type: response\n    data: {{a: <ask.content>}}\n") == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("javascript", "const data = JSON.parse(<start.text>)"),
        ("python", "import json\ndata = json.loads(<start.text>)"),
        ("python", "n = int(<start.text>)"),
    ],
)
def test_code_may_only_check_a_text(language: str, text: str) -> None:
    assert found(START + code(text, language).replace("<run.result>", "1")) == []


@pytest.mark.parametrize("name", ["apiKey", "region", "tenantId", "shopDomain", "senderName", "chatId", "shop"])
def test_a_secret_may_have_the_name_of_an_input(name: str) -> None:
    start = f"\nblocks:\n  Start:\n    type: start\n    inputs: {{{name}: string}}\n"
    marker = f"{{{{{name}}}}}"
    request = f'  Call:\n    type: api\n    url: "https://{marker}.example.com/x"\n    params: {{v: "{marker}"}}\n'
    assert found(f"{start}{request}{code(f'return {marker} + <start.{name}>')}") == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("javascript", 'return <start.vip> || <start.vip> === "true"'),
        ("javascript", 'return <start.vip> === "false" ? false : !!<start.vip>'),
        ("javascript", 'const v = <start.vip>;\nif (v === "true") return true;\nreturn v'),
        ("javascript", 'const n = <start.amount>;\nreturn n === "0" || !n ? "none" : n'),
        ("javascript", 'const limit = 10;\nreturn <start.amount> === limit || <start.amount> === "10"'),
        ("javascript", 'const t = <start.text>;\nreturn t === null || t === "" || t === 0 || t === false'),
        ("javascript", 'return [null, "", 0, false].includes(<start.text>)'),
        ("javascript", 'switch (<start.vip>) { case "true": return 1; case wanted(): return 2 }\nfunction wanted() {}'),
        ("python", 'vip = <start.vip>\nreturn vip == "true" or vip'),
        ("python", 'return <start.text> in (None, "", 0, False)'),
    ],
)
def test_code_may_accept_several_types_of_a_value(language: str, text: str) -> None:
    assert found(START + code(text, language)) == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("javascript", 'const id = <start.text>;\nreturn { id, pattern: "Order ${id}" }'),
        ("javascript", "return [1].map((id) => ({ url: `/orders/${id}`, pattern: '/orders/${id}' }))"),
        ("javascript", 'return [1].map((id, index) => ({ index, pattern: "Order ${id}" }))'),
        ("python", 'def title(name):\n    return [f"Dear {name}", "Dear {name}"]\nreturn title("a")'),
        ("python", 'name = <start.text>\nreturn {"names": list({name}), "pattern": "Dear {name}"}'),
        ("python", 'def count(item):\n    """Count {item}."""\n    return 1\nreturn count(1)'),
        ("python", 'for n in [1]:\n    return r"^a{n}$"'),
        ("python", 'for name in ["a"]:\n    return "Dear {{ name }}"'),
    ],
)
def test_code_may_have_a_pattern_with_the_name_of_a_value(language: str, text: str) -> None:
    assert found(START + code(text, language)) == []


@pytest.mark.parametrize(
    "block",
    [
        code("return <start.pageSize> || {{pageSize}}"),
        CALL + '    body: {template: "{{pageSize}}"}\n',
        CALL + '    body: {pattern: "a", size: "{{pageSize}}", own: <start.pageSize>}\n',
        CALL.replace("POST", "GET") + '    params: {redirect: "https://example.com/{{pageSize}}"}\n',
    ],
)
def test_a_name_in_the_braces_of_secrets_may_be_a_secret_beside_the_input_or_of_a_template(block: str) -> None:
    assert found(START.replace("text: string", "text: string, pageSize: string") + block) == []


def test_a_default_may_name_a_secret_with_the_name_of_its_input() -> None:
    start = START.replace("text: string", 'text: string, pageSize: {type: string, default: "{{pageSize}}"}')
    assert found(f"{start}{code('return {{pageSize}}')}") == []


@pytest.mark.parametrize(
    "entry",
    [
        'account: "<start.amount> * <start.amount>"',
        'syntax: "<start.amount> * <start.amount>"',
        'checksum: "<start.amount> + <start.amount>"',
        'path: "<start.text>.length"',
        'sortBy: "<start.text>.length"',
    ],
)
def test_a_value_may_look_like_a_calculation(entry: str) -> None:
    assert found(f"{START}  Reply:\n    type: response\n    data: {{{entry}}}\n") == []


def test_a_form_may_show_a_product() -> None:
    shown = '    builderData:\n      - {name: total, type: string, value: "<start.amount> * <start.amount>"}\n'
    assert found(f"{START}  Person:\n    type: human_in_the_loop\n{shown}    inputs: {{ok: boolean}}\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "return <start.text>.trim" + " " * 40_000 + ".x",
        "const f = async () => 1;\nconst p = f();\nreturn " + "[" * 250 + "p," * 10_000 + "]" * 250,
    ],
)
def test_code_is_checked_in_linear_time(text: str) -> None:
    began = time.process_time()
    found(START + code(text))
    assert time.process_time() - began < 5


def test_a_long_enumeration_is_not_compared_with() -> None:
    words = ", ".join(f"word{number}" for number in range(2_000))
    ask = ASK.replace("ok: {type: boolean}", f"ok: {{type: string, enum: [{words}]}}")
    checks = "".join(f"  F{i}:\n    type: function\n    code: return <ask.ok> === 'wird{i}'\n" for i in range(300))
    began = time.process_time()
    assert all("ok" not in each for each in found(START + ask + checks))
    assert time.process_time() - began < 5


def test_a_request_of_one_long_word_is_checked_in_linear_time() -> None:
    began = time.process_time()
    found(f"{START}{CALL}    body: '{{\"a\": {'a' * 100_000} <start.amount> x}}'\n")
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "data",
    [
        "Thank you!",
        "Hello <start.text>, you ordered <start.amount>.",
        "<start.text>",
        "<start.text><start.amount>",
        "<start.text> - <start.amount>",
        "<start.text>? Yes: <start.amount>",
        "[INFO] <start.text> arrived",
        "'tis for <start.text>",
        "{{GREETING}}, <start.text>!",
        "[{{STAGE}}] <start.text>",
        "[<start.text>] <start.amount>",
        "[1] <start.text>",
        "[no answer]",
        "[[<start.text>]] was edited",
        "[<start.text>](https://a.example/<start.amount>)",
        "{greeting}, <start.text>!",
        "{} is empty, <start.text>",
        "'<start.text>'",
        "None",
        "<start.text> * <start.amount>",
        "2 * <start.text> + 1",
        "<start.text> + 1",
        "<start.text> || <start.amount>",
        "<start.text> ? <start.amount> : <start.text>",
    ],
)
def test_the_data_of_a_response_may_be_a_text(data: str) -> None:
    assert found(f'{START}  Reply:\n    type: response\n    data: "{data}"\n') == []


@pytest.mark.parametrize(
    ("media_type", "data"),
    [
        ("text/html", "<html><p><start.text></p> <i><start.amount></i></html>"),
        ("text/csv", "text,amount\n      <start.text>,<start.amount>"),
        ("text/plain; charset=utf-8", "{<start.text>} * 2"),
        ("application/xml", "<Response><Message><start.text></Message></Response>"),
        ("application/x-ndjson", '{"a": <start.amount>}\n      {"a": 2}'),
    ],
)
def test_a_response_of_another_media_type_may_have_any_data(media_type: str, data: str) -> None:
    reply = f"  Reply:\n    type: response\n    headers: {{content-type: {media_type}}}\n    data: |\n      {data}\n"
    assert found(f"{START}{reply}") == []


@pytest.mark.parametrize(
    "text",
    [
        "<customer.message>hi</customer.message>",
        "<Starts.Order>\n<text>1</text></Starts.Order>",
        "a List<java.util.Map> of std::vector<std.string>",
        "<a.b> is a tag",
    ],
)
def test_a_tag_or_a_type_parameter_is_no_reference(text: str) -> None:
    lines = text.replace("\n", "\n          ")
    ask = f"  Ask:\n    type: agent\n    model: echo\n    messages:\n      - user: |\n          {lines} <start.text>\n"
    call = f"  Call:\n    type: api\n    url: https://a.example\n    method: POST\n    body: |\n          {lines}\n"
    assert found(f"{START}{ask}{call}") == []


@pytest.mark.parametrize("language", ["javascript", "python"])
def test_a_whole_string_of_code_in_angle_brackets_may_be_a_placeholder(language: str) -> None:
    assert found(START + code("return <start.text>.replace('<customer.name>', 'Ann')", language)) == []


def test_a_whole_string_of_code_may_be_a_placeholder_for_a_field_of_a_block() -> None:
    assert found(START + code("return <start.text>.replace('<customer.text>', 'Ann')")) == []


@pytest.mark.parametrize("end", ["", "    next: []\n"])
def test_a_wait_may_end_a_branch(end: str) -> None:
    branches = "      - if: <start.vip>\n        next: Reply\n      - else: Slow\n"
    check = f"  Check:\n    type: condition\n    branches:\n{branches}"
    slow = f"  Slow:\n    type: wait\n    timeValue: 10\n    timeUnit: seconds\n{end}"
    assert found(f"{START}{check}{slow}  Reply:\n    type: response\n    data: {{a: 1}}\n") == []


@pytest.mark.parametrize("name", ["@start.text ", "{{{{text}}}} "])
def test_many_names_of_inputs_in_a_prompt_are_checked_in_linear_time(name: str) -> None:
    text = name.format() * 20_000
    began = time.process_time()
    found(f"{START}  Ask:\n    type: agent\n    model: echo\n    messages:\n      - user: '{text}'\n")
    assert time.process_time() - began < 5


@pytest.mark.parametrize("tag", ["<t{0}.x>1</t{0}.x>", "List<t{0}.x>"])
def test_many_tags_are_checked_in_linear_time(tag: str) -> None:
    body = " ".join(tag.format(number) for number in range(10_000))
    began = time.process_time()
    assert found(f"{START}{CALL}    body: '{body}'\n") == []
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "model",
    [
        "mixtral",
        "mixtral-8x7b",
        "claudia",
        "kim",
        "rook-7b",
        "ollama/llama3.1",
        "kimchi/chat",
        "openai/gpt-oss-20b",
        "mistralai/Mistral-7B-Instruct-v0.3",
        "deepseek-ai/DeepSeek-R1",
        "meta-llama/Llama-3.1-8B",
    ],
)
def test_a_local_server_may_have_a_model_of_any_name(model: str) -> None:
    assert found(f"{START}  Ask:\n    type: agent\n    messages: <start.text>\n    model: {model}\n") == []


def test_an_answer_may_have_an_empty_error_that_no_block_reads() -> None:
    agent = ASK.replace("{ok:", '{error: {type: [string, "null"]}, ok:')
    assert found(f"{START}{agent}  Reply:\n    type: response\n    data: {{a: <ask.ok>}}\n") == []


@pytest.mark.parametrize(
    "header",
    [
        "X-Amz-Access-Key-Id: AKIAIOSFODNN7QRSTUVW",  # which names a key, and is none
        "X-Product: sk-iphone15promax256gb",
    ],
)
def test_a_header_may_have_text_like_a_secret(header: str) -> None:
    call = f"  Call:\n    type: api\n    url: https://api.example.com\n    headers: {{{header}}}\n"
    assert found(START + call) == []


def test_a_regular_expression_may_have_the_name_of_a_method() -> None:
    condition = "  Is:\n    type: condition\n    branches:\n      - if: /\\.size(px)?/.test(<start.text>)\n"
    assert found(f"{START}{condition}        next: Go\n  Go:\n    type: function\n    code: return 1\n") == []


def test_code_may_compare_a_route_with_a_title_beside_its_id() -> None:
    route = "  Pick:\n    type: router_v2\n    model: echo\n    context: <start.text>\n    branches:\n"
    routes = "".join(f"      - {{route: {name}, when: {name}, next: Run}}\n" for name in ("Support", "Sales"))
    read = "const r = <pick.selectedRoute>;\nreturn r === 'support' || r.endsWith('-route-1');"
    assert found(START + route + routes + code(read)) == []


def test_a_long_url_is_searched_for_secrets_in_linear_time() -> None:
    call = f"  Call:\n    type: api\n    url: https://api.example.com/?{'=a' * 100_000}\n"
    started = time.process_time()
    assert found(START + call) == []
    assert time.process_time() - started < 2


@pytest.mark.parametrize(
    "use",
    [
        'found["fee"] ?? 0',
        'found?.["fee"]',
        "found?.fee",
        '(found["fee"] || 0) + 1',
        'found["fee"] === undefined ? 0 : found["fee"]',
        "Boolean(found.fee)",
        "found.fee !== void 0",
        "[found.level, found.fee].filter(Boolean)",
        "Number(found.fee) || 0",
        "found.fee * 2 || 0",
        'JSON.stringify(found.fee) || "none"',
        "{ level: found.level, ...found.fee }",
        "((price = 0) => price)(found.fee)",
        'found["wor\\x64s"]',
        'found["a\\"b"]',
    ],
)
def test_code_may_test_for_a_field_that_a_function_never_returns(use: str) -> None:
    assert found(START + SCORE + code(f"const found = <score.result>;\nreturn {use};")) == []


@pytest.mark.parametrize(
    "statements",
    [
        'if (found["fee"]) return 1;\nreturn 0;',
        "while (found.more) { break; }\nreturn 0;",
        "for (; found.more; ) { break; }\nreturn 0;",
        'switch (found.kind) { case "a": return 1; default: return 2; }',
        "const price = found.fee;\nreturn price ?? 0;",
        "const read = () => found.fee;\nreturn read() ?? 0;",
        "const { fee } = found;\nreturn fee ?? 1;",
        "delete(found.old);\nreturn found;",
        "delete(found.levels);\nreturn found;",
        "(found.words2) = 2;\nreturn found.words2;",
        'const add = Object["assign"];\nadd(found, <start>);\nreturn found.fee.total;',
        "const { assign } = Object;\nassign(found, <start>);\nreturn found.fee.total;",
        "const o = Object;\no.assign(found, <start>);\nreturn found.fee.total;",
        "const { defineProperty: add } = Object;\nadd(found, <start.text>, {});\nreturn found.fee.total;",
    ],
)
def test_statements_may_test_for_a_field_that_a_function_never_returns_or_add_it(statements: str) -> None:
    assert found(START + SCORE + code(f"const found = <score.result>;\n{statements}")) == []


@pytest.mark.parametrize(
    "expression",
    ["<score.result>.fee", '<score.result>["fee"]', "<score.result>?.fee", '!!<score.result>["fee"]'],
)
def test_a_condition_may_test_for_a_field_that_a_function_never_returns(expression: str) -> None:
    branches = f"    branches:\n      - if: {json.dumps(expression)}\n        next: Run\n      - else: Run\n"
    assert found(f"{START}{SCORE}  Is:\n    type: condition\n{branches}{code('return 1')}") == []


@pytest.mark.parametrize(
    "statements",
    [
        'currency = "eur"\nreturn found[f"fee_{currency}"]',
        'return <score.result>[f"word{<start.text>}"]',
        'found |= {<start.text>: 1}\nreturn found["fee"]',
        'other = found\nother |= {<start.text>: 1}\nreturn found["fee"]',
        'def merge(target):\n    target |= {<start.text>: 1}\nmerge(found)\nreturn found["fee"]',
        'found.__setitem__(<start.text>, 3)\nreturn found["fee"]',
        'import operator\noperator.setitem(found, <start.text>, 3)\nreturn found["fee"]',
        'import unittest\nwith unittest.TestCase().assertRaises(KeyError):\n    found["fee"]\nreturn 1',
    ],
)
def test_python_may_add_keys_to_a_result(statements: str) -> None:
    assert found(START + SCORE + code(f"found = <score.result>\n{statements}", "python")) == []


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("javascript", "let n = 0;\nwhile (true) { n += <start.text>[n].length; }\nreturn n;"),
        ("python", "rows = list(<start.text>)\nn = 0\nwhile True:\n    n += len(rows.pop())\nreturn n"),
    ],
)
def test_an_error_may_end_a_loop_and_lead_to_another_block(language: str, text: str) -> None:
    failed = "    on_error: Failed\n  Reply:"
    after = "  Failed:\n    type: response\n    data: {a: <run.error>}\n"
    assert found(START + code(text, language).replace("  Reply:", failed) + after) == []


@pytest.mark.parametrize(
    ("at_else", "after"),
    [("Run", "[Run]"), ("[Run]", "run"), ("[Run, Other]", "[Other, Run]"), ("Run", ""), ("Run", "[]"), ("run", "Run")],
)
def test_else_and_next_may_name_the_same_blocks(at_else: str, after: str) -> None:
    first = "      - if: <start.vip>\n        next: Other\n"
    branches = f"{first}      - else: {at_else}\n        next: {after}\n"
    other = "  Other:\n    type: response\n    data: {a: 1}\n"
    assert found(f"{START}  Is:\n    type: condition\n    branches:\n{branches}{code('return 1')}{other}") == []


@pytest.mark.parametrize(
    ("kind", "value"), [("array", "<start.any>"), ("number", "<start.any>"), ("object", "<start.rows>")]
)
def test_an_input_that_is_json_may_fit_a_variable(kind: str, value: str) -> None:
    inputs = "inputs: {any: object, rows: array}"
    given = f"  Set:\n    type: variables\n    variables: [{{variableName: it, value: {value}}}]\n"
    text = f"variables:\n  it: {{type: {kind}, value: ''}}\n{START}{given}{code('return <variable.it>')}"
    assert found(text.replace("inputs: {text: string, amount: number, vip: boolean}", inputs)) == []


def test_an_answer_of_a_format_that_is_not_strict_may_be_of_another_type() -> None:
    schema = "{type: object, properties: {rows: {type: number}}}"
    ask = f"{MODEL}    responseFormat: {{name: rows, strict: false, schema: {schema}}}\n"
    inner = "    blocks:\n      Inner:\n        type: function\n        code: return 1\n"
    loop = f"  Each:\n    type: loop\n    collection: <ask.rows>\n{inner}"
    assert found(START + ask + loop) == []


@pytest.mark.parametrize(
    "use",
    ["<ask.person>.fee !== void 0", "undefined === <ask.person>.fee", "{ ...<ask.person>.fee }"],
)
def test_code_may_test_for_a_field_that_an_answer_never_has(use: str) -> None:
    person = "{type: object, properties: {first: {type: string}}, additionalProperties: false}"
    schema = f"{{type: object, properties: {{person: {person}}}}}"
    ask = f"{MODEL}    responseFormat: {{name: person, schema: {schema}}}\n"
    assert found(START + ask + code(f"return {use};")) == []
