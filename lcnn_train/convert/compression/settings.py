"""What a compression is asked for, and the configuration of the run that it makes of that."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import keras
import numpy as np

from lcnn_train.config.data import Data, Preprocessing
from lcnn_train.config.experiment import Config, overridden, parse_config
from lcnn_train.data.images import Images
from lcnn_train.data.pipeline import evaluation_batches
from lcnn_train.errors import ConfigError, DataError

EPOCHS = 20
_BATCH = 128
_EVENTS = 40  # in which lookups go, or one every hundred steps
_LOOKED_AT = 256  # training images by which it is found out how they are scaled
_SCALES = {  # how a Keras model may have been given its images, outside of it
    "x / 255": (1 / 255, 0.0),
    "x, from 0 to 255": (1.0, 0.0),
    "x / 127.5 - 1": (1 / 127.5, 1.0),
}
_SIGMAS = 3.0  # above guessing, that a model must be right more often


@dataclass(frozen=True)
class Request:
    """What one compression is asked for.

    name: of the run and of the model file. data: what it trains on. base: sections `preprocessing` and `augment` that
    are known of the model, if any. budget, milliseconds: one of them. groups_of: neighbouring filters that share
    indices. overrides: of the run's configuration, "section.key=value".
    """

    name: str
    data: Data
    base: dict[str, Any]
    budget: float | None = None
    milliseconds: float | None = None
    groups_of: int = 1
    epochs: int = EPOCHS
    overrides: Sequence[str] = ()

    def __post_init__(self) -> None:
        if (self.budget is None) == (self.milliseconds is None):
            raise ConfigError("compress: expected a budget or milliseconds, found both or neither")
        if self.budget is not None and not 0 < self.budget <= 1:
            raise ConfigError(f"budget: expected a share over 0 and at most 1; found {self.budget}")
        if self.milliseconds is not None and not 0 < self.milliseconds < float("inf"):
            raise ConfigError(f"milliseconds: expected a number over 0; found {self.milliseconds}")
        if self.epochs < 1:
            raise ConfigError(f"epochs: expected a number of at least 1; found {self.epochs}")

    def facts(self, model: keras.Model) -> dict[str, Any]:
        """What must be the same where a compression goes on; where the data lies may differ."""
        facts = asdict(self) | {"overrides": list(self.overrides), "data": self.data.dataset}
        return facts | {"model": fingerprint(model)}


def fingerprint(model: keras.Model) -> str:
    """Hash a model's weights, and the order that they have."""
    digest = hashlib.sha256()
    for value in model.get_weights():
        array = np.ascontiguousarray(value)
        digest.update(f"{array.dtype}{array.shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def configuration(request: Request, model: keras.Model, images: Images, target: float, files: dict[str, str]) -> Config:
    """Make the configuration of the run. `files` has the `network` that it begins with and its `teacher`."""
    batch = min(_BATCH, max(1, len(images) // 10))
    held_out = min(800, max(1, len(images) // 10))
    steps = max(1, (len(images) - held_out) // batch)
    every = max(1, min(100, round(0.75 * request.epochs * steps / _EVENTS)))
    values: dict[str, Any] = {
        "name": request.name,
        "data": {**request.data.model_dump(), "validation": held_out},
        **request.base,
        "model": {"file": files["network"]},
        "train": {
            "epochs": request.epochs,
            "batch_size": batch,
            "optimizer": {"name": "adam"},
            "learning_rate": {"schedule": "cosine", "initial": 0.001},
            "sparsity": {"target": target, "every": every},
            "distillation": {"teacher": files["teacher"]},
        },
    }
    return parse_config(overridden(values, request.overrides), "compress")


def check_data(model: keras.Model, images: Images, labels: Sequence[str] | None) -> None:
    """Raise DataError unless the classes of the images are those of the model; `labels`: its classes, if known."""
    outputs, found = int(model.outputs[0].shape[-1]), images.classes
    count = len(found) if found is not None else int(images.labels.max()) + 1
    named = "" if found is None else f": {', '.join(found[:5])}{' ...' if count > 5 else ''}"
    if count != outputs and not (found is None and count < outputs):
        raise DataError(
            f"{images.source}: expected the {outputs} classes that {model.name} was trained on; found {count}{named}"
        )
    if labels is not None and found is not None and tuple(labels) != tuple(found):
        raise DataError(
            f"{images.source}: expected the classes of {model.name}, {', '.join(labels[:5])}, in this order; found "
            f"{', '.join(found[:5])}"
        )


def find_scale(model: keras.Model, images: Images, request: Request) -> tuple[dict[str, Any], str]:
    """Find out how images become what the model takes: as is known of it, or the usual way by which it is right most.

    Returns the `preprocessing` section and a sentence about it. Raises DataError where the model is no better than
    guessing on training images, whichever way.
    """
    chosen = images.take(np.random.default_rng(0).permutation(len(images))[:_LOOKED_AT])
    known = request.base.get("preprocessing", {})
    said = overridden({}, [text for text in request.overrides if text.startswith("preprocessing.")])
    stated = said.get("preprocessing", {})
    usual = {name: _usual(model, *way) | stated for name, way in _SCALES.items()}
    given = bool(known) or bool({"scale", "mean", "std"} & set(stated))
    ways = {"as given": next(iter(usual.values())) | known | stated} if given else usual
    found = {name: _fit(model, chosen, preprocessing) for name, preprocessing in ways.items()}
    best = max(found, key=lambda name: found[name])
    share, chance = found[best][0], 1 / int(model.outputs[0].shape[-1])
    if share <= chance + _SIGMAS * (chance * (1 - chance) / len(chosen)) ** 0.5:
        tried = ", ".join(f"{100 * share:.1f}% with {name}" for name, (share, _) in found.items())
        raise DataError(
            f"{images.source}: expected images that {model.name} knows, found it no better than guessing on "
            f"{len(chosen)} of them ({tried}). Say how images are prepared with --set preprocessing.KEY=VALUE or "
            f"--config, and see whether classes, numbered in the order of their names, are those of its training"
        )
    how = (
        "Images are prepared as given" if given else f"Images are prepared as {best}, by which the model is right most"
    )
    return ways[best], f"{how}: on {100 * share:.1f}% of {len(chosen)} training images, before."


def _usual(model: keras.Model, scale: float, mean: float) -> dict[str, Any]:
    """How `image_dataset_from_directory` and most scripts prepare images."""
    height, width, channels = (int(size) for size in model.inputs[0].shape[1:])
    return {
        "mode": "L" if channels == 1 else "RGB",
        "size": [height, width],
        "antialias": False,
        "scale": scale,
        "mean": [mean] * channels,
        "std": [1.0] * channels,
    }


def _fit(model: keras.Model, images: Images, preprocessing: dict[str, Any]) -> tuple[float, float]:
    """The share of images that a model is right on, and the mean logarithm of the probability of the right class."""
    settings = Preprocessing.model_validate(preprocessing)
    right, logs = [], []
    for x, y in evaluation_batches(images, settings.for_engine(), settings.input_shape, 64).as_numpy_iterator():
        outputs = np.asarray(model.predict_on_batch(x), np.float64)
        right.append(outputs.argmax(-1) == y)
        logs.append(np.log(np.clip(outputs[np.arange(len(y)), y.astype(np.int64)], 1e-12, None)))
    if not right:
        raise DataError(f"{images.source}: expected images that can be read; {images.skipped}")
    return float(np.concatenate(right).mean()), float(np.concatenate(logs).mean())
