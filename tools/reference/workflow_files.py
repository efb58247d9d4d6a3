"""docs/workflow-files.md and docs/workflow.schema.json, from the catalog."""

from collections.abc import Iterator
from typing import Final

import msgspec

from shared.workflow.catalog import BlockSpec, Catalog, SubBlockSpec
from shared.workflow.catalog.agents import PII_TYPES
from shared.workflow.files.names import BLOCK_KEYS, BRANCHING, TYPE_ALIASES
from shared.workflow.files.schema import file_schema
from shared.workflow.format.models import Block

_HEAD: Final = """# Workflow files

How to write a workflow as a YAML file, check it, and deploy it. `make docs` generates this page from the catalog of
block types; do not edit it. JSON exports of Sim and of Flowport are accepted everywhere, too, and so are the keys of
this page in JSON or in YAML's flow style, `{name: Support, blocks: …}`.

```sh
flowport init support.yaml --template branches       # agent, branches or approval
flowport dev support.yaml --once -f message="Hello"  # checks and runs the file; without --once, on every save
flowport validate support.yaml                       # mistakes that a check without a run finds
flowport fmt support.yaml                            # one canonical form; comments stay
flowport deploy support.yaml
flowport export Support --output support.yaml        # the draft as a file; --no-layout without ids and positions
```

A server converts between the two forms: deploy the YAML file, and export the workflow as `support.json`, or import
JSON and export YAML. `init`, `validate` and `fmt` need no server.

A YAML file has at most 500,000 bytes and 60,000 values, nested 100 levels deep, and no tags, anchors or aliases.

`fmt` orders the keys of a block: `type`, `name`, `id`, `enabled` and `inputs`; its settings as [listed](#settings)
below; then `branches`, `start`, `next`, `on_error`, `retry`, `settings`, `layout` and `blocks`.

## Example

```yaml
name: Route support
description: Sorts a message and answers it.

blocks:
  Start:
    type: start
    inputs:
      message: string
      amount: {type: number, default: 0, description: Amount of the order.}

  Classify:
    type: function
    code: |
      return { urgent: <start.amount> > 1000 || /down/i.test(<start.message>) };

  Check:
    type: condition
    branches:
      - if: <classify.result.urgent>
        next: Escalate
      - else: Answer

  Escalate:
    type: response
    data: {queue: on-call}
    status: 202

  Answer:
    type: agent
    messages:
      - system: Answer the customer in one sentence.
      - user: <start.message>
    model: gpt-5-mini

  Reply:
    type: response
    data: {answer: <answer.content>}
```

To run it without a model provider, write `model: echo`: this built-in model repeats its input.
[Models](agents.md#models) lists the names of others.

| top-level key | |
|---|---|
| `name`, `description` | of the workflow. `deploy` creates the workflow of this name, or updates it. Default: the \
name of the file |
| `variables` | [workflow variables](#variables) |
| `blocks` | blocks by name |
| `edges` | optional list of all [connections](#connections) |
| `edgeIds` | ids of connections, in exported files. You can delete it: an id then follows from the draft, or from \
the blocks that the connection joins |

References use a block's name in lower case without spaces and dots; other characters stay. *Check order* is
`<checkorder.…>`, and *Page on-call* is `<pageon-call.…>` ([references](workflows.md#references)). No reference reaches
a name with `+`, `*`, `/`, `=`, `<`, `>` or `!`. `<start.tags.length>` is the length of a list, and a name without a
field, `<checkorder>`, an object of all outputs of the block.

`validate` runs nothing and asks no server: it does not know whether a secret, a workflow or a model exists there, what
a service or a model answers, or whether an expression does what you want. `deploy` also checks the secrets.
[Checks](checks.md) lists each check with an example.

Keep secrets out of files: store each with `flowport secrets set NAME`, and write `{{NAME}}`. `validate` warns of keys
of well-known services in URLs, parameters, headers, bodies, variables and settings such as `apiKey`.

## Connections

- **By order.** A block that no other block names follows the block above it. In the example, *Classify* follows
  *Start* and *Reply* follows *Answer*; *Escalate* and *Answer* follow *Check* only, because *Check* names them.
  Nothing follows a response or a branch by order, and a start block follows nothing.
- **`next`** names the following block, or a list of blocks that then run in parallel. `next: []` ends here.
- **`on_error`** names the block that runs if this one fails. Start blocks, loops, parallels and responses have none;
  give it to the blocks inside of a loop.
- **`branches`** of a condition: one `if`, any number of `else if`, and at most one `else`, each with `next`.
  `- else: Answer` is short for an `else` with `next`. If no branch applies, or it has no `next`, that path ends.
  Of a router (`router_v2`): a list of `route` (a title), `when` (what the model chooses by) and `next`. The model
  always chooses one, so the last may be for everything else:

  ```yaml
      - route: Other
        when: The message is about something else, such as praise.
        next: Answer
  ```

- **`edges`** at the top level lists all connections explicitly, `{from, handle, to}`. Nothing then follows by order,
  but a `next`, `on_error` or branch at a block still counts: write each connection in one place.
  Exports use it for graphs that the keys above cannot express. `handle` is `source`, `error`, or
  `condition-<id of the branch>`; give such branches an `id`.

Branches join at a block that each of them names. The result of the branch that did not run is empty:

```yaml
  Check:
    type: condition
    branches:
      - if: <start.amount> > 100
        next: Careful
      - else: Quick

  Careful:
    type: function
    code: return "We will call you."
    next: Reply

  Quick:
    type: function
    code: return "It is on its way."
    next: Reply          # needed, since Careful names Reply

  Reply:
    type: response
    data: {careful: <careful.result>, quick: <quick.result>}
```

The same applies to `on_error`: if it names the block below, that block follows only an error. Write `next` for the
block that follows a success.

## Loops and parallels

Blocks inside are under `blocks` of the loop, and connected in the same way. A block after the loop follows it when it
has ended. `start` names the first blocks inside, one or a list; default: those that follow no other. A file with
`edges` has no default: write `start` in each loop and parallel.

```yaml
  Each order:
    type: loop            # or parallel
    collection: <start.orders>
    blocks:
      Check:
        type: function
        code: return <loop.currentItem>.total > 100
```

| key | |
|---|---|
| `count` | number of iterations, or of parallel branches; default 5. A literal: for a number that a run knows, use a \
`collection`, or `while: <loop.index> < <start.n>` |
| `collection` | a list, or a reference to one, without an expression |
| `while`, `do_while` | loop: JavaScript expression, evaluated before or after each iteration |
| `batchSize` | parallel: branches at a time, 1 to 20 |

A loop has one of `count`, `collection`, `while` and `do_while`, a parallel one of `count` and `collection`.

Blocks inside read `<loop.index>` (or `<loop.iteration>`), counted from 0; over a collection also `<loop.currentItem>`
and the whole list, `<loop.items>`. In a parallel, write `<parallel.…>`; it has no `iteration`.

Blocks after it read `<eachorder.results>`: a list with one entry for each iteration or branch, which is itself a list
of outputs, one for each block that ran inside, in the order in which they ended. In the example,
`<eachorder.results>` is `[[{"result": true, "stdout": ""}], [{"result": false, "stdout": ""}]]`, and
`<eachorder.results[0][0].result>` is `true`. In a function, `<eachorder.results>.flat().map((each) => each.result)`
gives the results of all functions inside, and `<eachorder.results>.map((round) => round.at(-1).result)` only those of
the blocks that ended last.

A condition has an entry, too, and a block that it skips has none. If a condition inside leads to *Discount* or directly
to *Price*, the output of *Price* is `<eachorder.results[0][2]>` where *Discount* ran and `<eachorder.results[0][1]>`
where it did not; `.at(-1)`, in a function, reads both.

## Keys of every block

| key | |
|---|---|
| `type` | see [below](#settings); `start` is short for `start_trigger` |
| `enabled` | `false` leaves the block out. Blocks that only it leads to, also by order, do not run: connect them with \
`next` of the block before |
| `retry` | `{maxTries: 3, waitBetweenTriesMs: 1000}`: 2 to 5 attempts in total, at most 5000 ms apart. Not for \
start blocks, loops, parallels and human in the loop |
| `id` | default: the id of the draft's block with this name, or one that follows from the name |
| `layout` | `[x, y]` on the canvas, of loops and parallels with width and height. Default: the position of the \
draft's block with this name; new blocks are arranged so that branches show |
| `name` | display name, if it differs from the key |
| `settings` | settings as stored, without the short forms below; also for settings with the name of another key |
| `blockData`, `advancedMode`, `triggerMode`, `errorEnabled`, `horizontalHandles` | data of Sim's editor, in \
exported files |

## Variables

`variables` maps names to values. The type follows from the value; `{type: array, value: []}` states it. Blocks read
`<variable.total>`; a variables block assigns. It converts the value to the declared type, and fails if it does not
convert. The `type` of an entry counts only for a name that is not declared, and may be left out:

```yaml
variables:
  total: 0

blocks:
  Start:
    type: start
    inputs: {amount: number}

  Add:
    type: variables
    variables:
      - {variableName: total, type: number, value: <start.amount>}

  Reply:
    type: response
    data: {total: <variable.total>}
```

## Short forms

| setting | short form |
|---|---|
| `inputs` (`inputFormat`) | names mapped to a type (`string`, `number`, `boolean`, `object`, `array`, `file[]`) or \
to `{type, default, description, required}`. `required: true` refuses calls without the field |
| `messages` | a list of `system:`, `user:` and `assistant:`; a text is one user message |
| `headers`, `params` | names mapped to values |
| `data` of a response, `body` of a call | a mapping becomes JSON in which values are escaped. A value that is one \
reference keeps its type. `dataMode: json` is the default with `data` |
| `data` of a response that is no mapping | JSON, or one text: `data: Thank you, <start.name>!` |
| `responseFormat`, `inputMapping`, `arguments` | a mapping becomes JSON |

YAML is read as version 1.2: `yes`, `no` and dates are texts. Anchors, aliases and tags are refused. Quote a text that
begins with `{`, `[`, `@`, `!`, `&`, `*` or a quote, such as `"{{TOKEN}}"` or `"!<start.urgent>"`, and one that contains
`: ` or ` #`. Within braces and brackets, a comma or bracket ends a text: quote it there, too, as in
`{first: "<start.orders[0].total>", greeting: "Hello, <start.name>"}`. Write code after `|`: otherwise `: ` in it is an
error, as is a `{` at its start.

Code of a function or of a tool may be in a file of its own, where linters and editors work on it:
`code: {file: price.js}`. The path is relative to the workflow file and stays inside its folder; all such files have at
most 500,000 bytes. `flowport` sends the code with the workflow; a server reads no files.

## Structured output and tools

Without a `responseFormat`, `content` of an agent is a text, also if it looks like JSON or a number.

A `responseFormat` is a JSON schema: alone, with a name as `{name, schema}`, or in the form of OpenAI,
`{type: json_schema, json_schema: {name, schema}}`. The fields of the answer are then the outputs of the agent:
`<triage.urgent>`. The `schema` of a tool may also be `{name, description, parameters}` without `function`.
[Agents](agents.md#tools) describes the kinds of tools.

```yaml
name: Triage

blocks:
  Start:
    type: start
    inputs: {message: string}

  Triage:
    type: agent
    messages: "Sort this message: <start.message>"
    model: gpt-5-mini
    tools:
      - type: custom-tool
        title: count_words
        code: return text.split(/\\s+/).length
        schema:
          function:
            name: count_words
            description: Counts the words of a text.
            parameters:
              type: object
              properties: {text: {type: string}}
              required: [text]
      - type: mcp-server
        title: docs
        params: {serverUrl: "https://tools.example/mcp", serverName: docs}
    responseFormat:
      name: triage
      schema:
        type: object
        properties:
          urgent: {type: boolean}
          reason: {type: string}
        required: [urgent, reason]
        additionalProperties: false

  Reply:
    type: response
    data: {urgent: <triage.urgent>, reason: <triage.reason>}
```

Other settings that are lists:

| setting | entries |
|---|---|
| `metrics` of an evaluator | `{name, description, range: {min, max}}`; the scores are outputs by name \
in lower case, so write a name in one word: `<score.tone>` reads the metric `Tone` |
| `variables` of a variables block | `{variableName, type, value}`, as [above](#variables) |
| `builderData` of a human in the loop or a response | `{name, type, value}`, with the types of inputs, or \
`text`, `long-text`, `select`, `date` and `files`, whose values stay as they are. Nothing is entered there, so a \
`select` has no options |
| `piiEntityTypes` of guardrails | names such as `EMAIL_ADDRESS`, [listed below](#guardrails-block) |
| `piiCustomPatterns` of guardrails | `{name, pattern}`; the pattern is one of RE2, too |

The `regex` of guardrails is a pattern of RE2, without look-around and back references; `(?i)` at its start ignores
case.

## Editors

The [JSON Schema](workflow.schema.json) completes and checks files in editors. A server has it at
`/schemas/workflow.json`, including its plugins' block types; `flowport schema` prints it. In VS Code with the YAML
extension, begin a file with:

```yaml
# yaml-language-server: $schema=http://localhost:8080/schemas/workflow.json
```

## Settings

`*` marks required settings. [Blocks](blocks.md) lists all types on one page.
"""
_CONTAINERS: Final = ("loop", "parallel")
_ONE_WORKFLOW: Final = (
    "Write one of `workflowId` and `manualWorkflowId`: the id of the workflow, which `flowport workflows list` shows, "
    "not its name or file. Only blocks on the path of `on_error` read its `error`."
)
_NOTES: Final = {
    "agent": "`files` is a reference to files, such as `<start.documents>`, or a list of `{name, url}`; "
    "`attachmentFiles` holds files that were chosen in Sim's editor, in exported files.",
    "function": "A reference in code is a value: write `<start.name>` without quotes. In quotes it is JSON, so a text "
    "keeps quotes of its own ([references in code](functions.md#references-in-code)).",
    "api": "An answer outside 2xx fails the block: the run takes `on_error`, or ends. On the path of `on_error`, only "
    "`error` has a value, the reason, and `status` is empty; elsewhere `status` is from 200 to 299. A mapping as "
    "`body` is sent as a form if the header `Content-Type` is `application/x-www-form-urlencoded`. `method` may be "
    "in lower case; an answer to `HEAD` has no `data`.",
    "router_v2": "`selectedRoute` is the id of the chosen route, which ends with its number, such as `-route-1`, "
    "unless the route has an `id`; it is never the title.",
    "response": "The body is always JSON: a text, also one of HTML, XML or CSV, is sent as a JSON string, in quotes, "
    "whatever the header `Content-Type` says.",
    "guardrails": "A text that does not pass fails the block: the run takes `on_error`, or ends without one. So no "
    "condition on `passed` is needed: it is `true` in every block that follows a success. "
    "Only blocks on the path of `on_error` read its `error`. The names in `piiEntityTypes`: "
    f"{', '.join(f'`{each}`' for each in PII_TYPES)}.",
    "router": "An older form of `router_v2`, without branches: the model chooses one of the blocks in `next`.",
    "human_in_the_loop": "`inputs` are the fields of the form; later blocks read the answers, such as "
    "`<approval.approved>`. `notification` is refused: no notifications are sent.",
    "workflow": _ONE_WORKFLOW,
    "workflow_input": _ONE_WORKFLOW,
    "wait": "Longer than 5 minutes, it needs `async: true`, which suspends the run for up to 30 days.",
    "memory": "The conversation's ID is under `settings`, as in `settings: {id: order-<start.number>}`. `memories` is "
    "a list of messages, `[{role, content}]`; with `getAll` of conversations, `[{id, messages}]`.",
}


def workflow_files_page() -> str:
    """Return the page."""
    return "\n".join([_HEAD.rstrip("\n"), *_types()]) + "\n"


def workflow_schema() -> str:
    """Return the schema of files with the core block types."""
    return msgspec.json.format(msgspec.json.encode(file_schema(Catalog())), indent=1).decode() + "\n"


def _types() -> Iterator[str]:
    for spec in Catalog():
        yield f"\n### `{spec.type}` block\n"
        yield " ".join(_about(spec))
        if settings := _listed(spec):
            yield "\n| key | values |"
            yield "|---|---|"
            yield from (f"| {_key(setting)} | {_values(setting)} |" for setting in settings)
        if outputs := spec.declared_outputs(Block(id="", type=spec.type, name="")):
            yield f"\nOutputs: {', '.join(f'`{name}`' for name in outputs)}."


def _about(spec: BlockSpec) -> Iterator[str]:
    """Describe a block type in sentences."""
    yield f"{spec.description}."
    yield from (f"`type: {alias}` is short for it." for alias, kind in TYPE_ALIASES.items() if kind == spec.type)
    if spec.type in BRANCHING:
        yield "Its branches: [Connections](#connections)."
    if spec.type in _NOTES:
        yield _NOTES[spec.type]
    if spec.type in _CONTAINERS:
        yield "Its keys: [Loops and parallels](#loops-and-parallels)."


def _listed(spec: BlockSpec) -> list[SubBlockSpec]:
    return [setting for setting in spec.sub_blocks if setting.id not in BRANCHING.values()]


def _key(setting: SubBlockSpec) -> str:
    name = "inputs" if setting.id == "inputFormat" else setting.id
    shown = f"settings: {{{name}}}" if name in BLOCK_KEYS and name != "inputs" else name
    return f"`{shown}`{'*' if setting.required and setting.canonical_id is None else ''}"


def _values(setting: SubBlockSpec) -> str:
    parts = [setting.title]
    if literals := setting.options or setting.values:
        parts.append(", ".join(f"`{each}`" for each in literals))
    if setting.number is not None:
        parts.append(str(setting.number))
    if setting.type == "switch":
        parts.append("`true` or `false`")
    if setting.default is not None:
        instead = "; `json` if the block has `data`" if setting.id == "dataMode" else ""
        parts.append(f"default `{setting.default}`{instead}")
    if setting.condition is not None:
        words = ", ".join(f"`{each}`" for each in setting.condition.is_in if not isinstance(each, bool))
        parts.append(f"{'not ' if setting.condition.negated else ''}with `{setting.condition.field}` {words}".rstrip())
    return "; ".join(parts)
