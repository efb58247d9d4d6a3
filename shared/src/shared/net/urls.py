"""URLs of workflows, parsed once, so that the checked URL is the one called."""

import ipaddress
import re
from base64 import b64encode
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote_to_bytes, urljoin

from shared.net.errors import BlockedAddress
from shared.net.hosts import Host, read_host

NOT_A_URL: Final = "url must be a valid URL"
NOT_HTTPS: Final = "url must use https:// protocol"
DEFAULT_PORTS: Final = {"https": 443, "http": 80}
LONGEST_URL: Final = 64 * 1024

_SCHEME: Final = re.compile(r"([a-z][a-z0-9+.-]*):", re.IGNORECASE)
_REST: Final = re.compile(r"//(?P<authority>[^/?#\\]+)(?P<path>/[^?#]*)?(?P<query>\?[^#]*)?(#.*)?")
_AUTHORITY: Final = re.compile(r"(?:(?P<user>.*)@)?(?P<host>\[[^\]@]*\]|[^:@\[\]]+)(?::(?P<port>[0-9]{0,5}))?")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")
_VISIBLE: Final = "".join(chr(code) for code in range(0x21, 0x7F))
_SAFE_IN_PATH: Final = "".join(sorted(set(_VISIBLE) - set('"#<>?`{}')))
_SAFE_IN_QUERY: Final = "".join(sorted(set(_VISIBLE) - set("\"#<>'")))
_HIGHEST_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class Target:
    """Target of a request. `resource` is path and query in ASCII, `authorization` comes from user and password."""

    scheme: str
    host: Host
    port: int
    resource: str
    authorization: str | None = None

    @property
    def origin(self) -> tuple[str, Host, int]:
        """Return the origin: URLs that share it may receive the same secrets."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Return the host and any non-default port."""
        host = f"[{self.host}]" if isinstance(self.host, ipaddress.IPv6Address) else str(self.host)
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.resource}"


def read_target(url: str) -> Target:
    """Return the target of `url`. Raises BlockedAddress."""
    try:
        return _read(url.strip())
    except ValueError as error:
        raise BlockedAddress(NOT_A_URL) from error


def read_redirect(target: Target, location: str) -> Target:
    """Return the target of a redirect from `target`. Raises BlockedAddress."""
    try:
        joined = urljoin(str(target), location.strip())
    except ValueError as error:
        raise BlockedAddress(NOT_A_URL) from error
    return read_target(joined)


def _read(url: str) -> Target:
    scheme_found = _SCHEME.match(url)
    if scheme_found is None or len(url) > LONGEST_URL or _CONTROL.search(url):
        raise ValueError("no URL")
    scheme = scheme_found[1].lower()
    if scheme not in DEFAULT_PORTS:
        raise BlockedAddress(NOT_HTTPS)
    rest = _REST.fullmatch(url, scheme_found.end())
    authority = _AUTHORITY.fullmatch(rest["authority"]) if rest else None
    if rest is None or authority is None:
        raise ValueError("no host")
    port = int(authority["port"] or DEFAULT_PORTS[scheme])
    if not 0 < port <= _HIGHEST_PORT:
        raise ValueError("no port")
    path = quote(rest["path"] or "/", safe=_SAFE_IN_PATH)
    query = quote(rest["query"] or "", safe=_SAFE_IN_QUERY)
    return Target(scheme, read_host(authority["host"]), port, path + query, _basic(authority["user"]))


def _basic(user: str | None) -> str | None:
    if not user:
        return None
    name, _, password = user.partition(":")
    return "Basic " + b64encode(unquote_to_bytes(name) + b":" + unquote_to_bytes(password)).decode("ascii")
