"""The schema of an experiment, section by section, and the experiments that come with the package (``presets``).

Sections hold values and check them; what is built from them is in ``models``, ``data`` and ``training``.
"""

from typing import Any

from lcnn_train.utils.lazy import attribute

_NAMES = dict.fromkeys(("Config", "Export", "load_config", "parse_config"), "lcnn_train.config.experiment")


def __getattr__(name: str) -> Any:
    return attribute(__name__, _NAMES, name)
