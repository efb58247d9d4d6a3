"""Parser for deploy/Dockerfile: the subset of the language that it uses."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCKERFILE: Final = ROOT / "deploy/Dockerfile"


@dataclass
class Stage:
    """One stage: its base, and its instructions in order."""

    name: str
    base: str
    steps: list[tuple[str, str]] = field(default_factory=list)

    def last(self, instruction: str) -> str:
        """Return the argument of the last instruction of this kind, or an empty text."""
        return next((argument for name, argument in reversed(self.steps) if name == instruction), "")


def stages() -> dict[str, Stage]:
    """Return every stage by name, in order."""
    found: dict[str, Stage] = {}
    current = Stage("", "")
    for line in re.sub(r"\\\n", " ", DOCKERFILE.read_text()).splitlines():
        if not line.strip() or line.startswith("#"):
            continue
        instruction, _, argument = line.partition(" ")
        if instruction == "FROM":
            base, _, name = argument.split()
            current = found[name] = Stage(name, base)
        else:
            current.steps.append((instruction, argument.strip()))
    return found


def lineage(name: str) -> list[Stage]:
    """Return the stages that `name` is built on, itself first."""
    known, found = stages(), []
    while name in known:
        found.append(known[name])
        name = known[name].base
    return found
