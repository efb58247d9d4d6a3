"""Code that fails in every run, or never has the effect that its author intends: one message names it and the fix."""

import pytest
from tests.support.code_problems import code_problems


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "const f = await fetch(<start.text>);\nreturn f.statusCode === 200;",
            'line 2 of the code: "f" is a fetch response. Write f.status.',
        ),
        (
            "return (await fetch(<start.text>)).data;",
            'line 1 of the code: "answer" is a fetch response. Read its body with await answer.json().',
        ),
        (
            "const f = await fetch(<start.text>);\nreturn await f.blob();",
            'line 2 of the code: "f" is a fetch response, which has only .json() and .text() for its body.',
        ),
        (
            "const f = await fetch(<start.text>);\nreturn f.headers['etag'];",
            'line 2 of the code: headers of a fetch response have no keys. Write f.headers.get("etag").',
        ),
        (
            "return <start.items>.map((x) => { const r = await fetch(x); return r.status; });",
            "line 1 of the code: await is only possible in an async function: write await Promise.all(….map(async …)).",
        ),
        (
            "<start.items>.forEach((x) => { await fetch(x); });\nreturn 1;",
            "line 1 of the code: await is only possible in an async function: "
            "write for (const … of …) with await in it.",
        ),
        (
            "return { all: <start.items>.map(async (x) => (await fetch(x)).status) };",
            "line 1 of the code: the list has promises. Write await Promise.all(…).",
        ),
        (
            "const all = <start.items>.map(async (x) => x);\nreturn { a: 1, all };",
            "line 1 of the code: the list has promises. Write await Promise.all(…).",
        ),
        (
            "// r has the answer\nconst r = fetch(<start.text>);\nreturn r.status;",
            'line 2 of the code: "r" is a promise, because await is missing. Write await fetch(…).',
        ),
        (
            "const f = await fetch(<start.text>);\nreturn { status: f.status, order: f.json() };",
            "line 2 of the code: f.json(…) is a promise, because await is missing. Write await f.json(…).",
        ),
        (
            "const f = await fetch(<start.text>);\nconst body = f.text();\nreturn `Order ${body}`;",
            'line 2 of the code: "body" is a promise, because await is missing. Write await f.text(…).',
        ),
        (
            "const prices = <start.options>.items.forEach((x) => x * 2);\nreturn prices;",
            "line 1 of the code: forEach returns nothing. Call map or reduce, which return values.",
        ),
        (
            "let n = 0;\nwhile (true) { n += 1; }\nreturn n;",
            "line 2 of the code: while (true) never ends. Leave it with break.",
        ),
        (
            "return { prices: <start.items>.forEach((x) => x * 2) };",
            "line 1 of the code: forEach returns nothing. Call map or reduce, which return values.",
        ),
        (
            "return JSON.stringify(<start.items>.forEach((x) => x * 2));",
            "line 1 of the code: forEach returns nothing. Call map or reduce, which return values.",
        ),
        (
            "return { nets: <start.items>.map((row) => { row.at(-1).net }) };",
            "line 1 of the code: the function in .map(…) returns nothing. Add return before its value.",
        ),
        (
            "return <start.text>.includes(/x/);",
            "line 1 of the code: .includes(…) takes no regular expression. Write /…/.test(…).",
        ),
        (
            'return <start.text>.replaceAll(/x/i, "y");',
            "line 1 of the code: .replaceAll(…) needs a regular expression with the flag g: /…/g.",
        ),
        (
            "let l = [];\nl = l.push(1);\nreturn l;",
            "line 2 of the code: .push(…) changes the list and returns its length. Write it without l =.",
        ),
        (
            "return '{} x'.format(<start.text>);",
            "line 1 of the code: a text has no .format(…). Write it in backticks: `… ${value}`.",
        ),
        (
            "return <start.text>.match(/a/) === true;",
            "line 1 of the code: .match(…) returns a list or null, and never a boolean. Write /…/.test(…).",
        ),
        (
            "return <start.items>.indexOf(3) === true;",
            "line 1 of the code: .indexOf(…) returns a number, and never a boolean. Write ….includes(…).",
        ),
        (
            "let v = 1;\nif (<start.amount> > 5); { v = 2; }\nreturn v;",
            "line 2 of the code: the semicolon after the condition ends the if. Remove it.",
        ),
        (
            "return new Date(<start.text>) === new Date();",
            "line 1 of the code: no two dates are identical. Compare their numbers: ….getTime().",
        ),
        (
            'return <start.text>.toLowerCase() === "Damaged";',
            'line 1 of the code: .toLowerCase() never gives "Damaged". Write "damaged".',
        ),
        (
            'return <start.text>.toUpperCase().includes("eur");',
            'line 1 of the code: .toUpperCase() never gives "eur". Write "EUR".',
        ),
        (
            'return <start.text>.trim() === " yes";',
            'line 1 of the code: .trim() never gives " yes". Write "yes".',
        ),
        (
            "return <start.amount> % 2 === 2;",
            "line 1 of the code: a remainder of % 2 is less than 2, and never 2.",
        ),
        (
            "return new Date().getDay() === 7;",
            "line 1 of the code: .getDay() counts from 0 to 6, and is never 7.",
        ),
        (
            "return <start.vip> && !<start.vip>;",
            "line 1 of the code: the condition is never true, because it needs a value and its opposite. "
            "For either, write ||.",
        ),
        (
            "return !<start.amount> > 5;",
            "line 1 of the code: ! negates the left side alone, which counts as 0 or 1. Write !(… > 5).",
        ),
        (
            'if (<start.text>.indexOf("down")) return 1;\nreturn 2;',
            "line 1 of the code: indexOf is 0 at the start, and -1, which counts as true, for none. "
            "Write ….includes(…).",
        ),
        (
            'if (["a", "b"].indexOf(<start.text>)) return 1;\nreturn 2;',
            "line 1 of the code: indexOf is 0 for the first entry, and -1, which counts as true, for none. "
            "Write […].includes(…).",
        ),
        (
            'if (["a", "b"]) return 1;\nreturn 2;',
            "line 1 of the code: a list is always true as a condition. Write […].includes(…).",
        ),
        (
            "try { const d = JSON.parse(<start.text>); } catch (e) { console.log(e); }\nreturn d.a;",
            'line 2 of the code: "d" exists only in the block that declares it. Declare it before the block.',
        ),
        (
            "for (let i = 0; i < 3; i++) { console.log(i); }\nreturn i;",
            'line 2 of the code: "i" exists only in the block that declares it. Declare it before the block.',
        ),
        (
            "const a = b * 2;\nconst b = 3;\nreturn a;",
            'line 1 of the code: "b" has no value before its declaration. Move the declaration up.',
        ),
        (
            "const x = x + 1;\nreturn x;",
            'line 1 of the code: "x" has no value before its declaration. Move the declaration up.',
        ),
        (
            "return Date.now().toISOString();",
            "line 1 of the code: Date.now() is a number, which has no .toISOString(). "
            'Did you mean "new Date().toISOString"?',
        ),
        ("return <start.amount>.length;", "line 1 of the code: <start.amount> is a number, which has no .length."),
        (
            "return <start.text>.toFixed(2);",
            "line 1 of the code: <start.text> is a string, which has no .toFixed(). "
            'Did you mean "Number(<start.text>).toFixed"?',
        ),
        (
            "const items = <start.items>;\nreturn items.size;",
            'line 2 of the code: items is a list, which has no .size. Did you mean "items.length"?',
        ),
        (
            "return <start.options>.map((x) => x);",
            "line 1 of the code: <start.options> is an object, which has no .map(). "
            'Did you mean "Object.entries(<start.options>).map"?',
        ),
        (
            "const o = { a: 1 };\nfor (const k of o) console.log(k);\nreturn 1;",
            "line 2 of the code: for … of needs a list, not an object. Write Object.entries(o).",
        ),
        ("const s = 'abc';\nreturn s.map((x) => x);", "line 2 of the code: s is a string, which has no .map()."),
        (
            "return Math.round(<start.amount>, 2);",
            "line 1 of the code: Math.round(…) rounds to a whole number. For digits, write Number(….toFixed(2)).",
        ),
        (
            "const r = await fetch('/orders/' + <start.text>);\nreturn r.status;",
            "line 1 of the code: fetch needs a whole URL, such as https://….",
        ),
        (
            "<start.items>.forEach((x) => { if (x) break; });\nreturn 1;",
            "line 1 of the code: break is only possible in a loop. To end code or a function, write return.",
        ),
        (
            "for (const x of <start.items>) { [1].map(() => { continue; }); }\nreturn 1;",
            "line 1 of the code: continue is only possible in a loop. To go to the next entry in forEach, write "
            "return.",
        ),
        ("const x;\nreturn x;", "line 1 of the code: const x needs a value. Write let x."),
        (
            "return /a/gx.test(<start.text>);",
            'line 1 of the code: the regular expression has the flag "x", which does not exist. Flags are d, g, '
            "i, m, s, u, v, y.",
        ),
        ("return /a/gg.test(<start.text>);", 'line 1 of the code: the regular expression has the flag "g" twice.'),
        (
            "return <start.text>.match(/(abc/);",
            'line 1 of the code: the engine refuses the regular expression /(abc/: a "(" has no ")". Write \\( '
            "for the character.",
        ),
        (
            "return <start.text>.match(/[(]abc)/);",
            'line 1 of the code: the engine refuses the regular expression /[(]abc)/: a ")" has no "(". Write '
            "\\) for the character.",
        ),
        (
            "return <start.text>.match(/(?P<year>[0-9]+)/);",
            "line 1 of the code: the engine refuses the regular expression /(?P<year>[0-9]+)/: a group has its "
            "name in (?<name>…).",
        ),
        (
            "return <start.text>.match(/(?i)abc/);",
            "line 1 of the code: the engine refuses the regular expression /(?i)abc/: flags follow the pattern, "
            "such as /…/i.",
        ),
        (
            "return <start.text>.match(/c++/);",
            "line 1 of the code: the engine refuses the regular expression /c++/: there is nothing to repeat. "
            "Write \\+ or \\* for the character.",
        ),
        (
            "return 'Hello ${<start.text>}';",
            'line 1 of the code: a text in quotes keeps "${<start.text>}" as typed. Write it in backticks.',
        ),
        (
            "return context.start.text;",
            'line 1 of the code: "context" does not exist here: only conditions have it. Read a block with '
            "<block.field>.",
        ),
        ("return params.text.length;", "line 1 of the code: only the code of a tool has params. Write <start.text>."),
        ("return env.API_KEY;", "line 1 of the code: code has no env. Write {{API_KEY}}."),
        ("return secrets['API_KEY'];", "line 1 of the code: code has no secrets. Write {{API_KEY}}."),
        ("return API_KEY;", 'line 1 of the code: "API_KEY" is not defined. Read a secret as {{API_KEY}}.'),
        (
            "return Buffer.from(<start.text>);",
            'line 1 of the code: "Buffer" does not exist here: Node is not available. For Base64, set language '
            "to python and import base64.",
        ),
        (
            "return <start.vip>.toLowerCase();",
            '<start.vip> is a boolean, which has no .toLowerCase(). Did you mean "String(<start.vip>)"?',
        ),
        (
            'const t = "<start.text>";\nreturn t.toUpperCase();',
            "<start.text> in quotes is the JSON of the text, with its own quotes. Write it without quotes.",
        ),
        ("```js\nreturn 1;\n```", "the code may not parse at line 1, column 1. Remove the ``` around the code."),
        ("return ${start.text};", "the code may not parse at line 1, column 9. Write <start.text> for ${start.text}."),
        (
            "return < start.text >;",
            "the code may not parse at line 1, column 1. Write <start.text> for < start.text >.",
        ),
        ("return <start/text>;", "the code may not parse at line 1, column 1. Write <start.text> for <start/text>."),
        (
            "return <<start.text>>;",
            "the code may not parse at line 1, column 1. Write <start.text> for <<start.text>>.",
        ),
        ("return {start.text};", "the code may not parse at line 1, column 9. Write <start.text> for {start.text}."),
        (
            "return {{ secrets.API_KEY }};",
            "the code may not parse at line 1, column 9. Write {{API_KEY}} for {{ secrets.API_KEY }}.",
        ),
        (
            "return (<start.options> as any).id;",
            'the code may not parse at line 1, column 25. Write JavaScript without types such as "as any".',
        ),
        (
            "interface Order { id: string }\nconst o: Order = <start.options>;\nreturn o.id;",
            'the code may not parse at line 1, column 1. Write JavaScript without types such as "interface Order".',
        ),
        (
            "return 'first\nsecond';",
            "the code may not parse at line 2, column 1. A text in quotes ends on its line. Write one of several "
            "lines in backticks.",
        ),
        ("return <start-text>;", '<start-text> matches no block. Did you mean "<start.text>"?'),
        (
            'return "Hello <start.text>, welcome";',
            "<start.text> in quotes is the JSON of the text, with its own quotes. Write `… ${<start.text>}`.",
        ),
        (
            'const name = "<start.text>";\nreturn { greeting: "Hello " + name };',
            "<start.text> in quotes is the JSON of the text, with its own quotes. Write it without quotes.",
        ),
        (
            'const r = await fetch("https://a.example/users/<start.text>");\nreturn r.status;',
            "<start.text> in quotes is the JSON of the text, with its own quotes. Write `… ${<start.text>}`.",
        ),
        (
            'const id = "<start.text>";\nconst r = await fetch(`https://a.example/users/${id}`);\nreturn r.status;',
            "<start.text> in quotes is the JSON of the text, with its own quotes. Write it without quotes.",
        ),
        (
            'return (await fetch(`https://a.example/users/${encodeURIComponent("<start.text>")}`)).status;',
            "<start.text> in quotes is the JSON of the text, with its own quotes. Write it without quotes.",
        ),
        (
            'return { email: "<start.text>" };',
            "<start.text> in quotes is the JSON of the text, with its own quotes. Write it without quotes.",
        ),
        (
            'return <start.items>.map((i) => { i.name }).join(", ");',
            "line 1 of the code: the function in .map(…) returns nothing. Add return before its value.",
        ),
        (
            "const names = <start.items>.map((i) => {\n  const n = i.name.toUpperCase();\n});\nreturn names;",
            "line 1 of the code: the function in .map(…) returns nothing. Add return before its value.",
        ),
        (
            'let text = <start.text>;\ntext.replace("a", "b");\nreturn text;',
            "line 2 of the code: .replace(…) changes nothing. Use the new value that it returns.",
        ),
        (
            "const all = [];\nall.concat(<start.items>);\nreturn all;",
            "line 2 of the code: .concat(…) changes nothing. Use the new value that it returns.",
        ),
        (
            "const items = <start.items>;\nitems.map((x) => x.price * 2);\nreturn items;",
            "line 2 of the code: .map(…) changes nothing. Use the new value that it returns.",
        ),
        (
            "<start.text>.trim();\nreturn <start.text>;",
            "line 1 of the code: .trim(…) changes nothing. Use the new value that it returns.",
        ),
        (
            "const t = <start.text>;\nfor (const x of [1]) { t.toUpperCase(); console.log(t); }\nreturn t;",
            "line 2 of the code: .toUpperCase(…) changes nothing. Use the new value that it returns.",
        ),
        (
            'let t = "{name}";\nt.replace("{name}", <start.text>);\nreturn t;',
            "line 2 of the code: .replace(…) changes nothing. Use the new value that it returns.",
        ),
        (
            'const d = new Date();\nreturn d.format("YYYY-MM-DD");',
            "line 2 of the code: a date has no .format(…). Write .toISOString(), or .toLocaleDateString(…).",
        ),
        (
            'return new Date().format("YYYY");',
            "line 1 of the code: a date has no .format(…). Write .toISOString(), or .toLocaleDateString(…).",
        ),
        (
            "const a = 1 const b = 2 return a + b",
            "the code may not parse at line 1, column 12. All of the code is one line. In a file, write "
            "code: | and the code below it.",
        ),
        (
            "return crypto.randomUUID();",
            'line 1 of the code: "crypto" does not exist here: for IDs and hashes, set language to python '
            "and import uuid or hashlib.",
        ),
        (
            "module.exports = async () => 1;",
            'line 1 of the code: "module" does not exist here: code is no module. End with return and the value.',
        ),
        ("return <start.items>.first().name;", '<start.items> has no method .first(). Did you mean ".at(0)"?'),
        (
            "<start.items>.forEach((x) => { if (x.ok) return x; });",
            "the code returns nothing, so <run.result> in Reply is empty. return in forEach ends only its "
            "own function: write for (const … of …), or call filter or map.",
        ),
        (
            "return { a: 1 };\nconst b = 2;\nconsole.log(b);",
            "line 1 of the code: the code after this return never runs. Remove it, or move it up.",
        ),
        (
            "if (<start.vip>) {\n  return 1;\n  // once\n  console.log(2);\n}\nreturn 3;",
            "line 2 of the code: the code after this return never runs. Remove it, or move it up.",
        ),
        (
            "return /^a/.match(<start.text>);",
            'line 1 of the code: /^a/ is a regular expression, which has no .match(). Did you mean "….match(/^a/)"?',
        ),
        (
            'return /a/g.replace(<start.text>, "b");',
            "line 1 of the code: /a/g is a regular expression, which has no .replace(). Did you mean "
            '"….replace(/a/g, …)"?',
        ),
        (
            "return /vip/i.matches(<start.text>);",
            'line 1 of the code: /vip/i is a regular expression, which has no .matches(). Did you mean "/vip/i.test"?',
        ),
        (
            "const list = [1, 2];\nreturn list.push(3).map((n) => n + 1);",
            "line 2 of the code: list.push(3) is a number, which has no .map().",
        ),
        (
            "const totals = <start.items>.map((each) => each.total);\nreturn Math.max(totals);",
            'line 2 of the code: Math.max(…) takes numbers, not a list. Did you mean "Math.max(...totals)"?',
        ),
        (
            "const text = <start.text>;\nconst words = text.split(' ');\nconst text = words[0];\nreturn text;",
            'line 3 of the code: "text" is declared twice. Remove this const, or rename one.',
        ),
        (
            "return _.lowerCase(<start.text>);",
            'line 1 of the code: "_" does not exist here: packages are not available; use JavaScript alone.',
        ),
        (
            "return Atomics ? 1 : 0;",
            'line 1 of the code: "Atomics" does not exist here: the sandbox has no shared memory.',
        ),
        ("return <start.text>.getTime();", "<start.text> has no method .getTime()."),
        (
            "return JSON.parse(<start.items>).length;",
            "<start.items> is a list already. Write it without JSON.parse(…).",
        ),
        (
            "return <start.papers>.name;",
            '<start.papers> is a list of files, which has no .name. Did you mean "<start.papers[0].name>"?',
        ),
    ],
)
def test_a_mistake_in_javascript_is_named(code: str, message: str) -> None:
    assert code_problems(code, "javascript") == [f"Run: {message}"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "r = <start.options>\nreturn r.value",
            '"r", which is <start.options>, has no attribute .value. Did you mean "r["value"]"?',
        ),
        (
            "import math\nreturn math.round(2.4)",
            'line 2 of the code: "math.round" does not exist. Did you mean "round(…)"?',
        ),
        ("n = 0\nn++\nreturn n", 'the code may not parse at line 2, column 1. Write "n += 1" for "n++".'),
        (
            'return <start.text>.includes("a")',
            '<start.text> has no method .includes(). Did you mean "… in <start.text>"?',
        ),
        (
            "return <start.items>.map(str)",
            '<start.items> has no method .map(). Did you mean "[… for each in <start.items>]"?',
        ),
        (
            "from urllib.request import urlopen\ndef later():\n    return 1\nreturn urlopen('https://example.com').read()",
            'line 4 of the code: "urlopen" fails, because code has no network. Call the service with an API block.',
        ),
        (
            "n = 0\nwhile True:\n    n += 1\nreturn n",
            "line 2 of the code: while True never ends. Leave it with break.",
        ),
        (
            'out = {"total": <start.amount> * 2}\nreturn out.total',
            'line 2 of the code: out has no attribute .total. Did you mean "out["total"]"?',
        ),
        (
            'rows = [1]\nreturn {"rows": rows.sort()}',
            "line 2 of the code: .sort(…) changes the list and returns None. Call it alone, and use the list.",
        ),
        (
            'rows = [1]\nout = {"rows": rows.append(2)}\nreturn out',
            "line 2 of the code: .append(…) changes the list and returns None. Call it alone, and use the list.",
        ),
        (
            "rows = [1]\nreturn len(rows.sort())",
            "line 2 of the code: .sort(…) changes the list and returns None. Call it alone, and use the list.",
        ),
        (
            "rows = [1]\nfor r in rows.sort():\n    print(r)\nreturn 1",
            "line 2 of the code: .sort(…) changes the list and returns None. Call it alone, before the loop.",
        ),
        (
            'import json\nreturn json.dump({"a": 1}, indent=2)',
            "line 2 of the code: json.dump writes to a file. Write json.dumps(…).",
        ),
        (
            'return ", ".join(["a", len(<start.items>)])',
            "line 1 of the code: .join(…) takes texts, not numbers. Write str(…) for each.",
        ),
        (
            'return ", ".join([len(x) for x in <start.items>])',
            "line 1 of the code: .join(…) takes texts, not numbers. Write str(…) for each.",
        ),
        (
            'import hashlib\nreturn hashlib.md5("a").hexdigest()',
            'line 2 of the code: hashlib.md5(…) takes bytes, not a string. Did you mean ""a".encode()"?',
        ),
        (
            'import datetime\nreturn datetime.datetime.strptime("2020").isoformat()',
            'line 2 of the code: strptime(…) needs the format of the date, such as "%Y-%m-%d".',
        ),
        (
            'return "Damaged" in <start.text>.lower()',
            'line 1 of the code: .lower() never gives "Damaged". Write "damaged".',
        ),
        (
            "total = 1\nfor i in <start.items>:\n    totl += 1\nreturn total",
            'line 3 of the code: "totl" is not defined. Did you mean "total"?',
        ),
        (
            "count = 0\ndef add(x):\n    count += x\nadd(1)\nreturn count",
            'line 3 of the code: "count" has no value in add, because code around it assigns it. '
            "Add the line: global count.",
        ),
        (
            "def f():\n    n = 0\n    def g():\n        n += 1\n    g()\n    return n\nreturn f()",
            'line 4 of the code: "n" has no value in g, because code around it assigns it. Add the line: nonlocal n.',
        ),
        (
            'total = 0\nfor r in <start.items>:\n    total += r["price"]\nreturn "EUR " + round(total, 2)',
            "line 4 of the code: round(total, 2) is a number, which Python does not add to a text. "
            'Did you mean "str(round(total, 2))"?',
        ),
        (
            'n = len(<start.items>)\nreturn {"text": "Items: " + n + " found"}',
            'line 2 of the code: n is a number, which Python does not add to a text. Did you mean "str(n)"?',
        ),
        (
            "return range(<start.items>)",
            "line 1 of the code: <start.items> is a list, and range needs a number. "
            'Did you mean "range(len(<start.items>))"?',
        ),
        (
            "return len(<start.amount>)",
            "line 1 of the code: <start.amount> is a number, which has no length. "
            'Did you mean "len(str(<start.amount>))"?',
        ),
        (
            'return <start.items>.join(",")',
            'line 1 of the code: <start.items> is a list, which has no .join(). Did you mean "….join(<start.items>)"?',
        ),
        ('return <start.items>.get("a")', "line 1 of the code: <start.items> is a list, which has no .get()."),
        (
            "import hashlib\nreturn hashlib.md5(<start.text>).hexdigest()",
            'line 2 of the code: hashlib.md5(…) takes bytes, not a string. Did you mean "<start.text>.encode()"?',
        ),
        (
            "rows = [r for b in <start.items> for r in b]\nreturn [row.summary for row in rows]",
            'line 2 of the code: row has no attribute .summary. Did you mean "row["summary"]"?',
        ),
        (
            "return sorted(<start.items>, key=lambda r: r.price)",
            'line 1 of the code: r has no attribute .price. Did you mean "r["price"]"?',
        ),
        (
            "from datetime import datetime\nreturn datetime.datetime.now().isoformat()",
            'line 2 of the code: "datetime" is the class, which has no .datetime. Write datetime once.',
        ),
        (
            "from datetime import datetime\nreturn str(datetime.timedelta(days=1))",
            'line 2 of the code: "datetime" is the class, which has no .timedelta. '
            "Add the line: from datetime import timedelta.",
        ),
        (
            "import re\nreturn re.sub(<start.text>, r'\\s')",
            "line 2 of the code: re.sub needs a pattern, a replacement and a text.",
        ),
        (
            "d = <start.options>\nreturn d.items()[0]",
            "line 2 of the code: d.items() of a dictionary has no index. Write list(d.items())[…].",
        ),
        (
            "t = environmentVariables.SHOP_TOKEN\nreturn t",
            "line 1 of the code: environmentVariables has no attribute .SHOP_TOKEN. "
            'Did you mean "environmentVariables["SHOP_TOKEN"]"?',
        ),
        (
            'return "EUR " + sum(r["price"] for r in <start.items>)',
            'line 1 of the code: sum(r["price"] for r in <start.items>) is a number, '
            "which Python does not add to a text. "
            'Did you mean "str(sum(r["price"] for r in <start.items>))"?',
        ),
        (
            "return await sim.files.readText(<start.items>[0])",
            "line 1 of the code: Python code has no await outside of async functions, and sim.files needs none. "
            "Remove it.",
        ),
        (
            "x = 1\nif x:\n    break\nreturn x",
            "line 3 of the code: break is only possible in a loop. To end code or a function, write return.",
        ),
        ("return `Hello`", 'line 1 of the code: Python has no text in backticks. Write f"… {value}".'),
        (
            "return <start.options>.keys()",
            "line 1 of the code: .keys() is no list and cannot be returned. Write list(<start.options>.keys()).",
        ),
        (
            'return {"all": (x for x in <start.items>)}',
            "line 1 of the code: a generator cannot be returned. Write it as a list: [… for … in …].",
        ),
        (
            "return map(str, <start.items>)",
            "line 1 of the code: map(…) is no list and cannot be returned. Write list(map(str, <start.items>)).",
        ),
        (
            "return <start.text>.encode()",
            "line 1 of the code: bytes cannot be returned. Write the text without .encode().",
        ),
        ('return [b"a"]', "line 1 of the code: bytes cannot be returned. Write the text without b."),
        (
            "import base64\nreturn base64.b64encode(b'a')",
            "line 2 of the code: base64.b64encode(…) gives bytes, which cannot be returned. Write "
            "base64.b64encode(b'a').decode().",
        ),
        (
            "async def main():\n    return 1\nreturn main()",
            "line 3 of the code: main is async, and its result cannot be returned. Write def main without async "
            "and await.",
        ),
        (
            "name = input()\nreturn name",
            "line 1 of the code: input() cannot ask anyone. Declare an input of the start block, and read it "
            "with <start.…>.",
        ),
        (
            "import json\nreturn json.load(<start.text>)",
            'line 2 of the code: json.load(…) takes a file, not a string. Did you mean "json.loads(<start.text>)"?',
        ),
        ('return params["text"]', "line 1 of the code: only the code of a tool has params. Write <start.text>."),
        ("return parseInt(<start.text>)", 'line 1 of the code: "parseInt" is not defined. Did you mean "int"?'),
        (
            "return Math.floor(<start.amount>)",
            'line 1 of the code: "Math" does not exist here: write math.…, after the line: import math.',
        ),
        (
            "try:\n    x = 1\nexcept ValueError, e:\n    x = 2\nreturn x",
            "line 3 of the code: to name the error, write except ValueError as e.",
        ),
        (
            "return <start.vip>.lower()",
            '<start.vip> is a boolean, which has no .lower(). Did you mean "str(<start.vip>)"?',
        ),
        ("return “hello”", 'the code may not parse at line 1, column 1. Write "hello" for “hello”.'),
        (
            "for i of <start.items>:\n    print(i)\nreturn 1",
            'the code may not parse at line 1, column 1. Write "for i in" for "for i of".',
        ),
        (
            "print(sum(<start.items>))",
            "the code returns nothing, so <run.result> in Reply is empty. print(…) only writes to the log: end "
            "with return and the value.",
        ),
        (
            "def main():\n    return 1\nmain()",
            "the code returns nothing, so <run.result> in Reply is empty. End with return main(…).",
        ),
        (
            "async def main():\n    return 1\nmain()",
            "the code returns nothing, so <run.result> in Reply is empty. Write def main without async and "
            "await, and end with return main(…).",
        ),
        (
            'return "Hello <start.text>"',
            '<start.text> in quotes is the JSON of the text, with its own quotes. Write f"… {<start.text>}".',
        ),
        (
            "<start.text>.strip()\nreturn <start.text>",
            "line 1 of the code: .strip(…) changes nothing. Use the new value that it returns.",
        ),
        (
            't = <start.text>\nt.replace("a", "b")\nreturn t',
            "line 2 of the code: .replace(…) changes nothing. Use the new value that it returns.",
        ),
        (
            "t = <start.text>\nfor x in [1]:\n    t.upper()\n    print(x)\nreturn t",
            "line 3 of the code: .upper(…) changes nothing. Use the new value that it returns.",
        ),
        (
            "import asyncio\nasync def main():\n    return 1\nreturn asyncio.run(main())",
            "line 4 of the code: asyncio.run(…) is not allowed. Write functions without async and await.",
        ),
        (
            "import asyncio\nloop = asyncio.new_event_loop()\nreturn 1",
            "line 2 of the code: asyncio.new_event_loop(…) is not allowed. Write functions without async and await.",
        ),
        (
            "import time\ntime.sleep(600)\nreturn 1",
            "line 2 of the code: time.sleep(600) exceeds 300 s, the maximum timeout. Use a Wait block.",
        ),
        (
            "a = 1 b = 2 return a + b",
            "the code may not parse at line 1, column 5. All of the code is one line. In a file, write "
            "code: | and the code below it.",
        ),
        (
            "import base64\nreturn base64.b64encode(<start.text>.strip().upper().encode())",
            "line 2 of the code: base64.b64encode(…) gives bytes, which cannot be returned. Write "
            "base64.b64encode(…).decode().",
        ),
        (
            "amounts = [each['total'] for each in <start.items>]\nreturn amounts.length",
            'line 2 of the code: amounts is a list, which has no .length. Did you mean "len(amounts)"?',
        ),
        (
            "s = 'abc'\nreturn s.length",
            'line 2 of the code: s is a string, which has no .length. Did you mean "len(s)"?',
        ),
        (
            "rows = [each for each in <start.items>]\nrows.push(2)\nreturn rows",
            'line 2 of the code: no value has a method .push(). Did you mean ".append"?',
        ),
        (
            "return 1\nprint(2)",
            "line 1 of the code: the code after this return never runs. Remove it, or move it up.",
        ),
        (
            "names = map(str, <start.items>)\nreturn {'names': names}",
            "line 1 of the code: map(…) is no list and cannot be returned. Write list(map(str, <start.items>)).",
        ),
        (
            "found = (each for each in <start.items>)\nreturn found",
            "line 1 of the code: a generator cannot be returned. Write it as a list: [… for … in …].",
        ),
        (
            "keys = {'a': 1}.keys()\nreturn keys",
            "line 1 of the code: .keys() is no list and cannot be returned. Write list({'a': 1}.keys()).",
        ),
    ],
)
def test_a_mistake_in_python_is_named(code: str, message: str) -> None:
    assert code_problems(code, "python") == [f"Run: {message}"]
