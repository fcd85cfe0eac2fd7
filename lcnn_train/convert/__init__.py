"""From any Keras model to one of lookup layers, starting from its trained weights.

Which layers are converted (``selection``), how W becomes D and P (``factorization``), the copy (``conversion``). The
layers themselves are in ``layers``, whole networks to train in ``models``. ``compression`` is a room of its own: all
that comes before and after, in one call.
"""

from typing import Any

from lcnn_train.utils.lazy import attribute

_NAMES = dict.fromkeys(
    ("LayerReport", "LookupReport", "lookup_model", "lookup_report", "start"), "lcnn_train.convert.conversion"
)


def __getattr__(name: str) -> Any:
    return attribute(__name__, _NAMES, name)
