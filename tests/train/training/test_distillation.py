"""A student learns from its teacher: the loss by hand, under plain fit and in the trainer's step; teachers that do
not fit."""

import os
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from lcnn_train import Distillation
from lcnn_train.errors import ConfigError
from lcnn_train.training.distillation import DistillationWeights
from tests.helpers.interpreters import python
from tests.helpers.steps import BATCH, X, Y, network, state, weights
from tests.helpers.training import numpy_of


def teacher_of(classes=4, features=6, name="teacher", seed=9):
    keras.utils.set_random_seed(seed)
    return keras.Sequential(
        [
            keras.Input((features,)),
            layers.Dense(8, activation="relu", name="hidden"),
            layers.Dense(classes, activation="softmax", name="answers"),
        ],
        name=name,
    )


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def by_hand(student, teacher, weight, T, feature_weight=0.0):
    """The loss of the batch without penalties, in float64."""
    own, other = (np.asarray(m.predict(X, verbose=0), np.float64) for m in (student, teacher))
    labels = -np.log(own[np.arange(12), Y]).mean()
    p, q = softmax(np.log(other) / T), softmax(np.log(own) / T)
    loss = (1 - weight) * labels + weight * T * T * (p * np.log(p / q)).sum(axis=-1).mean()
    if feature_weight:
        mine, theirs = (
            numpy_of(keras.Model(m.inputs, m.get_layer(name).output)(X))
            for m, name in ((student, "lookup"), (teacher, "hidden"))
        )
        loss += feature_weight * np.square(mine - theirs).mean() / np.square(theirs).mean()
    return loss


@pytest.mark.parametrize("feature_weight", [0.0, 0.7])
def test_the_loss_of_plain_fit(feature_weight):
    student, teacher = network(), teacher_of()
    features = {"lookup": "hidden"} if feature_weight else None
    model = Distillation(
        student, teacher, temperature=3.0, weight=0.4, features=features, feature_weight=feature_weight
    )
    model.compile(keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy", metrics=["accuracy"], jit_compile=False)
    expected = by_hand(student, teacher, 0.4, 3.0, feature_weight) + float(student.get_layer("lookup").penalty())
    assert float(model.train_on_batch(X, Y)[0]) == pytest.approx(expected, rel=1e-5)
    labels = by_hand(student, teacher, 0.0, 1.0) + float(student.get_layer("lookup").penalty())
    assert float(model.evaluate(X, Y, verbose=0)[0]) == pytest.approx(labels, rel=1e-5)


@pytest.mark.parametrize(("accumulate", "feature_weight"), [(1, 0.0), (3, 0.0), (1, 0.7)])
def test_a_step_of_the_trainer_is_one_of_plain_fit(accumulate, feature_weight):
    """The same weights after some steps; the teacher's are what they were, and it is not trained."""
    chosen = {"temperature": 3.0, "weight": 0.4, "feature_weight": feature_weight}
    chosen["features"] = {"lookup": "hidden"} if feature_weight else {}
    teacher, plain = teacher_of(), network()
    before = weights(teacher)
    ours = state(teacher=teacher, distillation={"teacher": "given", **chosen}, accumulate=accumulate)
    theirs = Distillation(plain, teacher, **chosen)
    theirs.compile(keras.optimizers.SGD(0.1, momentum=0.9), "sparse_categorical_crossentropy", jit_compile=False)
    assert len(theirs.trainable_variables) == len(plain.trainable_variables)
    for _ in range(4):
        ours.step.train(BATCH)
        theirs.train_on_batch(X, Y)
    for mine, other in zip(weights(ours.model), weights(plain), strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-5)
    for mine, former in zip(weights(teacher), before, strict=True):
        np.testing.assert_array_equal(mine, former)
    assert all(layer.trainable for layer in teacher.layers)


def test_a_student_comes_near_its_teacher():
    """By the teacher alone, whatever the labels are."""
    student, teacher = network(), teacher_of()
    student.get_layer("lookup").l1 = 0.0
    model = Distillation(student, teacher, temperature=2.0, weight=1.0)
    model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
    first = by_hand(student, teacher, 1.0, 1.0)
    model.fit(X, Y, epochs=60, verbose=0)
    assert by_hand(student, teacher, 1.0, 1.0) < first / 5


def test_logits_are_taken_as_they_are():
    keras.utils.set_random_seed(1)
    student, teacher = (keras.Sequential([keras.Input((6,)), layers.Dense(4)]) for _ in range(2))
    model = Distillation(student, teacher, temperature=3.0, weight=1.0, logits=True)
    model.compile(keras.optimizers.SGD(0.0), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    p, q = (softmax(m.predict(X, verbose=0).astype(np.float64) / 3) for m in (teacher, student))
    expected = 9 * (p * np.log(p / q)).sum(axis=-1).mean()
    assert float(model.train_on_batch(X, Y)) == pytest.approx(expected, rel=1e-5)


def test_the_figures_of_a_step_are_those_of_the_labels():
    ours = state(teacher=teacher_of(), distillation={"teacher": "given", "weight": 0.9})
    plain = state()
    assert vars(ours.step.train(BATCH)[0]) == pytest.approx(vars(plain.step.train(BATCH)[0]), rel=1e-5)
    everything = ours.step.evaluate((*BATCH, tf.ones(12, tf.float64)))
    assert everything.images == 12


UNFIT = {
    "other classes": (
        lambda: teacher_of(classes=5),
        {},
        r"the student's classes, \(4,\); found \(5,\)\. Take a teacher",
    ),
    "another input": (lambda: teacher_of(features=7), {}, r"the student's input, \(6,\); found \(7,\)"),
    "two outputs": (
        lambda: keras.Model(i := keras.Input((6,)), [layers.Dense(4)(i), layers.Dense(4)(i)], name="two"),
        {},
        "teacher: expected a Sequential or functional model of one input and one output, found two",
    ),
    "no such layer": (
        teacher_of,
        {"features": {"lookup": "hiden"}, "feature_weight": 1.0},
        "features: the teacher has no layer 'hiden'; did you mean 'hidden'?",
    ),
    "features of another shape": (
        teacher_of,
        {"features": {"lookup": "answers"}, "feature_weight": 1.0},
        r"one shape; found lookup of \(8,\) and the teacher's answers of \(4,\)",
    ),
}


@pytest.mark.parametrize("name", UNFIT)
def test_a_teacher_that_does_not_fit(name):
    make, options, message = UNFIT[name]
    with pytest.raises(ValueError, match=message):
        Distillation(network(), make(), **options)
    with pytest.raises(ConfigError, match=f"train.distillation: .*{message}"):
        state(teacher=make(), distillation={"teacher": "given", **options})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"temperature": 0}, "temperature: expected a number over 0; found 0"),
        ({"temperature": float("nan")}, "temperature: expected a number over 0; found nan"),
        ({"weight": 1.5}, "weight: expected a number from 0 to 1; found 1.5"),
        ({"feature_weight": -1}, "feature_weight: expected a number of at least 0; found -1"),
        ({"features": {"a": "b"}}, "features: expected them with a feature_weight over 0"),
        ({"feature_weight": 1.0}, "features: expected them with a feature_weight over 0"),
    ],
)
def test_weights_that_make_no_sense(arguments, message):
    with pytest.raises(ValueError, match=message):
        DistillationWeights(**arguments)


JAX = """
import keras, numpy as np
from lcnn_train import Distillation

assert keras.backend.backend() == "jax"
keras.utils.set_random_seed(1)

def network():
    image = keras.Input((6,))
    hidden = keras.layers.Dense(8, activation="relu", name="hidden")(image)
    return keras.Model(image, keras.layers.Dense(4, activation="softmax")(hidden))

student, teacher = network(), network()
x = np.random.default_rng(3).normal(size=(12, 6)).astype(np.float32)
y = teacher.predict(x, verbose=0).argmax(axis=1)
before = [np.array(w) for w in teacher.get_weights()]
model = Distillation(student, teacher, temperature=2.0, weight=0.5, features={"hidden": "hidden"}, feature_weight=0.5)
model.compile(keras.optimizers.Adam(0.02), "sparse_categorical_crossentropy")
losses = model.fit(x, y, epochs=30, verbose=0).history["loss"]
assert losses[-1] < losses[0] / 2, losses
assert np.abs(student.predict(x, verbose=0) - model.predict(x, verbose=0)).max() == 0
assert all((np.array(w) == b).all() for w, b in zip(teacher.get_weights(), before))
print("done")
"""


def test_the_compiled_steps_of_jax():
    pytest.importorskip("jax")
    result = python(JAX, KERAS_BACKEND="jax", PYTHONPATH=os.pathsep.join(sys.path))
    assert result.stdout.strip() == "done", result.stderr
