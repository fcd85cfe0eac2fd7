"""The application: routes, what stands before them, and errors as JSON."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from ..errors import InputError, SettingError
from ..net import Net
from ..utils.messages import shown
from . import classify, inference, metrics, openapi, page
from .bodies import Bodies
from .guard import Guard
from .journal import Journal
from .metrics import Metrics
from .service import Service
from .settings import Settings
from .workers import Workers

__all__ = ["create_app"]

CLOSED_REQUEST = 499  # nobody reads it; it is for the journal


def create_app(models: Mapping[str, Net], settings: Settings | None = None) -> Starlette:
    """Make an application that serves ``models`` by their names here; the first is the default of ``/classify``.

    Load them with ``threads=1``: a request is computed on one core, several at once on ``settings.threads``. Raises
    SettingError where there is none.
    """
    if not models:
        raise SettingError("expected at least one model to serve, got none")
    settings = settings or Settings()
    workers = Workers(settings.threads, settings.queue)
    books = Metrics()
    service = Service(dict(models), settings, workers, Bodies(settings.max_body, settings.max_bodies), books)

    @asynccontextmanager
    async def until_the_end(_: Starlette) -> AsyncIterator[None]:
        yield
        workers.shut_down()

    app = Starlette(
        routes=[*classify.routes(), *inference.routes(), *metrics.routes(books), *openapi.routes(), *page.routes()],
        middleware=[
            Middleware(Journal, metrics=books),
            Middleware(Guard, token=settings.token, hosts=settings.hosts),
        ],
        exception_handlers={
            HTTPException: _of_http,
            InputError: _of_input,
            ClientDisconnect: _of_nobody,
            MemoryError: _of_memory,
            Exception: _of_anything,
        },
        lifespan=until_the_end,
    )
    app.router.redirect_slashes = False  # to an address made of what the client says of the server's name
    app.state.service = service
    return app


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    detail = error.detail
    if error.status_code == 405 and error.headers:
        allowed = ", ".join(sorted(error.headers["Allow"].split(", ")))
        detail = f"expected {allowed}, got {shown(request.method)}"
    elif detail == HTTPStatus.NOT_FOUND.phrase:
        detail = f"expected a path that /docs lists, got {shown(request.url.path)}"
    return JSONResponse({"error": detail}, error.status_code, error.headers)


async def _of_input(_: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


async def _of_nobody(_: Request, __: Exception) -> Response:
    return Response(status_code=CLOSED_REQUEST)


async def _of_memory(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": "expected memory for this request, found none; send less at once"}, 503)


async def _of_anything(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": "expected an answer, found a fault of this server; its log says more"}, 500)
