"""Distillation: a network learns from the answers of another, its teacher, and not from the labels alone.

Hinton et al. (2015): the cross entropy with the labels and, by a weight, the divergence of the two networks' softmaxes
at a temperature T, which brings out how the teacher ranks the wrong classes; times T^2, so that its gradient stays as
large at any T. Features, if any, are the outputs of layers, as in Romero et al. (2015) but without a layer in between.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import keras
from keras import ops


@dataclass(frozen=True)
class DistillationWeights:
    """The weights of the loss: (1 - weight) * labels + weight * T^2 * teacher + feature_weight * features.

    features: layers of the student, by name, and those of the teacher whose outputs they are to have; the loss of each
    is the mean square of the difference over the mean square of the teacher's, of the examples that are seen at once.
    """

    temperature: float = 4.0
    weight: float = 0.5
    features: Mapping[str, str] = field(default_factory=dict)
    feature_weight: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.temperature < float("inf"):
            raise ValueError(f"temperature: expected a number over 0; found {self.temperature!r}")
        if not 0 <= self.weight <= 1:
            raise ValueError(f"weight: expected a number from 0 to 1; found {self.weight!r}")
        if not 0 <= self.feature_weight < float("inf"):
            raise ValueError(f"feature_weight: expected a number of at least 0; found {self.feature_weight!r}")
        if bool(self.features) != bool(self.feature_weight):
            raise ValueError(
                f"features: expected them with a feature_weight over 0, and it with them; found {dict(self.features)} "
                f"and feature_weight {self.feature_weight!r}"
            )


class Teaching:
    """A teacher for a student: what its answers add to the student's loss.

    Both are functional or Sequential models of one input and one output, of the same shapes. Neither is changed.
    Raises ValueError for two that do not fit.
    """

    def __init__(self, student: keras.Model, teacher: keras.Model, weights: DistillationWeights):
        _check_shapes(student, teacher)
        self.weights = weights
        self._student = _with_features(student, weights.features.keys(), "the student")
        self._teacher = _with_features(teacher, weights.features.values(), "the teacher")
        outputs = zip(self._student.outputs[1:], self._teacher.outputs[1:], strict=True)
        for (own, other), (mine, theirs) in zip(weights.features.items(), outputs, strict=True):
            if mine.shape != theirs.shape:
                raise ValueError(
                    f"features: expected layers whose outputs have one shape; found {own} of {tuple(mine.shape[1:])} "
                    f"and the teacher's {other} of {tuple(theirs.shape[1:])}"
                )

    def answers(self, x: Any) -> list[Any]:
        """Give the teacher's output and features; no gradient goes through them."""
        return [ops.stop_gradient(answer) for answer in _listed(self._teacher(x, training=False))]

    def outputs(self, x: Any, training: bool) -> list[Any]:
        """Give the student's output and features."""
        return _listed(self._student(x, training=training))

    def divergence(self, logits: Any, teachers: Any) -> Any:
        """Return weight * T^2 * KL(teacher || student) of each example, from logits (batch, ..., classes)."""
        T = self.weights.temperature
        ours, theirs = (ops.log_softmax(one / T, axis=-1) for one in (logits, ops.cast(teachers, logits.dtype)))
        return self.weights.weight * T * T * ops.sum(ops.exp(theirs) * (theirs - ours), axis=-1)

    def feature_loss(self, features: list[Any], teachers: list[Any]) -> Any:
        """Return feature_weight times the sum, over features, of their relative mean square error."""
        total = 0.0
        for mine, theirs in zip(map(_wide, features), map(_wide, teachers), strict=True):
            scale = ops.mean(ops.square(theirs)) + keras.config.epsilon()
            total += ops.mean(ops.square(mine - theirs)) / scale
        return self.weights.feature_weight * total


class Distillation(keras.Model):
    """Train `student` by plain `fit`, on any backend of Keras, by what `teacher` says beside the labels.

    Compile it like the student, with a loss on its outputs, and fit it. The student is trained in place, and saved and
    exported by itself afterwards. Metrics and validation are the student's; a validation's loss is the labels' alone.

        model = Distillation(student, teacher, temperature=4, weight=0.5)
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        model.fit(x, y)

    Args:
        student, teacher: as in Teaching.
        temperature, weight, features, feature_weight: as in DistillationWeights.
        logits: whether both give logits; otherwise probabilities, after a softmax.

    Sample weights are for the labels' part. Raises ValueError for weights that make no sense, and for models that do
    not fit: a teacher of other classes, say.
    """

    def __init__(
        self,
        student: keras.Model,
        teacher: keras.Model,
        *,
        temperature: float = 4.0,
        weight: float = 0.5,
        features: Mapping[str, str] | None = None,
        feature_weight: float = 0.0,
        logits: bool = False,
    ):
        weights = DistillationWeights(temperature, weight, features or {}, feature_weight)
        teaching = Teaching(student, teacher, weights)
        super().__init__(name=f"{student.name}_distilled")
        self.student, self.logits = student, logits
        self._teaching = lambda: teaching  # out of sight of Keras, which would train the teacher too

    def build(self, input_shape: Any) -> None:
        self.built = True

    def call(self, x: Any, training: bool | None = None) -> Any:
        if not training:
            return self.student(x, training=training)
        teaching = self._teaching()
        (output, *features), (answer, *teachers) = teaching.outputs(x, True), teaching.answers(x)
        own, other = (one if self.logits else log_probabilities(one) for one in (_wide(output), _wide(answer)))
        self.add_loss(ops.mean(teaching.divergence(own, other)))
        if features:
            self.add_loss(teaching.feature_loss(features, teachers))
        return output

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Weigh the labels' loss; what layers and `call` have added to it counts in full."""
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if not training:
            return loss
        weight = self._teaching().weights.weight
        return (1 - weight) * loss + weight * sum(ops.sum(added) for added in self.losses)


def log_probabilities(probabilities: Any) -> Any:
    """Return logits that a softmax makes these of: their logarithms, which differ from any others by a constant."""
    return ops.log(ops.maximum(probabilities, keras.config.epsilon()))


def _wide(tensor: Any) -> Any:
    """In single precision at least."""
    return ops.cast(tensor, keras.backend.result_type(tensor.dtype, "float32"))


def _listed(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, list | tuple) else [outputs]


def _check_shapes(student: keras.Model, teacher: keras.Model) -> None:
    for role, model in (("student", student), ("teacher", teacher)):
        if len(getattr(model, "inputs", None) or ()) != 1 or len(getattr(model, "outputs", None) or ()) != 1:
            raise ValueError(
                f"{role}: expected a Sequential or functional model of one input and one output, found {model.name}"
            )
    for what, mine, theirs in (
        ("classes", student.outputs[0].shape[1:], teacher.outputs[0].shape[1:]),
        ("input", student.inputs[0].shape[1:], teacher.inputs[0].shape[1:]),
    ):
        if mine != theirs:
            raise ValueError(
                f"teacher: expected the student's {what}, {tuple(mine)}; found {tuple(theirs)}. Take a teacher that "
                "was trained on the same data"
            )


def _with_features(model: keras.Model, names: Collection[str], role: str) -> keras.Model:
    """The model with the outputs of layers beside its own."""
    known = [layer.name for layer in model.layers]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
            raise ValueError(f"features: {role} has no layer {name!r}; did you mean {near[0]!r}?")
    if not names:
        return model
    return keras.Model(model.inputs[0], [model.outputs[0], *(model.get_layer(name).output for name in names)])
