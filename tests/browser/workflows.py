"""Workflow files for tests of the console."""

import json
from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]


def block(key: str, kind: str, name: str, x: int, y: int, **more: Any) -> Json:
    """Return a block as Sim exports it, with the keys that only an editor reads."""
    return {
        "id": key,
        "type": kind,
        "name": name,
        "position": {"x": x, "y": y},
        "subBlocks": more.get("sub_blocks", {}),
        "outputs": {},
        "enabled": True,
        "horizontalHandles": True,
        "height": 95,
        "advancedMode": False,
        "triggerMode": False,
        "data": more.get("data", {}),
    }


def setting(key: str, control: str, value: Any) -> Json:
    """Return one entry of `subBlocks`."""
    return {key: {"id": key, "type": control, "value": value}}


def function(key: str, name: str, x: int, y: int, code: str, parent: str | None = None) -> Json:
    """Return a function block."""
    data = {"parentId": parent, "extent": "parent"} if parent else {}
    return block(key, "function", name, x, y, sub_blocks=setting("code", "code", code), data=data)


def file(name: str, blocks: list[Json], edges: list[tuple[str, str, str]]) -> Json:
    """Return an export; an edge is source, target, handle."""
    return {
        "version": "1.0",
        "exportedAt": "2026-08-21T00:00:00.000Z",
        "workflow": {"name": name, "description": ""},
        "state": {
            "blocks": {each["id"]: each for each in blocks},
            "edges": [
                {
                    "id": f"e{index}",
                    "source": source,
                    "target": target,
                    "sourceHandle": handle,
                    "targetHandle": "target",
                }
                for index, (source, target, handle) in enumerate(edges)
            ],
            "loops": {},
            "parallels": {},
            "variables": {},
            "metadata": {"name": name},
        },
    }


def answering(name: str, code: str) -> Json:
    """Return a workflow that answers with the result of `code`."""
    blocks = [block("start", "start_trigger", "Start", 0, 0), function("answer", "Answer", 330, 0, code)]
    return file(name, blocks, [("start", "answer", "source")])


def waiting(name: str, seconds: int) -> Json:
    """Return a workflow that takes a while and answers 'here'."""
    while_ = {**setting("timeValue", "short-input", str(seconds)), **setting("timeUnit", "dropdown", "seconds")}
    blocks = [
        block("start", "start_trigger", "Start", 0, 0),
        block("wait", "wait", "Wait", 330, 0, sub_blocks=while_),
        function("answer", "Answer", 660, 0, "return 'here';"),
    ]
    return file(name, blocks, [("start", "wait", "source"), ("wait", "answer", "source")])


def talking(name: str) -> Json:
    """Return a workflow that repeats its input word by word, with the built-in model."""
    messages = [{"role": "user", "content": "<start.input>"}]
    agent = {**setting("model", "combobox", "echo"), **setting("messages", "messages-input", messages)}
    blocks = [
        block("start", "start_trigger", "Start", 0, 0),
        block("agent", "agent", "Agent 1", 330, 0, sub_blocks=agent),
    ]
    return file(name, blocks, [("start", "agent", "source")])


VERDICT = ({"id": "f0", "name": "verdict", "type": "string", "value": ""},)


def asking(name: str, *, form: Sequence[Json] = VERDICT, code: str = "return <ask.verdict>;") -> Json:
    """Return a workflow that asks a person and returns the answer."""
    shown = [{"id": "d0", "name": "Draft", "type": "string", "value": "Tea for <start.input>"}]
    ask = {**setting("inputFormat", "input-format", list(form)), **setting("builderData", "response-format", shown)}
    blocks = [
        block("start", "start_trigger", "Start", 0, 0),
        block("ask", "human_in_the_loop", "Ask", 330, 0, sub_blocks=ask),
        function("answer", "Answer", 660, 0, code),
    ]
    return file(name, blocks, [("start", "ask", "source"), ("ask", "answer", "source")])


def long(name: str, blocks: int) -> Json:
    """Return a chain of twenty functions."""
    steps = [
        function(f"s{n}", f"Step {n}", 330 + 330 * (n % 20), 220 * (n // 20), f"return {n};") for n in range(blocks)
    ]
    edges = [(f"s{n}", f"s{n + 1}", "source") for n in range(blocks - 1)]
    start = block("start", "start_trigger", "Start", 0, 0)
    return file(name, [start, *steps], [("start", "s0", "source"), *edges])


def thirty(name: str) -> Json:
    """Return thirty blocks: branches, a loop, a loop in a parallel, an error port, a note."""
    fields = [{"id": "f0", "name": "items", "type": "array", "value": "[1,2,3]"}]
    conditions = [
        {"id": "cond-if", "title": "if", "value": "<prepare.result>.length > 2"},
        {"id": "cond-else", "title": "else", "value": ""},
    ]
    each = {"width": 1200, "height": 330, "loopType": "forEach", "count": 5, "collection": "<prepare.result>"}
    fan = {"width": 1400, "height": 500, "parallelType": "count", "count": 3, "type": "subflowNode"}
    inner = {"parentId": "fan", "extent": "parent", "width": 850, "height": 320, "loopType": "for", "count": 2}
    headers = [{"id": "r1", "cells": {"Key": "Accept", "Value": "application/json"}}]
    call = {**setting("url", "short-input", "https://example.com"), **setting("method", "dropdown", "GET")}
    blocks = [
        block("start", "start_trigger", "Start", 0, 200, sub_blocks=setting("inputFormat", "input-format", fields)),
        function("prepare", "Prepare", 330, 200, "return <start.items>.map(x => x * 2);"),
        block(
            "cond",
            "condition",
            "Enough?",
            660,
            200,
            sub_blocks=setting("conditions", "condition-input", json.dumps(conditions)),
        ),
        block("each", "loop", "Each Item", 1000, 0, data=each),
        *(function(f"s{n}", f"Step {n + 1}", 150 + n * 330, 90, f"return {n};", "each") for n in range(3)),
        block("fan", "parallel", "Fan Out", 1000, 420, data=fan),
        function("branch", "Branch", 150, 90, "return <parallel.index>;", "fan"),
        block("inner", "loop", "Inner Loop", 480, 90, data=inner),
        *(function(f"i{n}", f"Inner {n + 1}", 150 + n * 330, 90, f"return {n};", "inner") for n in range(2)),
        block("look", "api", "Look Up", 1000, 1000, sub_blocks={**call, **setting("headers", "table", headers)}),
        function("fallback", "Fallback", 1330, 1150, "return 'none';"),
        function("join", "Join", 2600, 500, "return 'joined';"),
        *(
            function(f"t{n}", f"Tail {n + 1}", 2930 + 330 * (n % 6), 400 + 220 * (n // 6), f"return {n};")
            for n in range(13)
        ),
        block(
            "end",
            "response",
            "Response 1",
            5000,
            900,
            sub_blocks=setting("data", "code", '{"last": "<tail13.result>"}'),
        ),
        block("note", "note", "Note 1", 0, -120, sub_blocks=setting("content", "long-input", "Thirty blocks.")),
    ]
    edges = [
        ("start", "prepare", "source"),
        ("prepare", "cond", "source"),
        ("cond", "each", "condition-cond-if"),
        ("each", "s0", "loop-start-source"),
        ("s0", "s1", "source"),
        ("s1", "s2", "source"),
        ("cond", "fan", "condition-cond-else"),
        ("fan", "branch", "parallel-start-source"),
        ("branch", "inner", "source"),
        ("inner", "i0", "loop-start-source"),
        ("i0", "i1", "source"),
        ("cond", "look", "condition-cond-else"),
        ("look", "fallback", "error"),
        *((source, "join", handle) for source, handle in JOINED),
        ("join", "t0", "source"),
        *((f"t{n}", f"t{n + 1}", "source") for n in range(12)),
        ("t12", "end", "source"),
    ]
    return file(name, blocks, edges)


JOINED = (("each", "loop-end-source"), ("fan", "parallel-end-source"), ("look", "source"), ("fallback", "source"))
