"""From a trained Keras model and images to a smaller, faster model file: all steps, each of which is kept once done."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np

from lcnn_engine.images.preprocessing import as_batch
from lcnn_train.config.data import Data
from lcnn_train.config.experiment import Config, load_config
from lcnn_train.config.network_file import check_classifier, outputs_of
from lcnn_train.convert.compression.budget import conversions, within_budget, within_time
from lcnn_train.convert.compression.measuring import milliseconds_of
from lcnn_train.convert.compression.report import Report, make_report
from lcnn_train.convert.compression.settings import EPOCHS, Request, check_data, configuration, find_scale
from lcnn_train.convert.compression.writing import write_report
from lcnn_train.data.images import Images
from lcnn_train.data.pipeline import hold_out
from lcnn_train.data.reader import first_readable
from lcnn_train.data.sets import infer, load
from lcnn_train.errors import ConfigError, DataError, DivergedError, ExportError, RunError, TrainingError
from lcnn_train.export.model_file import export
from lcnn_train.export.verify import verify
from lcnn_train.sources.load import load_model
from lcnn_train.training.fit import fit, load_run
from lcnn_train.utils.files import write_atomically

BUDGET = 0.3
_VERIFIED = 16  # images that engine and Keras are compared on


@dataclass(frozen=True)
class Compressed:
    """What a compression gives: the model, its `file` for the engine, and the `report`, which is `folder`/report.md."""

    model: keras.Model
    file: Path
    folder: Path
    report: Report


def compress(
    model: keras.Model | str | os.PathLike[str],
    data: str | os.PathLike[str] | None = None,
    *,
    budget: float | None = None,
    milliseconds: float | None = None,
    output: str | os.PathLike[str] = "compressed",
    dataset: str | None = None,
    config: str | os.PathLike[str] | None = None,
    groups_of: int = 1,
    epochs: int = EPOCHS,
    overrides: Sequence[str] = (),
) -> Compressed:
    """Make a smaller, faster model file of a trained classifier of images, and a report of what that cost.

    Lookup layers without dictionaries take the place of convolutions and dense layers, and lose lookups little by
    little in a run of the whole trainer, with the model as it was as its teacher. Called again on the same `output` it
    goes on where it was stopped.

    Args:
        model: a Keras model that ends in a softmax, or gives logits (a softmax is then put behind it); or the path of a
            `.keras` file, a run folder.
        data: folder of the data set, class folders or another that `lcnn-train fit` takes.
        budget: the share of the model's multiplications that may be left (0.3 unless told otherwise).
        milliseconds: instead of it, how long a prediction may take here, one image on one core.
        output: folder for all that is made.
        dataset: the name of the data set, unless what is in `data` says it.
        config: a configuration whose `data`, `preprocessing` and `augment` sections hold; a `.keras` file of
            `lcnn-train export` has its own. Without one the scale of images is found out on training images.
        groups_of: 16 suits the engine's vectors, and usually costs more accuracy than it saves time.
        epochs: of fine-tuning.
        overrides: of the run's configuration, "section.key=value".

    Raises ConfigError for a budget that cannot be reached, with the nearest that can, and for a model without a layer
    that can become a lookup layer; DataError for other classes; RunError if `output` holds another compression;
    DivergedError if the loss is no longer finite; TrainingError if engine and Keras differ in the end.
    """
    if budget is None and milliseconds is None:
        budget = BUDGET
    source, labels, base, own = _sources(model, config)
    given = {"dataset": dataset, "folder": None if data is None else str(Path(data).expanduser().absolute())}
    chosen = _data(given, own, labels)
    name = source.name if isinstance(model, keras.Model) else Path(model).stem
    request = Request(name, chosen, base, budget, milliseconds, groups_of, epochs, tuple(overrides))
    folder = Path(output)
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder}: expected a folder for the compression, found a file")
    images = load(chosen, "train")
    check_data(source, images, labels)
    settled = _settled(folder, source, request, images)
    return _trained(folder, _here(settled.config, folder, chosen), settled.notes)


def _files(folder: Path) -> dict[str, str]:
    return {"network": str(folder / "start.keras"), "teacher": str(folder / "dense.keras")}


def _here(config: Config, folder: Path, data: Data) -> Config:
    """A configuration with the paths of now: folder and data may have moved since it was settled."""
    files, train = _files(folder), config.train
    if train.distillation is not None:
        distillation = train.distillation.model_copy(update={"teacher": files["teacher"]})
        train = train.model_copy(update={"distillation": distillation})
    return config.model_copy(
        update={
            "data": config.data.model_copy(update={"folder": data.folder}),
            "model": config.model.model_copy(update={"file": files["network"]}),
            "train": train,
        }
    )


def _sources(
    model: keras.Model | str | os.PathLike[str], config: str | os.PathLike[str] | None
) -> tuple[keras.Model, tuple[str, ...] | None, dict[str, Any], Config | None]:
    """The model, ending in a softmax, the names of its classes, and what is known of how images are prepared."""
    own, labels = (load_config(Path(config)) if config is not None else None), None
    if not isinstance(model, keras.Model):
        source = load_model(Path(model), own)
        model, own, labels = source.model, source.config, source.labels
    if len(model.inputs or ()) == 1 and len(model.outputs) == 1 and len(model.outputs[0].shape) == 2:
        model = _with_softmax(model)
    check_classifier(model, "compress")
    sections = {"preprocessing", "augment"}
    return model, labels, own.model_dump(include=sections) if own is not None else {}, own


def _with_softmax(model: keras.Model) -> keras.Model:
    found = outputs_of(model) if None not in model.inputs[0].shape[1:] else "probabilities"
    if found == "shares":
        raise ConfigError(
            f"compress: expected a classifier, found {model.name}, whose outputs lie between 0 and 1 and do not add up "
            "to 1, as those of a sigmoid; only models with one class for each image are compressed"
        )
    if found == "probabilities":
        return model
    outputs = keras.layers.Softmax(name="probabilities")(model.outputs[0])
    return keras.Model(model.inputs[0], outputs, name=model.name)


def _data(given: dict[str, Any], own: Config | None, labels: Sequence[str] | None) -> Data:
    known = own.data if own is not None else None
    if given["dataset"] is None and (known is None or given["folder"] is not None):
        if given["folder"] is None:
            raise ConfigError("data: expected a folder of images, or the name of a data set; found neither")
        given = given | {"dataset": infer(given["folder"], labels)}
    values = {key: value for key, value in given.items() if value is not None}
    return (known or Data()).model_copy(update=values)


@dataclass(frozen=True)
class _Settled:
    config: Config
    notes: tuple[str, ...]


def _settled(folder: Path, model: keras.Model, request: Request, images: Images) -> _Settled:
    """What was settled in this folder before, or is now: all that the run begins with. Then it never changes."""
    path = folder / "compress.json"
    asked = json.loads(json.dumps(request.facts(model)))
    if path.is_file():
        try:
            known = json.loads(path.read_text(encoding="utf-8"))
            former, config, notes = known["asked"], Config.model_validate(known["config"]), tuple(known["notes"])
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{path}: not what compress wrote ({error}); name another folder with --output") from error
        different = [key for key in asked if asked[key] != former.get(key)]
        if different:
            raise RunError(
                f"{folder}: expected what this compression began with; it differs in {', '.join(different)}. Name "
                "another folder with --output, or go back to the former values"
            )
        return _Settled(config, notes)
    folder.mkdir(parents=True, exist_ok=True)
    settled = _settle(folder, model, request, images)
    text = json.dumps({"asked": asked, "config": settled.config.model_dump(), "notes": settled.notes}, indent=2) + "\n"
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
    return settled


def _settle(folder: Path, model: keras.Model, request: Request, images: Images) -> _Settled:
    """Prepare the network, its teacher and its target."""
    files = _files(folder)
    found = conversions(model, request.groups_of)
    if request.budget is not None:
        within_budget(model, found, request.budget)  # before anything that takes time
    preprocessing, note = find_scale(model, images, request)
    request = replace(request, base=request.base | {"preprocessing": preprocessing})
    for name, each in (("network", found[0].model), ("teacher", model)):
        write_atomically(files[name], each.save, suffix=".keras")
    probe = configuration(request, model, images, 1.0, files)
    dense = folder / "dense.safetensors"
    export(model, dense, images.classes, probe.preprocessing.for_file())
    notes = [note]
    budget = request.budget
    if budget is None:
        assert request.milliseconds is not None
        image = _input(images, probe)
        converted, budget, taken = within_time(found, request.milliseconds, milliseconds_of(dense, image), image)
        notes.append(
            f"The budget is {budget:.4f}, found by bisection: pruned to it at once, by magnitude, the model took "
            f"{taken:.3f} ms ({request.milliseconds:g} asked for)."
        )
    else:
        converted = within_budget(model, found, budget)
        notes.append(f"The budget is {budget:g} of the model's multiplications.")
    write_atomically(files["network"], converted.model.save, suffix=".keras")
    target = converted.target(budget)
    return _Settled(configuration(request, model, images, target, files), tuple(notes))


def _input(images: Images, config: Config) -> np.ndarray:
    """The first image that can be read, as the network takes it."""
    preprocessing = config.preprocessing.for_engine()
    found = first_readable(images, preprocessing, 1)
    if not found:
        raise DataError(f"{images.source}: expected images that can be read; {images.skipped}")
    return as_batch(found, config.model.input_shape, preprocessing)[0][0]


def _trained(folder: Path, config: Config, notes: tuple[str, ...]) -> Compressed:
    """Train, or go on; export, check and report."""
    run = folder / "run"
    try:
        fit(config, run)
    except DivergedError as error:
        raise DivergedError(f"{error} (of compress: --output, with --set train.learning_rate.initial=...)") from error
    model = load_run(run)[0]
    file = folder / "compressed.safetensors"
    images = load(config.data, "train")
    export(model, file, images.classes, config.preprocessing.for_file(), config.export.dtype, config.name)
    readable = first_readable(images, config.preprocessing.for_engine(), _VERIFIED)
    try:
        verify(model, file, readable)
    except ExportError as error:
        raise TrainingError(str(error)) from error
    report = make_report(folder, config, *_judged(config, images), _input(images, config), notes)
    write_report(report, folder)
    return Compressed(model, file, folder, report)


def _judged(config: Config, images: Images) -> tuple[Images, str]:
    """The images that both models are judged by: those of the test part, else those that were held out."""
    try:
        return load(config.data, "test"), "test images"
    except (DataError, OSError) as error:
        held_out = hold_out(images, config.data.validation, config.train.seed)[1]
        return held_out, f"images that were held out of the training and chose the checkpoint ({error})"
