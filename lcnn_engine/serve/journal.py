"""A line of JSON on the standard error for every request and every event, and the figures that go with it.

A line holds no content: neither a picture nor an answer, nor what a query or a header says.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # ``running`` writes lines before it imports what needs the extra
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from .metrics import Metrics

__all__ = ["Journal", "event", "set_up_logs"]

LOGGER = logging.getLogger("lcnn.serve")
REQUESTS = logging.getLogger("lcnn.serve.requests")  # its lines go where those of the one above go
LONGEST_PATH = 200  # characters


class Journal:
    """Write down every request of the application within."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        status, sent = 500, 0
        self._metrics.opened()

        async def counted(message: Message) -> None:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
            else:
                sent += len(message.get("body", b""))
            await send(message)

        try:
            await self._app(scope, receive, counted)
        finally:
            self._write(scope, status, sent, time.perf_counter() - start)

    def _write(self, scope: Scope, status: int, sent: int, seconds: float) -> None:
        handler = getattr(scope.get("endpoint"), "__name__", "none")
        self._metrics.answered(handler, scope["method"], status, seconds)
        if REQUESTS.isEnabledFor(logging.INFO):
            client = scope.get("client")
            event(
                "request", logger=REQUESTS, client=client[0] if client else None, method=scope["method"],
                path=scope["path"][:LONGEST_PATH], status=status, bytes=sent, milliseconds=round(1000 * seconds, 3),
            )  # fmt: skip


def event(
    what: str, *, level: int = logging.INFO, logger: logging.Logger = LOGGER, error: BaseException | None = None,
    **facts: Any,
) -> None:  # fmt: skip
    """Write a line: ``what`` happened, the facts of it, and an error with its traceback."""
    logger.log(level, what, extra={"facts": facts}, exc_info=error)


class _Lines(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
            "process": record.process,
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line)


def set_up_logs(requests: bool = True) -> None:
    """Send this room's events and uvicorn's to the standard error as lines of JSON; ``requests``: one for each, too."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Lines())
    for logger in (LOGGER, logging.getLogger("uvicorn.error")):
        logger.handlers, logger.propagate = [handler], False
    LOGGER.setLevel(logging.INFO)
    REQUESTS.setLevel(logging.INFO if requests else logging.WARNING)
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)  # of starts and ends our own lines tell
