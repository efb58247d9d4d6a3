"""Writes the gateway's OpenAPI document to the given file: the console's client is typed by it."""

import sys
from pathlib import Path

import msgspec

from gateway.bootstrap import build
from gateway.settings import GatewaySettings

NOWHERE = "mongodb://127.0.0.1:1"


def main() -> None:
    """Build the application, start nothing, write what it says about itself."""
    settings = GatewaySettings(amqp_url="memory://openapi", mongodb_uri=NOWHERE)
    Path(sys.argv[1]).write_bytes(msgspec.json.encode(build(settings).openapi()))


if __name__ == "__main__":
    main()
