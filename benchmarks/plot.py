"""Runs per second of the system and its baselines, by callers, as an SVG of grouped bars."""

from collections.abc import Mapping
from html import escape
from typing import Final

from benchmarks.results import Results
from benchmarks.stand import BARE, TASK_QUEUE, WEB

SHOWN: Final[Mapping[str, str]] = {
    WEB: "#c9ced6",
    BARE: "#8d99ae",
    TASK_QUEUE: "#e0a458",
    "sync no-op": "#2a6f97",
}
HEIGHT: Final = 260
BAR: Final = 34
GAP: Final = 40
TOP: Final = 50
LEFT: Final = 20


def bars(results: Results) -> str:
    """The plot."""
    groups = {callers: _group(results, callers) for callers in _callers(results)}
    tallest = max((value for group in groups.values() for value in group.values()), default=1.0)
    width = LEFT * 2 + len(groups) * (len(SHOWN) * BAR + GAP)
    parts = [_legend()]
    for place, (callers, group) in enumerate(groups.items()):
        left = LEFT + place * (len(SHOWN) * BAR + GAP)
        parts += [_bar(left + number * BAR, group[name] / tallest, group[name], SHOWN[name])
                  for number, name in enumerate(SHOWN) if name in group]  # fmt: skip
        parts.append(_text(left, TOP + HEIGHT + 18, f"{callers} callers"))
    size = f'width="{max(width, 560)}" height="{TOP + HEIGHT + 30}"'
    style = 'font-family="sans-serif" font-size="11"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n' + "\n".join(parts) + "\n</svg>\n"


def _callers(results: Results) -> list[int]:
    prefix = f"{BARE}, "
    names = [name.removeprefix(prefix) for name in results.scenarios if name.startswith(prefix)]
    return sorted(int(name.split()[0]) for name in names if name.endswith("callers"))


def _group(results: Results, callers: int) -> dict[str, float]:
    found = {name: results.scenarios.get(f"{name}, {callers} callers") for name in SHOWN}
    return {name: scenario.figures["per_second"].median for name, scenario in found.items() if scenario}


def _bar(left: float, share: float, value: float, colour: str) -> str:
    height = share * HEIGHT
    top = TOP + HEIGHT - height
    rectangle = f'<rect x="{left}" y="{top:.1f}" width="{BAR - 4}" height="{height:.1f}" fill="{colour}"/>'
    return rectangle + _text(left, top - 4, f"{value:,.0f}")


def _legend() -> str:
    marks = []
    for number, (name, colour) in enumerate(SHOWN.items()):
        left = LEFT + number * 130
        marks.append(f'<rect x="{left}" y="10" width="10" height="10" fill="{colour}"/>' + _text(left + 14, 19, name))
    return "\n".join(marks) + _text(LEFT, 38, "runs per second")


def _text(left: float, top: float, text: str) -> str:
    return f'<text x="{left}" y="{top:.1f}">{escape(text)}</text>'
