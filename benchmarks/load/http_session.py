"""HTTP from this process, for loads whose answers are read: aiohttp costs a fraction of httpx per request."""

import aiohttp

TIMEOUT = aiohttp.ClientTimeout(total=60)


def session(connections: int) -> aiohttp.ClientSession:
    """A client with at most so many connections at once."""
    return aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections), timeout=TIMEOUT)
