"""The `model` section of a configuration whose network is a `.keras` file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
from pydantic import Field, model_validator

from lcnn_engine.model.graph import Shape
from lcnn_train.config.keras_archive import load_keras
from lcnn_train.config.schema import Count, Section
from lcnn_train.errors import ConfigError, UntrustedError

_TRIED = 4  # random inputs that must give probabilities
_NEAR_ONE = 1e-3  # how far from 1 their sums may be: mixed precision rounds


class ModelFile(Section):
    """The network of `file`, a `.keras` file: its layers, whatever they are, and the weights that it begins with.

    `shape` [height, width, channels] and `classes` are read from the file; a run keeps a copy of it.
    """

    file: Annotated[str, Field(min_length=1)]
    shape: Annotated[list[Count], Field(min_length=3, max_length=3)]
    classes: Count

    @property
    def input_shape(self) -> Shape:
        """(H, W, C) of the images that the network takes."""
        return self.shape[0], self.shape[1], self.shape[2]

    @property
    def channels(self) -> int:
        return self.shape[2]

    def build(self) -> keras.Model:
        """Load the network with its weights, not compiled. Raises ConfigError if that is no longer there."""
        return read_keras(self.file, "model.file")

    @model_validator(mode="before")
    @classmethod
    def _filled_in(cls, values: Any) -> Any:
        return filled(values) if isinstance(values, dict) else values


def filled(values: dict[str, Any]) -> dict[str, Any]:
    """Look into the file of a ModelFile for what it alone says; a run's folder tells it already.

    Raises ConfigError for a file that is none, or whose network is no classifier of images.
    """
    if not isinstance(values.get("file"), str) or {"shape", "classes"} <= set(values):
        return values
    shape, classes = check_classifier(read_keras(values["file"], "model.file"), "model.file")
    own = {"shape": list(shape), "classes": classes}
    for key, value in own.items():
        if values.get(key, value) != value:
            raise ConfigError(f"model.{key}: expected {value}, that of the file, or nothing; found {values[key]}")
    return values | own


def prepared(values: dict[str, Any], preprocessing: dict[str, Any]) -> dict[str, Any]:
    """Fill in what a `preprocessing` section does not say of images for such a network: its size, and 0 to 1."""
    shape = values.get("shape")
    if not isinstance(shape, list) or len(shape) != 3:
        return preprocessing  # pydantic says what is wrong with it
    mode = {1: "L", 3: "RGB"}.get(shape[2], "L")
    return {"mode": mode, "size": shape[:2], "mean": [0.0] * shape[2], "std": [1.0] * shape[2]} | preprocessing


def read_keras(path: str | Path, key: str) -> keras.Model:
    """Load the `.keras` file that a setting `key` names, not compiled. Raises ConfigError if it is none, or one that is
    not trusted."""
    place = Path(path).expanduser()
    if place.suffix != ".keras" or not place.is_file():
        raise ConfigError(f"{key}: expected a .keras file, found {str(path)!r}")
    try:
        return load_keras(place)
    except UntrustedError as error:
        raise ConfigError(f"{key}: {error}") from error
    except Exception as error:  # of a damaged file, Keras passes on what zipfile, json and h5py raise
        raise ConfigError(
            f"{key}: not a .keras file that can be loaded: {' '.join(str(error).split())[:200]}"
        ) from error


def check_classifier(model: keras.Model, key: str) -> tuple[Shape, int]:
    """Return (H, W, C) of the images that a model takes, and the number of its classes.

    Raises ConfigError unless it has one input of a fixed size, and one output, a probability of each class.
    """
    if len(model.inputs or ()) != 1 or len(model.outputs) != 1:
        raise ConfigError(f"{key}: expected a model of one input and one output, found {model.name}, which has others")
    source, made = tuple(model.inputs[0].shape[1:]), tuple(model.outputs[0].shape[1:])
    if len(source) != 3 or None in source or source[2] not in (1, 3):
        raise ConfigError(
            f"{key}: expected a model of images (height, width, 1 or 3) of a fixed size, found {model.name}, which "
            f"takes {source}; build it from keras.Input of such a shape"
        )
    if len(made) != 1 or made[0] is None:
        raise ConfigError(f"{key}: expected a model that gives one number for each class, found {model.name}: {made}")
    if outputs_of(model) != "probabilities":
        raise ConfigError(
            f"{key}: expected a model that ends in a softmax, found {model.name}, whose outputs do not add up to 1; "
            "keras.Sequential([model, keras.layers.Softmax()]) makes one of a model that gives logits"
        )
    return (source[0], source[1], source[2]), made[0]


def outputs_of(model: keras.Model) -> str:
    """Tell by random inputs what a classifier's outputs are: "probabilities", "logits", or "shares" by themselves.

    Outputs of a sigmoid are shares, each between 0 and 1 and with any sum.
    """
    x = np.random.default_rng(0).random((_TRIED, *model.inputs[0].shape[1:]), np.float32)
    outputs = np.asarray(keras.ops.convert_to_numpy(model(x, training=False)), np.float64)
    if not np.isfinite(outputs).all() or (outputs < 0).any() or (outputs > 1 + _NEAR_ONE).any():
        return "logits"
    return "probabilities" if np.abs(outputs.sum(axis=-1) - 1).max() <= _NEAR_ONE else "shares"
