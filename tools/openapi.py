"""Writes the gateway's OpenAPI document to the given file: the console's client is typed by it."""

import sys
from base64 import b64encode
from pathlib import Path

import msgspec
from pydantic import SecretStr

from gateway.bootstrap import build
from gateway.settings import GatewaySettings

NOWHERE = "mongodb://127.0.0.1:1"
NO_KEY = f"none:{b64encode(bytes(32)).decode()}"


def main() -> None:
    """Build the application, start nothing, write what it says about itself."""
    settings = GatewaySettings(amqp_url="memory://openapi", mongodb_uri=NOWHERE, ticket_keys=SecretStr(NO_KEY))
    Path(sys.argv[1]).write_bytes(msgspec.json.encode(build(settings).openapi()))


if __name__ == "__main__":
    main()
