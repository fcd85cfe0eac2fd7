"""Where a trained model comes from: a run folder, or a `.keras` file, with the configuration that goes with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras

from lcnn_engine.utils.moved import former_names
from lcnn_train.config.experiment import Config
from lcnn_train.config.keras_archive import load_keras
from lcnn_train.errors import RunError, UntrustedError
from lcnn_train.sources.keras_file import read_origin
from lcnn_train.training.fit import load_run
from lcnn_train.training.run_folder import Run
from lcnn_train.utils.trust import trusting

_FROM_H5 = (
    "two lines of Python make a .keras file of it: "
    'model = keras.models.load_model("{0}", compile=False); model.save("model.keras")'
)
_FROM_SAVED_MODEL = (
    "two lines of Python make a .keras file of one that Keras 2 saved (pip install tf_keras): "
    'tf_keras.models.load_model("{0}", compile=False).save("model.h5"); '
    'keras.models.load_model("model.h5", compile=False).save("model.keras"). What model.export of Keras 3 wrote holds '
    "no layers: save the model itself"
)


@dataclass(frozen=True)
class TrainedModel:
    """A model and, if known, the configuration it was trained by and the names of its classes."""

    model: keras.Model
    config: Config | None
    labels: tuple[str, ...] | None = None


def load_model(
    path: str | Path, config: Config | None = None, checkpoint: str = "best", trust: bool = False
) -> TrainedModel:
    """Load a run folder (its `checkpoint`, "best" or "newest") or a `.keras` file; `config` comes before their own.

    `trust`: let the file run code of its own, as a Lambda layer does. Raises FileNotFoundError, RunError if there is no
    such model in it, and UntrustedError, which is one, for what needs trust.
    """
    with trusting(trust):
        return _loaded(Path(path), config, checkpoint)


def _loaded(path: Path, config: Config | None, checkpoint: str) -> TrainedModel:
    if (path / "saved_model.pb").exists():
        raise RunError(
            f"{path}: expected a run folder or a .keras file, found a SavedModel; {_FROM_SAVED_MODEL.format(path)}"
        )
    if path.is_dir():
        model, own, _ = load_run(path, checkpoint)
        return TrainedModel(model, config or own, Run(path).read_labels())
    if not path.exists():
        raise FileNotFoundError(f"{path}: expected a run folder or a .keras file, found nothing")
    if path.suffix in (".h5", ".hdf5"):
        raise RunError(f"{path}: expected a run folder or a .keras file, found HDF5; {_FROM_H5.format(path)}")
    if path.suffix != ".keras":
        raise RunError(f"{path}: expected a run folder or a .keras file")
    try:
        model = load_keras(path)
    except UntrustedError:
        raise
    except Exception as error:  # of a damaged file, Keras passes on what zipfile, json, h5py and its own layers raise
        raise RunError(f"{path}: not a .keras file that can be loaded: {' '.join(str(error).split())[:200]}") from error
    origin = read_origin(path)
    return TrainedModel(model, config or origin.config, origin.labels)


former_names(__name__, Source="TrainedModel")
