"""`python -m tools.reference` writes the pages; with `--check` it only says which are stale."""

import sys

from tools.reference.pages import stale, write


def main() -> int:
    """0 when every page is as the code says."""
    if "--check" not in sys.argv[1:]:
        write()
        return 0
    old = stale()
    for page in old:
        sys.stderr.write(f"{page} is stale: run `make docs`\n")
    return 1 if old else 0


if __name__ == "__main__":
    sys.exit(main())
