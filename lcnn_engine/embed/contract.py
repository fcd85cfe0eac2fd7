"""What a plan and the kernels that run it must agree on, as one number: a library refuses a plan for other kernels."""

from __future__ import annotations

from ..kernels import ACTIVATION_CODES, CONSTANTS, LAYOUTS, Capabilities

_START, _PRIME = 0xCBF29CE484222325, 0x100000001B3  # of FNV-1a, 64 bits


def contract() -> int:
    """Give the number, as ``kernels/csrc/library/contract.c`` has it."""
    parts = [f"{kernel}:{''.join(f'{type_} {name},' for type_, name in _fields(kernel))}\n" for kernel in LAYOUTS]
    parts += [f"{name}\n" for name in (*ACTIVATION_CODES, *Capabilities._fields)]
    data = "".join(parts).encode()
    data += b"".join(name.encode() + value.to_bytes(8, "little", signed=True) for name, value in CONSTANTS.items())
    number = _START
    for byte in data:
        number = (number ^ byte) * _PRIME % 2**64
    return number


def _fields(kernel: str) -> list[tuple[str, str]]:
    return [(type_, name) for name, type_ in LAYOUTS[kernel]]
