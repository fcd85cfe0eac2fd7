"""The lookup layers for Keras, which entries of P count, where windows fall, and a callback that logs density.

Conversion of other models is in ``convert``; nothing here knows files.
"""

from typing import Any

from lcnn_train.utils.lazy import attribute

_NAMES = dict.fromkeys(("LookupConv2D", "LookupDense"), "lcnn_train.layers.lookup")


def __getattr__(name: str) -> Any:
    return attribute(__name__, _NAMES, name)
