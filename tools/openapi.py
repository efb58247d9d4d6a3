"""Write the gateway's OpenAPI document, from which the console's client types are generated."""

import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

import msgspec
from pydantic import SecretStr

from gateway.app import build
from gateway.settings import GatewaySettings

UNUSED_STORE = "mongodb://127.0.0.1:1"
UNUSED_KEY = f"none:{b64encode(bytes(32)).decode()}"


def openapi_document() -> dict[str, Any]:
    """Return the OpenAPI document of the application, which is built but not started."""
    settings = GatewaySettings(amqp_url="memory://openapi", mongodb_uri=UNUSED_STORE, ticket_keys=SecretStr(UNUSED_KEY))
    return build(settings).openapi()


def main() -> None:
    """Write the document to the file that the first argument names."""
    Path(sys.argv[1]).write_bytes(msgspec.json.encode(openapi_document()))


if __name__ == "__main__":
    main()
