"""SVG line plots."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Final

COLORS: Final = ("#2a6f97", "#e0a458", "#8d99ae", "#588157", "#bc4749", "#6d597a", "#1d3557", "#a98467")
WIDTH, HEIGHT, LEFT, TOP = 640, 260, 70, 50
LETTER = 6
Points = Sequence[tuple[float, float]]


def lines(title: str, x_name: str, series: Mapping[str, Points]) -> str:
    """Plot a line for each name. The y axis starts at zero; x is logarithmic if it spans more than a factor of ten."""
    xs = sorted({x for points in series.values() for x, _ in points})
    tallest = max((y for points in series.values() for _, y in points), default=0) or 1.0
    scale = math.log10 if xs and xs[0] > 0 and xs[-1] / xs[0] > 10 else float
    first, last = (scale(xs[0]), scale(xs[-1])) if xs else (0.0, 1.0)

    def at(x: float, y: float) -> tuple[float, float]:
        share = (scale(x) - first) / ((last - first) or 1)
        return LEFT + share * (WIDTH - LEFT - 20), TOP + HEIGHT * (1 - y / tallest)

    parts = [_title(title), *_legend(list(series)), *_axis(tallest)]
    for color, points in zip(itertools.cycle(COLORS), series.values(), strict=False):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (at(*point) for point in points))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="1.6"/>')
    ticks = xs if len(xs) <= 8 else [xs[0], xs[len(xs) // 2], xs[-1]]
    parts += [_text(at(x, 0)[0] - LETTER * len(f"{x:,g}") / 2, TOP + HEIGHT + 16, f"{x:,g}") for x in ticks]
    parts.append(_text(LEFT, TOP + HEIGHT + 32, x_name))
    return _svg(parts, WIDTH)


def _axis(tallest: float) -> Iterator[str]:
    for share in (0, 0.5, 1):
        y = TOP + HEIGHT * (1 - share)
        yield f'<line x1="{LEFT}" x2="{WIDTH - 20}" y1="{y}" y2="{y}" stroke="#ddd"/>'
        value = tallest * share
        yield _text(4, y + 4, f"{value:,.0f}" if value >= 100 else f"{value:,.3g}")


def _legend(names: Sequence[str]) -> Iterator[str]:
    left = float(LEFT)
    for color, name in zip(itertools.cycle(COLORS), names, strict=False):
        yield f'<rect x="{left:.0f}" y="24" width="10" height="10" fill="{color}"/>'
        yield _text(left + 14, 33, name)
        left += 26 + LETTER * len(name)


def _title(text: str) -> str:
    return f'<text x="{LEFT}" y="14" font-weight="bold">{escape(text)}</text>'


def _text(left: float, top: float, text: str) -> str:
    return f'<text x="{left:.1f}" y="{top:.1f}">{escape(text)}</text>'


def _svg(parts: Sequence[str], width: float) -> str:
    size = f'width="{width}" height="{TOP + HEIGHT + 40}"'
    style = 'font-family="sans-serif" font-size="11"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n' + "\n".join(parts) + "\n</svg>\n"
