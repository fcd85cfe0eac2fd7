"""The precisions that a network can be computed in: their names, and which of them this processor has instructions for.

What each computes is in ``model/precision.py``.
"""

from __future__ import annotations

from ..errors import SettingError
from ..kernels import Capabilities, capabilities, choose_variant

__all__ = ["FASTEST", "PRECISIONS", "checked_precision", "choose_precision", "native_precisions", "precision_of"]

PRECISIONS = ("float32", "bfloat16", "int8")
FASTEST = "fastest"


def checked_precision(precision: object) -> str:
    """Give ``precision`` where it is one of PRECISIONS or FASTEST. Raises SettingError."""
    if not isinstance(precision, str) or precision not in (*PRECISIONS, FASTEST):
        known = ", ".join((*PRECISIONS, FASTEST))
        raise SettingError(f"expected precision to be one of {known}, got {precision!r}")
    return precision


def native_precisions(variant: str | None = None) -> list[str]:
    """Name the precisions that ``variant`` (default: the one in use) has instructions for, float32 first.

    Raises SettingError for an unknown variant.
    """
    return _native(capabilities(choose_variant(variant)))


def choose_precision(precision: object, variant: str | None = None) -> str:
    """Choose what runs where ``precision`` is asked for: float32 where ``variant`` lacks the instructions for it.

    FASTEST is the last of those that it has. Raises SettingError for what is no precision.
    """
    return precision_of(capabilities(choose_variant(variant)), precision)


def precision_of(able: Capabilities, precision: object) -> str:
    """Choose as :func:`choose_precision` does, for kernels that are ``able``. Raises SettingError."""
    wanted, native = checked_precision(precision), _native(able)
    if wanted == FASTEST:
        return native[-1]
    return wanted if wanted in native else "float32"


def _native(able: Capabilities) -> list[str]:
    return ["float32", *(name for name, has in (("bfloat16", able.bf16), ("int8", able.int8)) if has)]
