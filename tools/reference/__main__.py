"""`python -m tools.reference` writes the pages; `--check` lists stale ones."""

import sys

from tools.reference.pages import find_stale, write


def main() -> int:
    """Write or check the pages. Return 1 if a page is stale."""
    if "--check" not in sys.argv[1:]:
        write()
        return 0
    old = find_stale()
    for page in old:
        sys.stderr.write(f"{page} is stale: run `make docs`\n")
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
