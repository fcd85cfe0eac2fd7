"""What a server allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from ..errors import SettingError
from ..images.decoding import MAX_PIXELS
from ..runtime.threads import default_threads

__all__ = ["Limits", "Settings", "size_of"]

MIB = 2**20
UNITS: Mapping[str, int] = {"": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "kb": 10**3, "mb": 10**6, "gb": 10**9}
SHORTEST_TOKEN = 16  # characters


@dataclass(frozen=True)
class Settings:
    """Limits of a server. Raises SettingError for what cannot be."""

    threads: int = field(default_factory=default_threads)
    """Requests that are computed at once, each on one core."""
    queue: int = 64
    """Requests that may wait for a thread; further ones are answered 503."""
    max_body: int = 16 * MIB
    """Bytes of one request's body."""
    max_bodies: int = 512 * MIB
    """Bytes of all bodies that are held at once; what goes beyond is answered 503."""
    max_pixels: int = 2**25
    """Pixels of one picture, by what its header says, before any is decoded."""
    seconds: float = 30.0
    """Between a request's last byte and its answer."""
    token: str | None = None
    """What requests must carry as ``Authorization: Bearer TOKEN``; None: nothing."""
    hosts: frozenset[str] | None = None
    """Names by which a request may call this server (``Host``), against pages that point a name of their own at it;
    None: any."""

    def __post_init__(self) -> None:
        for name in ("threads", "max_body", "max_bodies", "max_pixels", "seconds"):
            if not getattr(self, name) > 0:
                raise SettingError(f"expected {name} to be above 0, got {getattr(self, name)!r}")
        if self.queue < 0:
            raise SettingError(f"expected queue to be at least 0, got {self.queue!r}")
        if self.max_pixels > MAX_PIXELS:
            raise SettingError(f"expected max_pixels of at most {MAX_PIXELS}, got {self.max_pixels!r}")
        if self.token is not None:
            _check_token(self.token)

    def __repr__(self) -> str:
        shown = (f"{one.name}={getattr(self, one.name)!r}" for one in fields(self) if one.name != "token")
        return f"Settings({', '.join(shown)}, token={'None' if self.token is None else '...'})"


@dataclass(frozen=True)
class Limits:
    """What one connection may take."""

    connections: int = 1000
    """Connections at once; further ones are answered 503 and closed."""
    head_bytes: int = 2**16
    head_seconds: float = 10.0
    """From a connection's, or a request's, first byte to the end of the head."""
    body_seconds: float = 30.0
    """From the end of the head to that of the body."""
    unsent_seconds: float = 30.0
    """For a client to take what was sent to it."""


def _check_token(token: str) -> None:
    if len(token) < SHORTEST_TOKEN or not token.isascii() or not token.isprintable() or " " in token:
        raise SettingError(
            f"expected a token of at least {SHORTEST_TOKEN} ASCII characters without blanks, got {len(token)} "
            'characters; make one by python -c "import secrets; print(secrets.token_urlsafe())"'
        )


def size_of(text: str) -> int:
    """Read a number of bytes: ``16MiB``, ``500kB``, ``1048576``. Raises SettingError."""
    digits = text.rstrip("kKmMgGiIbB")
    unit = UNITS.get(text[len(digits) :].lower())
    if unit is None or not (digits.isascii() and digits.isdecimal()) or len(digits) > 18 or int(digits) == 0:
        raise SettingError(f"expected a number of bytes above 0, as 16MiB or 500kB, got {text!r}")
    return int(digits) * unit
