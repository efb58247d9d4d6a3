"""Entry point of the `flowport` command. Its imports take half a second, during which Ctrl-C may arrive."""

import sys
from typing import Final

INTERRUPTED: Final = 130


def main() -> None:
    """Run the command. Ctrl-C exits with 130 and prints no traceback."""
    try:
        from shared.garbage_collection import no_collections  # noqa: PLC0415

        with no_collections():
            from flowport.main import main as run  # noqa: PLC0415

        run()
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
