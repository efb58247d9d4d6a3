"""A flame graph as a small SVG, from stacks as py-spy counts them: `main;serve;run 42`."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Final

WIDTH, ROW, TOP = 1200.0, 15, 24
NARROW: Final = 0.004
"""Frames that take less than this share are left out."""
LETTER: Final = 6.2
COLOURS: Final = {"gateway": "#2a6f97", "executor_service": "#588157", "jobs_service": "#6d597a", "shared": "#e0a458"}
OTHERS: Final = "#b9c0ca"


@dataclass
class Frame:
    """A function, how often it was on the stack here, and what it called."""

    name: str
    samples: int = 0
    called: dict[str, "Frame"] = field(default_factory=dict)

    def add(self, stack: Iterable[str], samples: int) -> None:
        """Count one line of py-spy's."""
        frame = self
        frame.samples += samples
        for name in stack:
            frame = frame.called.setdefault(name, Frame(name))
            frame.samples += samples


def flame_graph(title: str, folded: str) -> str:
    """The SVG; a tooltip says how large each frame's share is."""
    root = Frame("all")
    for line in folded.splitlines():
        stack, _, samples = line.rpartition(" ")
        root.add(stack.split(";"), int(samples))
    boxes = list(_boxes(root, root.samples or 1, 0.0, 0))
    height = TOP + ROW * (1 + max((depth for *_, depth in boxes), default=0))
    head = f'<text x="4" y="15" font-weight="bold">{escape(title)}: {root.samples} samples</text>'
    size = f'viewBox="0 0 {WIDTH:.0f} {height}" width="{WIDTH:.0f}" height="{height}"'
    parts = "\n".join(_drawn(*box, of=root.samples) for box in boxes)
    style = 'font-family="monospace" font-size="10"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n{head}\n{parts}\n</svg>\n'


def _boxes(frame: Frame, total: int, left: float, depth: int) -> Iterator[tuple[Frame, float, int]]:
    for each in sorted(frame.called.values(), key=lambda called: called.name):
        if each.samples / total >= NARROW:
            yield each, left, depth
            yield from _boxes(each, total, left, depth + 1)
        left += each.samples / total * WIDTH


def _drawn(frame: Frame, left: float, depth: int, *, of: int) -> str:
    width, top = frame.samples / of * WIDTH, TOP + depth * ROW
    place = f'x="{left:.1f}" y="{top}" width="{width:.1f}" height="{ROW - 1}"'
    tip = f"<title>{escape(frame.name)} {frame.samples / of:.1%}</title>"
    text = escape(frame.name[: int(width / LETTER)]) if width > 5 * LETTER else ""
    label = f'<text x="{left + 2:.1f}" y="{top + 11}">{text}</text>' if text else ""
    return f'<g>{tip}<rect {place} fill="{_colour(frame.name)}"/>{label}</g>'


def _colour(name: str) -> str:
    return next((colour for package, colour in COLOURS.items() if f"({package}/" in name), OTHERS)
