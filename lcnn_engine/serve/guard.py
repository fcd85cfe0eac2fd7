"""Who is let in: by a token, and by the name that the server is called by.

A loopback server is not safe by its address alone: a page in a browser on this machine may give a name of its own the
address 127.0.0.1. Its requests then carry that name.
"""

from __future__ import annotations

import hmac

from starlette.datastructures import Headers
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from ..utils.messages import shown

__all__ = ["OPEN_PATHS", "Guard"]

# Without a token: probes; what says how to ask; and the page, which holds nothing and asks for the token itself.
OPEN_PATHS = ("/", "/docs", "/openapi.json", "/v2/health/live", "/v2/health/ready")
OPEN_FOLDER = "/page/"


class Guard:
    """Let those requests pass that may."""

    def __init__(self, app: ASGIApp, token: str | None, hosts: frozenset[str] | None) -> None:
        self._app = app
        self._expected = None if token is None else f"Bearer {token}".encode()
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> JSONResponse | None:
        headers = Headers(scope=scope)
        if self._hosts is not None and _name_of(headers.get("host", "")) not in self._hosts:
            known = ", ".join(sorted(self._hosts))
            found = shown(headers.get("host", ""))
            return JSONResponse({"error": f"expected a request to one of {known}, got one to {found}"}, 421)
        if self._expected is None or scope["path"] in OPEN_PATHS or scope["path"].startswith(OPEN_FOLDER):
            return None
        given = headers.get("authorization", "").encode("utf-8", "replace")
        if hmac.compare_digest(given, self._expected):  # takes as long wherever the two differ
            return None
        error = "expected the header Authorization: Bearer TOKEN with this server's token, got none or another"
        return JSONResponse({"error": error}, 401, {"WWW-Authenticate": "Bearer"})


def _name_of(host: str) -> str:
    """Give a ``Host`` without its port, in lower case: ``[::1]:8000`` is ``::1``."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].lower()
