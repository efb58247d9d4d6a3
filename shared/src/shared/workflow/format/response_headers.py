"""Headers that Response blocks cannot set."""

import re
from typing import Final

CONTROLLED_HEADERS: Final = re.compile(
    r"access-control-.*|content-security-policy.*|cross-origin-.*|proxy-.*|sec-.*"
    r"|(x-)?ratelimit(-.*)?|x-accel-.*|x-(lighttpd-send-file|sendfile|reproxy-url)"
    r"|set-cookie2?|connection|keep-alive|te|trailer|transfer-encoding|upgrade"
    r"|content-length|content-encoding|date|server|x-request-id|x-execution-id|x-run-id|idempotent-replayed"
    r"|x-content-type-options"
    r"|clear-site-data|strict-transport-security|alt-svc|nel|report-to|reporting-endpoints|service-worker-allowed"
    r"|accept-ch|critical-ch|origin-trial|set-login"
)
"""Headers that the server controls, that affect more than this response, or that proxies act on."""
