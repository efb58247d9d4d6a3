"""Cases of deploy/prometheus/tests, one by one."""

import re
from pathlib import Path
from typing import Any, Final

import yaml

CASES: Final = sorted((Path(__file__).parents[2] / "deploy/prometheus/tests").glob("*.yml"))
_RECORDED: Final = re.compile(r"\bflowport:[a-z_:0-9]+")
Rule = dict[str, Any]


def write_cases(folder: Path, alert: str = "") -> list[Path]:
    """Write each case of an alert, or of all, to a file with the rules that it depends on.

    promtool evaluates every rule of a file at each step of each case. With all rules, that takes five times as long.
    """
    files: list[Path] = []
    for source in CASES:
        suite = yaml.safe_load(source.read_text())
        groups = [
            group
            for name in suite["rule_files"]
            for group in yaml.safe_load((source.parent / name).read_text())["groups"]
        ]
        for case in suite["tests"]:
            tested = {each["alertname"] for each in case["alert_rule_test"]}
            if alert and alert not in tested:
                continue
            number = len(files)
            rules = [{**group, "rules": _needed(group["rules"], groups, tested)} for group in groups]
            rules = [group for group in rules if group["rules"]]
            order = [name for name in suite.get("group_eval_order", ()) if name in {each["name"] for each in rules}]
            content = {**suite, "rule_files": [f"rules-{number}.yml"], "group_eval_order": order, "tests": [case]}
            (folder / f"rules-{number}.yml").write_text(yaml.safe_dump({"groups": rules}))
            files.append(folder / f"case-{number}.yml")
            files[-1].write_text(yaml.safe_dump(content))
    return files


def _needed(rules: list[Rule], groups: list[dict[str, Any]], tested: set[str]) -> list[Rule]:
    """Return those `rules` that the tested alerts are, or depend on."""
    every = [rule for group in groups for rule in group["rules"]]
    expressions = [rule["expr"] for rule in every if rule.get("alert") in tested]
    recorded: set[str] = set()
    while expressions:
        named = set(_RECORDED.findall(expressions.pop())) - recorded
        recorded |= named
        expressions += [rule["expr"] for rule in every if rule.get("record") in named]
    return [rule for rule in rules if rule.get("alert") in tested or rule.get("record") in recorded]
