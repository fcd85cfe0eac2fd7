"""Trained weights to begin with, a teacher and gradual sparsity, as a configuration asks for them in a run."""

import csv
import re

import keras
import numpy as np
import pytest
import tensorflow as tf
from safetensors.numpy import load_file

import lcnn_train.training.fit
from lcnn_train import ConfigError, LookupDense, lookup_model
from lcnn_train.cli import main
from lcnn_train.config.training import Train
from lcnn_train.layers import sparsity
from lcnn_train.sources.load import load_model
from lcnn_train.training.extras import start_from, take_dictionaries
from lcnn_train.training.gradual.pruner import GradualSettings, Pruner
from tests.helpers.steps import BATCH, network, state
from tests.helpers.training import SMALL, numpy_of, small
from tests.train.training.test_fit import CONFIG, write_config

PRUNED = {
    **CONFIG,
    "model": {"name": "lenet", "variant": "fast", "dictionary": ["dense", "none", 16], "l1": 0.0, "threshold": 0.0},
    "augment": [],
    "train": {
        "epochs": 2,
        "batch_size": 40,
        "deterministic": True,
        "threads": 1,
        "start_from": "runs/dense",
        "sparsity": {"target": 0.2, "every": 1, "regrow": 0.1, "score": "taylor", "dictionaries": "shrink"},
        "distillation": {"teacher": "runs/dense"},
        "checkpoint_steps": 3,
    },
}
DENSE = {
    **PRUNED,
    "name": "dense",
    "model": {"name": "lenet", "variant": "dense"},
    "train": {"epochs": 1, "batch_size": 40},
}


class StopError(Exception):
    """In the place of a kill."""


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dense, pruned = (write_config(tmp_path / f"{name}.yaml", values) for name, values in (("d", DENSE), ("p", PRUNED)))
    assert main(["fit", str(dense)]) == 0
    return lambda *arguments: main(["fit", str(pruned), *arguments])


def test_from_a_dense_run_to_a_sparse_one_and_to_the_bit_after_an_interruption(here, tmp_path, monkeypatch):
    """The dense run is the start and the teacher; a stop between two events changes nothing of what comes out."""
    assert here("--run", "whole") == 0
    save = lcnn_train.training.state.TrainingState.save

    def stopping(self, run, progress):
        save(self, run, progress)
        if progress.step == 3 and progress.epoch == 0:
            raise StopError

    monkeypatch.setattr(lcnn_train.training.state.TrainingState, "save", stopping)
    with pytest.raises(StopError):
        here("--run", "resumed")
    monkeypatch.setattr(lcnn_train.training.state.TrainingState, "save", save)
    (tmp_path / "runs" / "dense").rename(tmp_path / "runs" / "elsewhere")
    moved = "train.distillation.teacher=runs/elsewhere"  # what the run begins with is not asked for again
    assert here("--run", "resumed", "--set", moved) == 0
    whole, resumed = (
        load_file(tmp_path / name / "checkpoints" / "epoch-0002.safetensors") for name in ("whole", "resumed")
    )
    assert whole.keys() == resumed.keys()
    for key, value in whole.items():
        np.testing.assert_array_equal(resumed[key], value, err_msg=key)
    rows = list(csv.DictReader((tmp_path / "whole" / "log.csv").open()))
    assert float(rows[0]["density_fc1"]) > float(rows[1]["density_fc1"])
    assert float(rows[0]["val_accuracy"]) > 0.05
    model = load_model(tmp_path / "whole").model  # the best there is, of the epoch after the target alone
    assert 0.19 < Pruner(model, GradualSettings(0.2, end=1, dictionaries="shrink")).share() <= 0.2


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("train.start_from=none", "train.start_from: expected a run folder or a .keras file, found 'none'"),
        ("train.distillation.teacher=p.yaml", "train.distillation.teacher: expected a run folder or a .keras file"),
        ("train.sparsity.target=0.0001", "train.sparsity: target: expected a share .* the nearest is 0.0"),
        ("train.sparsity.dictionaries_of={conv9: keep}", "train.sparsity: dictionaries_of: .* of conv2, fc1; found"),
        ("model.dictionary=dense", "train.sparsity: lenet-lcnn-fast has no lookup layers"),
        ("train.distillation={teacher: other.keras}", r"the student's classes, \(10,\); found \(7,\)"),
        ("train.distillation={teacher: broken.keras}", "teacher: not a .keras file that can be loaded"),
    ],
)
def test_bad_input(setting, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(7)]).save("other.keras")
    (tmp_path / "broken.keras").write_bytes(b"PK")
    without = ("start_from", "distillation")
    values = {**PRUNED, "train": {key: value for key, value in PRUNED["train"].items() if key not in without}}
    config = write_config(tmp_path / "p.yaml", values)
    assert main(["fit", str(config), "--data", str(SMALL), "--set", setting]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert re.search(message, error), error


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sparsity": {"target": 0.5, "end_epoch": 13.0}}, "within train.epochs = 12; found 0.0 and 13.0"),
        ({"sparsity": {"target": 0.5, "begin_epoch": 9.0}}, "expected begin_epoch before end_epoch"),
        ({"sparsity": {"target": 0.5}, "early_stop": {"patience": 2}}, "from_epoch: expected at least 9, where"),
        ({"distillation": {"teacher": "a", "feature_weight": 1.0}}, "features and a feature_weight over 0 go together"),
    ],
)
def test_settings_that_do_not_fit(settings, message):
    with pytest.raises(ValueError, match=message):
        Train.model_validate(settings)


def test_the_masks_are_those_of_the_run_step():
    layer = LookupDense(8, 5, l1=0, threshold=0)
    model = keras.Sequential([keras.Input((6,)), layer, keras.layers.Dense(4, activation="softmax")])
    ours = state(model, sparsity={"target": 0.6, "end_epoch": 0.5, "every": 2, "of": "lookups"}, epochs=2)
    counts = []
    for step in range(1, 8):
        ours.step.train(BATCH)
        ours.pruning.after(step, BATCH)
        counts.append(sparsity.lookups(layer))
    assert counts[0] == 40
    assert counts[1] == counts[2] < 40
    assert counts[4:] == [24, 24, 24]
    assert [ours.pruning.is_done(step) for step in (4, 5)] == [False, True]


def test_smoothed_labels_and_weights_of_classes_are_those_of_keras():
    model = network()
    ours = state(model, label_smoothing=0.2, class_weights=[1.0, 2.0, 0.5, 3.0])
    x, y = BATCH
    losses = ours.step.labels
    probabilities = model(x)
    logits = tf.math.log(probabilities)
    found = losses(logits, tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits), y)
    targets = tf.one_hot(y, 4) * 0.8 + 0.05
    expected = keras.losses.categorical_crossentropy(targets, probabilities) * tf.gather([1.0, 2.0, 0.5, 3.0], y)
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    before, plain = model.get_weights(), network()
    ours.step.train(BATCH)
    state(plain).step.train(BATCH)
    moved = zip(before, model.get_weights(), plain.get_weights(), strict=True)
    assert any((new != old).any() and (new != other).any() for old, new, other in moved)
    with pytest.raises(ConfigError, match="class_weights: expected one for each of 4 classes; found 2"):
        state(class_weights=[1.0, 2.0])


class TestStartFrom:
    """Of a trained model, layer by layer."""

    def change(self, model, trained, x):
        start_from(model, trained)
        a, b = (m.predict(x, verbose=0) for m in (model, trained))
        return np.abs(a - b).max()

    def test_dense_layers_to_lookups_without_dictionaries_and_back_to_the_same(self, digits):
        x = digits.images[:4, ..., None].astype(np.float32) / 255
        dense = small()
        pruned = lookup_model(small(), None, threshold=0)
        assert self.change(pruned, dense, x) < 1e-6
        again = lookup_model(small(), None, threshold=0)
        pruned.get_layer("conv2").alive.assign(np.random.default_rng(0).random((3, 3, 8, 12)) < 0.5)
        assert self.change(again, pruned, x) == 0
        assert sparsity.lookups(again.get_layer("conv2")) < 3 * 3 * 8 * 12

    def test_a_dictionary_is_dropped(self, digits):
        """P becomes what D and P make together."""
        x = digits.images[:4, ..., None].astype(np.float32) / 255
        pruned = lookup_model(small(), None, threshold=0, l1=0)
        assert self.change(pruned, lookup_model(small(), 4, threshold=0.3), x) < 1e-5

    def test_what_does_not_fit(self):
        other = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Conv2D(9, 5, name="conv1")], name="other")
        with pytest.raises(ConfigError, match=r"conv1 of other has weights of .*5, 5, 1, 9.*; expected .*5, 5, 1, 8"):
            start_from(lookup_model(small(), None), other)
        with pytest.raises(
            ConfigError, match=r"train\.start_from: nothing has no layer conv1; expected the same names"
        ):
            start_from(small(), keras.Sequential([keras.Input((2,))], name="nothing"))


class TestDictionariesFrom:
    """Dictionaries of another network: by a layer's name, else of its place; frozen from then on."""

    def of(self, *layers):
        return keras.Sequential(
            [keras.Input((6,)), *layers, keras.layers.Dense(4, activation="softmax")], name="trained"
        )

    def test_the_layer_of_the_name_comes_before_the_last_of_the_place(self):
        trained = self.of(LookupDense(6, 5, name="a_1"), LookupDense(6, 5, name="a_2"), LookupDense(6, 5, name="b_1"))
        model = self.of(LookupDense(6, 5, name="a_1"), LookupDense(6, 5, name="a_7"), LookupDense(6, None, name="c_1"))
        before = {name: numpy_of(model.get_layer(name).P) for name in ("a_1", "a_7")}
        take_dictionaries(model, trained)
        for name, source in (("a_1", "a_1"), ("a_7", "a_2")):
            np.testing.assert_array_equal(model.get_layer(name).D, trained.get_layer(source).D)
        ours = state(model)
        for _ in range(3):
            ours.step.train(BATCH)
        for name, source in (("a_1", "a_1"), ("a_7", "a_2")):
            np.testing.assert_array_equal(model.get_layer(name).D, trained.get_layer(source).D)
            assert (numpy_of(model.get_layer(name).P) != before[name]).any()

    @pytest.mark.parametrize("other", [LookupDense(6, 4, name="a_1"), LookupDense(6, 5, name="b_1")])
    def test_no_dictionary_that_fits(self, other):
        with pytest.raises(ConfigError, match=r"dictionaries_from: trained has no layer a_1, nor another of a with a"):
            take_dictionaries(self.of(LookupDense(6, 5, name="a_1")), self.of(other))
