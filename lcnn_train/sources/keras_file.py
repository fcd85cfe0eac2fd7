"""`.keras` files that know what they were trained by and on.

Beside what Keras writes, such a file has a member `lcnn.json`: the configuration of its run and the classes' names.
So the file alone can be evaluated, and exported with labels. Keras loads it like any other, and saves it without.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

import keras

from lcnn_train.config.experiment import Config, parse_config
from lcnn_train.errors import ConfigError, RunError
from lcnn_train.utils.files import DAMAGED_ARCHIVE, write_atomically

_MEMBER = "lcnn.json"
_MAX_BYTES = 2**24  # bytes; the names of 22,000 classes are half a million


@dataclass(frozen=True)
class Origin:
    """What a model was trained by, and the names of its classes, as far as that is known."""

    config: Config | None = None
    labels: tuple[str, ...] | None = None


def save_keras(model: keras.Model, path: Path, origin: Origin) -> None:
    """Write a model and its origin to `path`, whole or not at all; where its data lay is not told."""
    config = origin.config.model_dump(mode="json") if origin.config else None
    if config is not None:
        config["data"]["folder"] = None
    text = json.dumps({"config": config, "labels": origin.labels}, ensure_ascii=False)

    def write(temporary: Path) -> None:
        model.save(temporary)
        with zipfile.ZipFile(temporary, "a", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(_MEMBER, text)

    write_atomically(path, write, suffix=".keras")  # Keras saves under no name that does not end so


def read_origin(path: Path) -> Origin:
    """Read the origin that a file carries; an empty one if it carries none. Raises RunError if it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            if _MEMBER not in archive.namelist():
                return Origin()
            if archive.getinfo(_MEMBER).file_size > _MAX_BYTES:
                raise ValueError(f"more than {_MAX_BYTES} bytes")
            values = json.loads(archive.read(_MEMBER))
        config, labels = values["config"], values["labels"]
        return Origin(
            config=None if config is None else parse_config(config, _MEMBER),
            labels=None if labels is None else tuple(map(str, labels)),
        )
    except (ConfigError, *DAMAGED_ARCHIVE) as error:
        raise RunError(f"{path}: expected {_MEMBER} in it to be what lcnn-train export wrote; found {error}") from error
