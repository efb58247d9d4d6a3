"""Write the gateway's OpenAPI document, from which the console's client types are generated."""

import sys
from base64 import b64encode
from pathlib import Path

import msgspec
from pydantic import SecretStr

from gateway.bootstrap import build
from gateway.settings import GatewaySettings

UNUSED_STORE = "mongodb://127.0.0.1:1"
UNUSED_KEY = f"none:{b64encode(bytes(32)).decode()}"


def main() -> None:
    """Build the application without starting it, and write its OpenAPI document."""
    settings = GatewaySettings(amqp_url="memory://openapi", mongodb_uri=UNUSED_STORE, ticket_keys=SecretStr(UNUSED_KEY))
    Path(sys.argv[1]).write_bytes(msgspec.json.encode(build(settings).openapi()))


if __name__ == "__main__":
    main()
