"""Correct code that looks like common mistakes: none of it has a problem."""

import pytest
from tests.support.code_problems import code_problems


@pytest.mark.parametrize(
    "code",
    [
        'const s = <start.text>; let i = 0;\nreturn s[i++] === "a" && s[i++] === "b";',
        'const s = <start.text>; let i = 0;\nreturn s[i++] !== "a" || s[i++] !== "b";',
        'const x = <start.text>;\nreturn [x == "1" && x == 1, x != "1" || x != 1];',
        "const by = {};\nfor (const v of <start.items>) by[v] = (by[v] ?? 0) + 1;\nreturn by[-1];",
        "const by = Object.fromEntries(<start.items>.map((v) => [v, 1]));\nreturn by[-1];",
        "return <start.options>[-1] ?? 0;",
        "return 0 in [1, 2];",
        "const list = [1, 2];\nlist[-1] ||= 5;\nreturn list;",
        'const price = 5, text = "Costs ${price}";\nreturn eval("`" + text + "`");',
        'return "0x10" * 1;',
        "let n = 0;\n<start.vip> && <start.items>.some((x) => { n += x; });\nreturn n;",
        "let left = <start.items>.length;\n"
        "await new Promise((done) => <start.items>.forEach(async (x) => {\n"
        "  await fetch(x);\n  if (--left === 0) done();\n}));\nreturn 1;",
        "function all() { return <start.items>.map(async (u) => (await fetch(u)).json()); }\n"
        "const out = [];\nfor (const p of all()) out.push(await p);\nreturn out;",
        "const out = [];\nfor (const k in <start.options>) { out.push(k.toString()); }\nreturn out;",
        'const out = [];\nfor (const file in <start.options>) { out.push("see file.txt"); }\nreturn out;',
        "const out = [];\nfor (const item in <start.options>) { // adds item.name\n  out.push(item); }\nreturn out;",
        "const out = [], list = <start.items>;\n"
        "for (let item in list) { item = list[item]; out.push(item.name); }\nreturn out;",
        "const out = [];\nfor (const k in <start.options>) for (const k of [{name: 1}]) out.push(k.name);\nreturn out;",
        "return 'const name = 1; console.log(`${name}`)';",
        'const code = `\nname = 1\n`;\nreturn code + "echo ${name}";',
        "const api = {};\napi.filter = (each) => <start.items>.forEach(each);\n"
        "let n = 0;\nconst done = api.filter((x) => { n += x; });\nreturn [n, done];",
        "const v = <start.text>;\nreturn v instanceof Date ? v.toISOString() : v;",
        "const v = <start.text>;\nreturn v.getTime ? v.getTime() : v;",
        'const vip = <start.vip>;\nreturn vip === "true" || vip === true;',
        'return <start.items>.includes("id-" + <start.amount> || "none");',
        'return <start.text> === ("a" && <start.text> || "c");',
        "const f = await fetch(<start.text>);\nf.data = await f.json();\nreturn f.ok ? f.data.total : 0;",
        "const f = await fetch(<start.text>);\nf.data ??= await f.json();\nreturn f.data.total;",
        "const f = await fetch(<start.text>);\n({ total: f.data } = await f.json());\nreturn f.data;",
        'const f = await fetch(<start.text>);\nread(f);\nfunction read(r) { r["body"] = 1; }\nreturn f.body;',
        "const jobs = <start.items>.map(async (x) => x);\nreturn await jobs[0];",
        "const jobs = <start.items>.map(async (x) => x);\nconst all = () => { return jobs; };\nreturn await all()[0];",
        "const jobs = <start.items>.map(async (x) => x);\nreturn { first: await jobs[0] };",
        "const f = await fetch(<start.text>);\nreturn f.clone ? f.clone() : f.json();",
        "return [...<start.text>.matchAll(/x/gi)].length;",
        "let v = 1;\nif (<start.amount> > 5);\nv = 2;\nreturn v;",
        "class Date {}\nreturn new Date(1) === new Date(2);",
        'const t = <start.text>;\nreturn t.toLowerCase() === "yes" || t.toLowerCase() === "Yes";',
        'if (["a", "b"].indexOf(<start.text>) >= 0) return 1;\nreturn 2;',
        'if (!["a"].indexOf(<start.text>)) return 1;\nreturn 2;',
        "const book = { match: () => true };\nreturn book.match(/a/) === true;",
        "class Stack { push(x) { return this; } }\nlet s = new Stack();\ns = s.push(1);\nreturn s.push(2);",
        "if (<start.vip>) { let rate = 2; }\nrate = 5;\nreturn rate;",
        "const f = () => b * 2;\nconst b = 3;\nreturn f();",
        "total();\nfunction total() { return k; }\nconst k = 1;\nreturn k;",
        "switch (<start.amount>) { case 1: const z = 2; return z; default: return typeof z; }",
        "for (const k of [1]) { const v = k; console.log(v); }\nfor (const v of [2]) console.log(v);\nreturn 1;",
        "{ const params = 1; console.log(params); }\nreturn params;",
        "const { a } = <start.options>;\n{ const a = 3; console.log(a); }\nreturn a;",
        "try { const d = 1; } catch { }\ntry { return d; } catch { return 2; }",
        "return <start.options>.map ? <start.options>.map((x) => x) : 1;",
        "return <start.items>.size ?? <start.items>.length;",
        "return <start.items>.split?.(',');",
        "const api = { map: (x) => x };\nreturn api.map(2);",
        "const l = [1];\nl.size = 3;\nreturn l.size;",
        "return typeof <start.text> === 'string' ? <start.text>.trim() : <start.text>.toFixed(2);",
        "let x = 5;\nx = 'a';\nreturn x.trim();",
        "const f = (s) => s.trim();\n{ const s = 5; console.log(s); }\nreturn f('a');",
        "const o = { *[Symbol.iterator]() { yield 1; } };\nfor (const k of o) console.log(k);\nreturn 1;",
        "const r = await fetch(`${<start.text>}/x`);\nreturn r.status;",
        "return Math.round(<start.amount>, 0);",
        "const l = Object.values(<start.options>);\nreturn l.size === undefined ? l.length : l.size;",
        "const l = Object.values(<start.options>);\nif (l.size) return l.size;\nreturn l.length;",
        "const s = String(<start.text>), m = s.map;\nreturn m === undefined ? s : 1;",
        "const o = { __proto__: [1, 2] };\nfor (const x of o) console.log(x);\nreturn 1;",
        "const o = {};\nObject.setPrototypeOf(o, [1]);\nfor (const x of o) console.log(x);\nreturn 1;",
        'async function fetch(path) { return { status: path.length }; }\nreturn (await fetch("/a")).status;',
        'const run = async (fetch) => fetch("/a");\nreturn await run(async (p) => p);',
        "const f = await fetch(<start.text>);\nreturn [f.statusCode ?? f.status, f.data || (await f.json())];",
        "const f = await fetch(<start.text>);\nreturn f.body === undefined ? await f.text() : 1;",
        "const f = await fetch(<start.text>);\nif (f.data) return f.data;\nreturn await f.json();",
        'const f = await fetch(<start.text>);\nreturn f.headers["etag"] ?? f.headers.get("etag");',
        'const x = <start.options>.x;\nreturn [x == "1" && x == "01", x != "1" || x != "1.0"];',
        "const dp = [];\nfor (let i = -1; i < 3; i++) dp[i] = i * 2;\nreturn dp[-1];",
        'String.prototype["format"] = function (x) { return this + x; };\nreturn "a".format(1);',
        "const f = () => d;\ntry { f(); const d = 1; } catch { console.log(1); }\nreturn 1;",
    ],
)
def test_correct_javascript_has_no_problem(code: str) -> None:
    assert code_problems(code, "javascript") == []


@pytest.mark.parametrize(
    "code",
    [
        'x = <start.text>\na, b = "p", "q"\nreturn x == f"{a}" and x == f"{b}"',
        'x = <start.text>\na, b = "p", "q"\nreturn x != f"{a}" or x != f"{b}"',
        'a = <start.text>\nreturn a == (f"{a}" or "none")',
        'return """\nname = "x"\nprint(f"{name}")\n"""',
        'return dict(\n    name=1,\n    template="Hello {name}",\n)',
        'x = <start.text>\nglobals()["x"] = 3\nreturn x.upper() if isinstance(x, str) else x.foo',
        'from contextlib import suppress\nwith suppress(TypeError):\n    x = "a" + len(<start.items>)\nreturn 1',
        "len = lambda x: [1]\nfor x in len(2):\n    print(x)\nreturn 1",
        "def check(x):\n    print(x)\n    return x\ncheck(1) == check(2)\nreturn 1",
        'import os\nkey = os.getenv("KEY")\nif not key:\n    return "none"\nreturn key',
        'name = 1\nreturn "body {name: red}"',
        'name = "x"\ntext = "Hi {name}"\nreturn eval("f" + repr(text))',
        "class A:\n    def __eq__(self, other):\n        print(other)\na = A()\na == 1\nreturn 1",
        'import json, io\nf = io.StringIO()\njson.dump({"a": 1}, fp=f)\nreturn f.getvalue()',
        'return ", ".join([str(len(x)) for x in <start.items>])',
        'import hashlib\nreturn hashlib.md5(b"a").hexdigest()',
        'import time\nreturn time.strptime("30 Nov 26", "%d %b %y")[0]',
        'return <start.text>.upper() == "\\N{DIGIT ONE}a"',
        'return <start.text>.lower() in ("A", "b")',
        "count = 0\ndef add(x):\n    global count\n    count += x\nadd(1)\nreturn count",
        "def f():\n    n = 0\n    n += 1\n    return n\nn = 3\nreturn f()",
        "class C:\n    n = 0\n    n += 1\nreturn C.n",
        "n = <start.text>\nn += 'x'\nreturn n.upper()",
        'n = 3\nn *= "ab"\nreturn n + "c"',
        'return "%d" % 5 + "x"',
        "from datetime import datetime\nfor row in <start.items>:\n"
        '    row["when"] = datetime.fromisoformat(row["when"])\nreturn [row["when"].year for row in <start.items>]',
        "class R:\n    name = 1\nrows = <start.items>\nrows.append(R())\nreturn [r.name for r in rows]",
        'x = [1, 2]\nx = {"a": 1}\nreturn x.items()',
        'def add(n):\n    return "a" + n\nn = 1\nreturn add("b")',
        'try:\n    x = "a" + 1\nexcept TypeError:\n    x = ""\nreturn x',
        "import hashlib\nt = <start.text>.encode()\nreturn hashlib.md5(t).hexdigest()",
        'for n in range(3):\n    print(n)\nn = 5\nreturn "a" + str(n)',
        "from datetime import datetime\nimport datetime\nreturn datetime.datetime.now().isoformat()",
        "from datetime import datetime, timedelta\nreturn str(datetime.now() - timedelta(days=1))",
        "import re\nreturn re.sub(r'\\s', '', <start.text>)",
        "import xml.etree.ElementTree as ET\ne = ET.fromstring(<start.text>)\nreturn e.items()[0]",
        "return environmentVariables.get('A')",
        "flat = sum(<start.items>, [])\nflat.sort()\nreturn flat",
        'year = 1\nsql = "SELECT {year} FROM t"\nreturn <start.text>',
        'row = <start.items>[0]\nreturn row.name if hasattr(row, "name") else row["name"]',
        "from datetime import date\ndef prepare(r):\n    r['when'] = date.today()\nfor row in <start.items>:\n"
        "    prepare(row)\nreturn [row['when'].year for row in <start.items>]",
        "from datetime import date\nfor row in <start.items>:\n    row['a'], row['b'] = date.today(), 1\n"
        "first = <start.items>[0]\nreturn first['a'].year",
        "from datetime import date\nrows = list(<start.items>)\nadd = rows.append\nadd(date.today())\n"
        "return rows[-1].year",
        "from datetime import date\nrows = list(<start.items>)\ndef fill(target):\n    target.append(date.today())\n"
        "fill(rows)\nreturn rows[-1].year",
        "from datetime import date\nimport operator\nrows = <start.items>\noperator.setitem(rows, 0, date.today())\n"
        "first = rows[0]\nreturn first.year",
        "from datetime import date\nrow = <start.options>\nrow |= {'when': date.today()}\n"
        "return <start.options>['when'].year",
        "class V:\n    def __radd__(self, other):\n        return self\n    def items(self):\n        return []\n"
        "return sum([V(), V()]).items()",
        "class V:\n    def __abs__(self):\n        return [1]\nreturn len(abs(V()))",
        'class R:\n    def lower(self):\n        return "Low"\nreturn R().lower() == "Low"',
        "n = 5\ndef f():\n    class K:\n        n += 1\n    return K.n\nreturn f()",
        "def bad():\n    count += 1\ncount = 0\ntry:\n    bad()\nexcept UnboundLocalError:\n    count = 1\n"
        "return count",
        'def bad():\n    n = 1\n    return "a" + n\ntry:\n    x = bad()\nexcept TypeError:\n    x = ""\nreturn x',
    ],
)
def test_correct_python_has_no_problem(code: str) -> None:
    assert code_problems(code, "python") == []
