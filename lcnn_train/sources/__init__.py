"""Trained models from wherever they lie: run folders, ``.keras`` files, model files; and their accuracy.

Nothing here writes a model file or knows what a layer becomes in one: that is ``export``.
"""

from typing import Any

from lcnn_train.utils.lazy import attribute

_NAMES = {
    **dict.fromkeys(("Source", "TrainedModel", "load_model"), "lcnn_train.sources.load"),
    "load_network": "lcnn_train.export.network",
}


def __getattr__(name: str) -> Any:
    return attribute(__name__, _NAMES, name)
