"""Constants of all plans, side by side in one file: what two plans read alike lies there once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from ..plan import PackedConstant

LINE_BYTES = 64


class ConstantFile:
    """Arrays on lines of 64 bytes, and the offset of each in bytes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._offsets: dict[bytes, int] = {}
        self.size = 0

    def add(self, constants: Iterable[PackedConstant]) -> list[int]:
        """Add arrays as they lie in memory; give their offsets, that of the first equal one where there is one."""
        return [self._add(constant.array.tobytes()) for constant in constants]

    def _add(self, data: bytes) -> int:
        key = hashlib.sha256(data).digest()
        if key not in self._offsets:
            padded = data + bytes(-len(data) % LINE_BYTES)
            self._offsets[key] = self.size
            self._parts.append(padded)
            self.size += len(padded)
        return self._offsets[key]

    def data(self) -> bytes:
        """Give the whole file. A line of zeros ends it: vectors may be loaded past an array."""
        return b"".join((*self._parts, bytes(LINE_BYTES)))
