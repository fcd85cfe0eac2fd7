"""Whether files may bring code of their own: never, but where whoever runs the program says so for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_trusted: ContextVar[bool] = ContextVar("trusted", default=False)


def is_trusted() -> bool:
    """Tell whether files that are loaded now may run code."""
    return _trusted.get()


@contextmanager
def trusting(trust: bool = True) -> Iterator[None]:
    """Let `.keras` files that are loaded meanwhile run code, where `trust`; where not, all stays as it is."""
    token = _trusted.set(trust or _trusted.get())
    try:
        yield
    finally:
        _trusted.reset(token)
