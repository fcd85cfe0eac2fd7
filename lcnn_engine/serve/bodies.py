"""What requests carry, within limits: a body of bounded length, all of them together bounded, a picture of a form."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, TypeAlias

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.exceptions import HTTPException
from starlette.requests import Request

from ..errors import InputError
from .workers import busy

__all__ = ["Bodies", "Body", "picture_of"]

Body: TypeAlias = "bytes | memoryview"

MOST_PARTS = 16  # of a form


class Bodies:
    """Bodies of at most ``most`` bytes each, and ``together`` of all that are held at once."""

    def __init__(self, most: int, together: int) -> None:
        self.most = most
        self.held = 0
        self._together = together

    def hold(self, length: int) -> bool:
        """Count bytes that have come, and tell whether there was room for them."""
        self.held += length
        return self.held <= self._together

    def let_go(self, length: int) -> None:
        """Count bytes no more."""
        self.held -= length

    @asynccontextmanager
    async def read(self, request: Request) -> AsyncIterator[Body]:
        """Read a request's body, which counts until the block ends.

        Raises HTTPException 413 for one that is too long, before it is read where the request says so; 415 for one
        that is compressed; 503 where too much is held.
        """
        self._check_head(request)
        chunks: list[Body] = []
        length = 0
        try:
            async for chunk in request.stream():
                length += len(chunk)
                room = self.hold(len(chunk))
                if length > self.most:
                    raise self._too_long(f"more than {self.most}")
                if not room:
                    raise busy(f"at most {self._together} bytes of bodies at once")
                if chunk:
                    chunks.append(chunk)
            yield chunks[0] if len(chunks) == 1 else b"".join(chunks)
        finally:
            self.let_go(length)

    def _check_head(self, request: Request) -> None:
        encoding = request.headers.get("content-encoding", "identity")
        if encoding.lower() != "identity":
            raise HTTPException(415, f"expected a body as it is, got one in {encoding!r}; send it uncompressed")
        length = request.headers.get("content-length")
        if length is not None and length.isdecimal() and int(length) > self.most:
            raise self._too_long(length)

    def _too_long(self, found: str) -> HTTPException:
        return HTTPException(413, f"expected a body of at most {self.most} bytes, got {found}; send less at once")


def picture_of(body: Body, content_type: str) -> Body:
    """Give the picture that a body is, or that is the first file of a form (``multipart/form-data``).

    Raises InputError for a form that is damaged or has no file.
    """
    kind, parameters = parse_options_header(content_type)
    if kind.strip().lower() != b"multipart/form-data":
        return body
    form = _Form()
    try:
        parser = MultipartParser(parameters.get(b"boundary", b""), form.callbacks())
        parser.write(bytes(body))
        parser.finalize()
    except FormParserError as error:
        raise InputError(f"expected multipart/form-data with its boundary, got {error}") from None
    if not form.ended:
        raise InputError("expected multipart/form-data to its end, got a part of it; send it whole")
    if not form.found:
        raise InputError("expected a form with a file, got one without; name it so: curl -F picture=@FILE")
    return bytes(form.picture)


class _Form:
    """The first file of a form, taken from the events of a parser; whatever else it has is read over."""

    def __init__(self) -> None:
        self.picture = bytearray()
        self.found = False
        self.ended = False
        self._inside = False
        self._parts = 0
        self._name = b""
        self._value = b""

    def callbacks(self) -> Any:
        return {
            "on_part_begin": self._begin, "on_part_data": self._data, "on_part_end": self._end,
            "on_header_begin": self._header, "on_header_field": self._field, "on_header_value": self._more,
            "on_header_end": self._header_end, "on_end": self._whole,
        }  # fmt: skip

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise InputError(f"expected a form of at most {MOST_PARTS} parts, got more")

    def _header(self) -> None:
        self._name = self._value = b""

    def _field(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _more(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._name.lower() == b"content-disposition" and not self.found:
            self._inside = self.found = b"filename" in parse_options_header(self._value)[1]

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._inside:
            self.picture += data[start:end]

    def _end(self) -> None:
        self._inside = False

    def _whole(self) -> None:
        self.ended = True
