"""JSON as a model file may hold it: RFC 8259 to the letter, every key once, at most 64 deep."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import numpy as np

from ..errors import ModelFormatError
from ..utils.messages import shown

__all__ = ["parse"]

MAX_DEPTH = 64
MAX_BRACKETS = 2**20  # objects and lists: 3 bytes of text become 60 and more of memory
MAX_DIGITS = 64  # of an integer: Python takes quadratic time to read long ones, and refuses more than 4300 digits


def parse(text: bytes, where: str) -> Any:
    """Read the value that ``text``, UTF-8, spells. ``where`` names it in errors. Raises ModelFormatError."""
    depth, brackets = _nesting(text)
    if brackets > MAX_BRACKETS:
        raise ModelFormatError(f"{where}: expected at most {MAX_BRACKETS} objects and lists, found {brackets}")
    if depth > MAX_DEPTH:
        raise ModelFormatError(f"{where}: expected JSON nested at most {MAX_DEPTH} deep, found {depth}")
    try:
        return _DECODER.decode(text.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ModelFormatError(f"{where}: expected UTF-8, found {error.reason} at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise ModelFormatError(f"{where}: expected JSON, found {error.msg} at character {error.pos}") from None
    except _RefusedError as error:
        raise ModelFormatError(f"{where}: {error}") from None


def _nesting(text: bytes) -> tuple[int, int]:
    """Count how deep brackets are nested, and how many are opened: before parsing, as the parser would recurse. Where
    they are so few that both are allowed, that is all that is said: NumPy takes longer than the parser there."""
    opened = text.count(b"[") + text.count(b"{")  # those in strings, too
    if opened <= MAX_DEPTH:
        return opened, opened
    # Without escaped backslashes, then without escaped quotes, every quote that is left opens or closes a string.
    codes = np.frombuffer(text.replace(b"\\\\", b"").replace(b'\\"', b""), np.uint8)
    outside = (np.cumsum(codes == ord('"'), dtype=np.uint8) & 1) == 0  # the parity survives the wrap at 256
    step = np.zeros(codes.shape, np.int8)
    step[outside & ((codes == ord("[")) | (codes == ord("{")))] = 1
    step[outside & ((codes == ord("]")) | (codes == ord("}")))] = -1
    return int(np.cumsum(step, dtype=np.int32).max(initial=0)), int(np.count_nonzero(step == 1))


class _RefusedError(Exception):
    """Raised by the hooks below, which cannot know where they are."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _RefusedError(f"expected every key once, found {shown(key)} twice")
            seen.add(key)
    return values


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _RefusedError(f"expected integers of at most {MAX_DIGITS} digits, found one of {len(digits)}")
    return int(digits)


def _constant(name: str) -> NoReturn:
    raise _RefusedError(f"expected finite numbers, found {name}")


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_int=_integer, parse_constant=_constant)
