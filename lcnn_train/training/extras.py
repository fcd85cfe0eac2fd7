"""What a configuration adds to plain training: trained weights to begin with, a teacher, labels, gradual sparsity."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from lcnn_train.config.training import Distillation, Train
from lcnn_train.convert.conversion import start
from lcnn_train.errors import ConfigError, DivergedError
from lcnn_train.layers.sparsity import lookup_layers
from lcnn_train.training.distillation import DistillationWeights, Teaching
from lcnn_train.training.gradual.pruner import GradualSettings, Pruner
from lcnn_train.training.mixup import Mixup
from lcnn_train.training.step import LabelLoss, TrainingStep


class Pruning:
    """Gradual sparsity of a model in the trainer's own steps, counted over the whole run."""

    def __init__(self, pruner: Pruner, step: TrainingStep):
        self.pruner, self.step = pruner, step

    def after(self, run_step: int, batch: Any) -> None:
        """Take lookups away if an event is due after `run_step` steps, the last of them on `batch`.

        Raises DivergedError where weights or gradients are no longer finite.
        """
        if not self.pruner.settings.is_due(run_step - 1, run_step):
            return
        gradients = self.step.dense_gradients(batch) if self.pruner.needs_gradients else None
        try:
            self.pruner.prune(run_step, gradients)
        except ValueError as error:  # of weights and gradients that are not finite
            raise DivergedError(str(error)) from error
        # Sums on other processors may differ in their last bit, and so might masks.
        self.step.replicas.share([v for layer in self.pruner.layers for v in (layer.alive, layer.P)])

    def is_done(self, run_step: int) -> bool:
        """Tell whether the target is reached after so many steps."""
        return run_step >= self.pruner.settings.end


def make_pruning(settings: Train, step: TrainingStep, steps: int) -> Pruning | None:
    """Make what `train.sparsity` asks for, of the epochs of `steps` steps; None if it does not.

    Raises ConfigError for a model without lookup layers and for a target that cannot be reached.
    """
    chosen = settings.sparsity
    if chosen is None:
        return None
    try:
        gradual = GradualSettings(
            chosen.target,
            begin=round(chosen.begin_epoch * steps),
            end=round(settings.sparsity_end * steps),
            every=chosen.every,
            of=chosen.of,
            score=chosen.score,
            regrow=chosen.regrow,
            dictionaries=chosen.dictionaries,
            dictionaries_of=chosen.dictionaries_of,
        )
        return Pruning(Pruner(step.model, gradual), step)
    except ValueError as error:
        raise ConfigError(f"train.sparsity: {error}") from error


def make_teaching(model: keras.Model, teacher: keras.Model | None, chosen: Distillation | None) -> Teaching | None:
    """Make what `train.distillation` asks for; None if it does not. Raises ConfigError for a teacher that is no fit."""
    if chosen is None or teacher is None:
        return None
    weights = DistillationWeights(chosen.temperature, chosen.weight, chosen.features, chosen.feature_weight)
    try:
        return Teaching(model, teacher, weights)
    except ValueError as error:
        raise ConfigError(f"train.distillation: {error}") from error


def make_labels(model: keras.Model, settings: Train) -> LabelLoss:
    """Make what the loss is of labels. Raises ConfigError for weights that are not one of each class."""
    weights, classes = settings.class_weights, int(model.output_shape[-1])
    if weights is not None and len(weights) != classes:
        raise ConfigError(f"train.class_weights: expected one for each of {classes} classes; found {len(weights)}")
    return LabelLoss(settings.label_smoothing, None if weights is None else tuple(weights))


def make_mixup(settings: Train) -> Mixup | None:
    """Make what `train.mixup` asks for; None if it does not."""
    return Mixup(settings.mixup, settings.seed) if settings.mixup else None


def start_from(model: keras.Model, trained: keras.Model) -> None:
    """Begin with the weights of a trained model whose layers have the same names.

    A lookup layer begins with the D and P that come nearest to the kernel of a dense layer; as it is, if that is a
    lookup layer of its shape; without a dictionary with the product of the other's D and P. Raises ConfigError for a
    layer that has nothing to begin with.
    """
    known = {layer.name: layer for layer in _leaves(trained)}
    for layer in _leaves(model):
        if not layer.weights or all(variable.name == "seed_generator_state" for variable in layer.variables):
            continue
        other = known.get(layer.name)
        if other is None:
            raise ConfigError(f"train.start_from: {trained.name} has no layer {layer.name}; expected the same names")
        if not _begin(layer, other):
            raise ConfigError(
                f"train.start_from: {layer.name} of {trained.name} has weights of {_shapes(other)}; expected "
                f"{_shapes(layer)}, or the kernel of a dense layer of its size"
            )


def take_dictionaries(model: keras.Model, trained: keras.Model) -> None:
    """Give every lookup layer the dictionary of the trained model's layer of its name, or of its place, and freeze it.

    A place is what a name begins with, up to the first _: a stage of a ResNet. Of the layers of a place that have a
    dictionary of the same shape it is the last. Raises ConfigError for a layer without any.
    """
    known = [layer for layer in lookup_layers(trained) if layer.D is not None]
    for layer in lookup_layers(model):
        if layer.D is None:
            continue
        place = layer.name.split("_")[0]
        fitting = [other for other in known if other.D.shape == layer.D.shape and other.name.split("_")[0] == place]
        fitting += [other for other in fitting if other.name == layer.name]
        if not fitting:
            raise ConfigError(
                f"train.dictionaries_from: {trained.name} has no layer {layer.name}, nor another of {place} with a "
                f"dictionary of {tuple(layer.D.shape)}; take a network with the same channels and dictionaries"
            )
        layer.D.assign(np.array(keras.ops.convert_to_numpy(fitting[-1].D)))
    freeze_dictionaries(model)


def freeze_dictionaries(model: keras.Model) -> None:
    """Leave the dictionaries of all lookup layers as they are while the rest is trained."""
    for layer in lookup_layers(model):
        if layer.D is not None:
            layer.D.trainable = False


def _begin(layer: Any, other: Any) -> bool:
    """Whether a layer has got its weights from another's."""
    if _shapes(layer) == _shapes(other):
        layer.set_weights(other.get_weights())
        return True
    if not hasattr(layer, "surviving"):
        return False
    kernel = _kernel(other)
    if kernel is None or tuple(kernel.shape[:-2]) != tuple(layer.P.shape[:-2]) or kernel.shape[-1] != layer.P.shape[-1]:
        return False
    if kernel.shape[-2] != (layer.atoms if layer.D is None else layer.D.shape[-2]):
        return False
    if layer.bias is not None and other.bias is None:
        return False
    start(layer, _Dense(kernel, other.bias))
    return True


class _Dense:
    """A kernel and a bias, as `start` takes them."""

    def __init__(self, kernel: Any, bias: Any):
        self.kernel, self.bias = kernel, bias


def _kernel(layer: Any) -> Any:
    """The dense kernel of a layer: its own, or what its D and P make; None where it has none."""
    if not hasattr(layer, "surviving"):
        return getattr(layer, "kernel", None)
    if layer.D is None:
        return layer.sparse_P()
    D = keras.ops.reshape(layer.D, (-1, layer.atoms))
    return keras.ops.einsum("mk,...kn->...mn", D, layer.sparse_P())


def _shapes(layer: Any) -> list[tuple[int, ...]]:
    return [tuple(weight.shape) for weight in layer.weights]


def _leaves(model: keras.Model) -> list[Any]:
    return [layer for layer in model._flatten_layers(include_self=False) if not isinstance(layer, keras.Model)]
