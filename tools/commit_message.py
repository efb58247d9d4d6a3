"""Check a commit message against the rules of CONTRIBUTING.md: `python -m tools.commit_message FILE`."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

TYPES: Final = ("build", "chore", "ci", "docs", "feat", "fix", "perf", "refactor", "revert", "style", "test")
LONGEST_SUBJECT: Final = 72
_SUBJECT: Final = re.compile(rf"(?:{'|'.join(TYPES)})(?:\([a-z0-9-]+(?:,[a-z0-9-]+)*\))?!?: \S.*")
_BY_GIT: Final = re.compile(r"(?:Merge|Revert) |(?:fixup|squash|amend)! ")
_SCISSORS: Final = "# ------------------------ >8"


def find_problems(message: str) -> Iterator[str]:
    """Yield a sentence for each rule that the message breaks. Comment lines of git are ignored."""
    text = message.partition(_SCISSORS)[0]
    subject, *rest = [line for line in text.splitlines() if not line.startswith("#")] or [""]
    if _BY_GIT.match(subject):
        return
    if not _SUBJECT.fullmatch(subject):
        yield f"The subject is not like `fix(gateway): reject empty names`. Types: {', '.join(TYPES)}."
    if len(subject) > LONGEST_SUBJECT:
        yield f"The subject has {len(subject)} characters, the limit is {LONGEST_SUBJECT}."
    if subject.endswith("."):
        yield "The subject ends with a period."
    if rest and rest[0].strip():
        yield "The line after the subject is not empty."


def main() -> None:
    """Check the file that git passes."""
    (file,) = sys.argv[1:]
    problems = list(find_problems(Path(file).read_text(encoding="utf-8")))
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
