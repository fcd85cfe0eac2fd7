"""Whether there is a Ray at an address at all. ``ray.init`` tries for minutes where nothing answers, cannot be
interrupted, and may end its process."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from urllib.parse import urlsplit

from ..errors import SettingError

__all__ = ["SECONDS", "check_answers"]

SECONDS = 30.0  # for the first bytes of an answer, which take as long as the way there and back
SETTINGS = 4  # the type of the frame with which both sides of HTTP/2, gRPC's protocol, begin
HEAD_LENGTH = 9  # bytes of a frame before what it carries
GREETING = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes([0, 0, 0, SETTINGS, 0, 0, 0, 0, 0])


def check_answers(address: str, own_host: Callable[[], str], seconds: float = SECONDS) -> None:
    """Refuse an address, ``HOST:PORT`` or ``ray://HOST:PORT``, where nothing speaks as a Ray does.

    ``own_host`` gives the host by which Ray takes this machine, in the place of its loopback addresses. Addresses that
    Ray has to look up (``auto``) are left to it. Raises SettingError.
    """
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        return
    if parts.scheme not in ("", "ray") or host is None or port is None:
        return
    if host in ("localhost", "127.0.0.1", "::1") and not parts.scheme:
        host = own_host()
    remedy = f"see there by `ray status` that it runs, and that {host}, port {port}, can be reached from here"
    try:
        answer = _answer(host, port, time.monotonic() + seconds)
    except TimeoutError:
        raise SettingError(
            f"expected a Ray cluster at {address}, got no answer within {seconds:g} s; {remedy}"
        ) from None
    except OSError as error:
        raise SettingError(f"expected a Ray cluster at {address}, got {error.strerror or error}; {remedy}") from error
    if answer is not None and answer[3:4] != bytes([SETTINGS]):
        raise SettingError(f"expected a Ray cluster at {address}, got another kind of server, or none; {remedy}")


def _answer(host: str, port: int, until: float) -> bytes | None:
    """Give the head of the first frame that a server of HTTP/2 sends; None where it would have to be encrypted."""
    with socket.create_connection((host, port), timeout=_left(until)) as connection:
        if os.environ.get("RAY_USE_TLS", "0").lower() in ("1", "true"):
            return None
        connection.sendall(GREETING)
        found = b""
        while len(found) < HEAD_LENGTH:
            connection.settimeout(_left(until))
            part = connection.recv(HEAD_LENGTH - len(found))
            if not part:
                break
            found += part
        return found


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
