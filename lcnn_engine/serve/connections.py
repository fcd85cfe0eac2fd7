"""Connections as uvicorn keeps them, with an end to what is slow or too many.

uvicorn waits for ever for a head, for a body, and for a client to take its answer, and its faster parser takes heads of
any length. Here each has a time, and a head a length. And a body passes through five buffers there on its way to the
application, some 64 KiB at a time; here a large one is received where it stays.
"""

from __future__ import annotations

import asyncio
import json
import weakref
from functools import partial
from http import HTTPStatus
from typing import Any

import numpy as np
from httptools import HttpRequestParser
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from .bodies import Bodies
from .settings import Limits

__all__ = ["limited"]

READ = 2**14  # bytes of heads, and bodies that are not large, at once
LARGE = 2**16  # bytes of a body that is received where it stays
ALIGNMENT = 16
JSON_LENGTH = b"inference-header-content-length"

MOST_PIPELINED = 16  # requests of one connection that wait for the one before them


def limited(limits: Limits, bodies: Bodies) -> type[HttpToolsProtocol]:
    """Make the class of connections that uvicorn is given (``Config(http=...)``); ``bodies`` are the application's."""
    return type("LimitedProtocol", (_Limited,), {"limits": limits, "bodies": bodies})


class _Room:
    """The memory of one body, until the application takes it.

    The bytes lie so that binary data behind JSON are aligned. Raises MemoryError where there is none.
    """

    def __init__(self, length: int, json_length: int) -> None:
        start = -json_length % ALIGNMENT
        self.length = length
        self.memory: memoryview | None = np.empty(length + ALIGNMENT, np.uint8).data[start : start + length]

    def take(self) -> memoryview | None:
        """Give the memory, and keep no hold of it."""
        memory, self.memory = self.memory, None
        return memory


async def _receive(cycle: weakref.ref[RequestResponseCycle], room: _Room) -> Any:
    """Give the application a body in one piece, in the place of ``receive`` of uvicorn's ``cycle``, once that finds it
    whole. The cycle, which holds this, is not held by it: bodies would be freed by the garbage collector alone."""
    waiting: Any = cycle()
    message: Any = await RequestResponseCycle.receive(waiting)
    return {**message, "body": room.take()} if message["type"] == "http.request" else message


class _Body(asyncio.BufferedProtocol):
    """What a connection's transport gives to in the place of the connection until a large body is whole."""

    def __init__(self, connection: _Limited, room: _Room) -> None:
        assert room.memory is not None
        self.filled = 0
        self._left = room.memory
        self._connection = connection

    def add(self, part: bytes) -> None:
        """Take a part that came with the head."""
        self._left[: len(part)] = part
        self._count(len(part))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._left

    def buffer_updated(self, length: int) -> None:
        self._count(length)
        if not self._left:
            self._connection.go_on()

    def _count(self, length: int) -> None:
        self.filled += length
        self._left = self._left[length:]
        self._connection.hold(length)

    def eof_received(self) -> None:
        pass

    def connection_lost(self, exc: Exception | None) -> None:
        self._connection.connection_lost(exc)

    def pause_writing(self) -> None:
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        self._connection.resume_writing()


class _Limited(HttpToolsProtocol, asyncio.BufferedProtocol):
    """A connection. One timer at most runs for what the client owes: the rest of a head, or of a body.

    It is given bytes in a buffer of its own: asyncio's would be new 256 KiB for each head, filled with the body.
    """

    limits: Limits
    bodies: Bodies
    _room: _Room | None = None
    _body: _Body | None = None
    _owed = ""
    _timer: asyncio.TimerHandle | None = None
    _unsent: asyncio.TimerHandle | None = None
    _in_head = True
    _head_bytes = 0

    def connection_made(self, transport: Any) -> None:
        self._buffer = bytearray(READ)
        super().connection_made(transport)
        transport.set_write_buffer_limits(0)
        if len(self.connections) > self.limits.connections:
            self._end(503, "expected fewer connections at once; try again in 1 s", "retry-after: 1\r\n")
        else:
            self._wait_for("head")

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait_for("")
        self._forget_unsent()
        self._let_go()
        super().connection_lost(exc)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self._buffer

    def buffer_updated(self, length: int) -> None:
        self.data_received(bytes(memoryview(self._buffer)[:length]))

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self.transport.is_closing():
            return
        if not self._in_head:
            self._wait_for("body")
            if self._body is not None:
                self.transport.set_protocol(self._body)
        elif self._head_bytes > self.limits.head_bytes:
            self._end(431, f"expected a head of at most {self.limits.head_bytes} bytes, got more")
        else:
            self._wait_for("head" if self._head_bytes else "")

    def on_headers_complete(self) -> None:
        self._in_head = False
        if len(self.pipeline) >= MOST_PIPELINED:
            raise ValueError(f"expected at most {MOST_PIPELINED} requests that wait for the one before them")
        super().on_headers_complete()
        length, json_length = (self._number(name) for name in (b"content-length", JSON_LENGTH))
        if LARGE <= length <= self.bodies.most and not self.parser.should_upgrade():
            self._room = _Room(length, json_length)
            self._body = _Body(self, self._room)
            cycle: Any = self.cycle  # of one request, which uvicorn starts when this is done
            cycle.receive = partial(_receive, weakref.ref(cycle), self._room)

    def _number(self, header: bytes) -> int:
        """Give what a header says; 0 where that is no number, which the application will find."""
        value = dict(self.headers).get(header, b"")
        return int(value) if value.isdigit() and len(value) < 12 else 0

    def on_body(self, body: bytes) -> None:
        if self._body is None:
            super().on_body(body)
        else:
            self._body.add(body)

    def on_message_complete(self) -> None:
        self._in_head, self._head_bytes = True, 0
        self._wait_for("")
        self._let_go()
        self._forget_unread()
        super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._forget_unread()

    def _forget_unread(self) -> None:
        """Free a body that nobody will read, as the answer was given without it."""
        if self._room is not None and self.cycle.response_complete:
            self._room.take()
            self._room = None

    def go_on(self) -> None:
        """Take the connection back from a body that is whole; the parser, which has not seen it, begins anew."""
        self.transport.set_protocol(self)
        self.parser = HttpRequestParser(self)
        self.on_message_complete()

    def hold(self, length: int) -> None:
        """Count what of a body has come, until the application does."""
        if not self.bodies.hold(length):
            self._end(503, "expected less to be held at once; try again in 1 s", "retry-after: 1\r\n")

    def _let_go(self) -> None:
        if self._body is not None:
            self.bodies.let_go(self._body.filled)
            self._body = None

    def pause_writing(self) -> None:
        """Give the client its time to take what is sent to it: as the buffer's limit is 0, this is what is left."""
        super().pause_writing()
        self._unsent = self.loop.call_later(self.limits.unsent_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        self._forget_unsent()

    def _forget_unsent(self) -> None:
        if self._unsent is not None:
            self._unsent.cancel()
            self._unsent = None

    def _wait_for(self, owed: str) -> None:
        """Give the client its time for what it owes now, unless that is what it owed before."""
        if owed == self._owed:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._owed = owed
        seconds = self.limits.body_seconds if owed == "body" else self.limits.head_seconds
        self._timer = self.loop.call_later(seconds, self._late, owed, seconds) if owed else None

    def _late(self, owed: str, seconds: float) -> None:
        self._owed = ""
        if owed == "head" and not self._head_bytes:  # it never asked
            self.transport.close()
        else:
            self._end(408, f"expected a whole {owed} within {seconds:g} s")

    def _is_answering(self) -> bool:
        """Tell whether an answer of ours would come between those of the application."""
        if self.cycle is None or self.cycle.response_complete:
            return not self._in_head
        return self._in_head or self.cycle.response_started or bool(self.pipeline)

    def _end(self, status: int, error: str, header: str = "") -> None:
        """Say why, where that can be said, and close; an application that waits for a body finds the client gone."""
        if not self._is_answering():
            body = json.dumps({"error": error})
            head = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\ncontent-type: application/json\r\n{header}"
            self.transport.write(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n{body}".encode())
        self.transport.close()
