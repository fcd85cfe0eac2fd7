"""The routes of the page: its files, read once, with headers by which a browser loads nothing from anywhere else; and
which models it may ask.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from ...net import Net
from ..service import service_of

__all__ = ["routes"]

FOLDER = Path(__file__).parent
INDEX = "index.html"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

# Images that a person chose are shown from memory (blob:), PNGs of activations as they came (data:).
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' blob: data:",
    "connect-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}
HEADERS = {
    "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in POLICY.items()),
    "Permissions-Policy": "camera=(self), microphone=(), geolocation=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # asked for anew each time, and answered by 304 where the ETag is the same
}


class File(NamedTuple):
    """A file of the page: what it holds, of which type, and a name for this version of it."""

    content: bytes
    media_type: str
    etag: str


def routes() -> list[Route]:
    """Make the routes ``/``, ``/page/NAME`` and ``/models``.

    Files are read here, and held: none is opened for a request.
    """
    files = _read()
    endpoints = {"/": _handing_out({"": files[INDEX]}), "/page/{name}": _handing_out(files), "/models": models}
    return [Route(path, endpoint, include_in_schema=False) for path, endpoint in endpoints.items()]


async def models(request: Request) -> Response:
    """List what can be asked: models that classify pictures, and the most bytes of one."""
    service = service_of(request)
    found = [
        {"name": name, "shape": list(net.input_shape), "digits": _is_of_digits(net)}
        for name, net in service.models.items()
        if net.graph.preprocessing is not None and len(net.output_shape) == 1
    ]
    return JSONResponse({"models": found, "max_body": service.settings.max_body}, headers={"Cache-Control": "no-store"})


def _is_of_digits(net: Net) -> bool:
    """Tell whether every class is a digit: the page then asks to draw one."""
    return net.labels is not None and all(len(label) == 1 and label in "0123456789" for label in net.labels)


def _read() -> dict[str, File]:
    """Read every file of the folder that is of the page, by name."""
    found = {}
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in TYPES:
            content = path.read_bytes()
            etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
            found[path.name] = File(content, TYPES[path.suffix], etag)
    return found


def _handing_out(files: Mapping[str, File]) -> Callable[[Request], Awaitable[Response]]:
    """Make an endpoint that answers with the file of the name in the path, 304 where the browser has it, or 404."""

    async def page(request: Request) -> Response:  # by this name in the figures
        file = files.get(request.path_params.get("name", ""))
        if file is None:
            return PlainTextResponse("expected a file of the page, found none of that name", 404, headers=HEADERS)
        headers = {**HEADERS, "ETag": file.etag}
        known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
        if file.etag in known:
            return Response(status_code=304, headers=headers)
        return Response(file.content, headers=headers, media_type=file.media_type)

    return page
