"""Where the `flowport` command begins. What it needs takes half a second to import, and Ctrl-C may come before that."""

import sys
from typing import Final

INTERRUPTED: Final = 130


def main() -> None:
    """Run the command; whoever interrupts it sees no traceback."""
    try:
        from flowport.main import main as run  # noqa: PLC0415

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
