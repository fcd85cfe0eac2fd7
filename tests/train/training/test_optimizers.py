"""Optimizers are those that the schema names, and no other."""

from typing import get_args

import keras
import pytest

from lcnn_train import ConfigError
from lcnn_train.config.training import Optimizer
from lcnn_train.training.optimizers import OPTIMIZERS, WeightDecay, make_optimizer


def test_every_optimizer_of_the_schema_is_there_and_described():
    assert tuple(OPTIMIZERS) == get_args(Optimizer.model_fields["name"].annotation)
    assert all(entry.description for entry in OPTIMIZERS.values())


def test_each_is_keras_own_with_the_values_of_the_configuration():
    sgd = make_optimizer(Optimizer(name="sgd", momentum=0.7, nesterov=True), 0.1)
    assert (type(sgd), sgd.momentum, sgd.nesterov) == (keras.optimizers.SGD, 0.7, True)
    adagrad = make_optimizer(Optimizer(name="adagrad", initial_accumulator=0.3), 0.1)
    assert (type(adagrad), adagrad.initial_accumulator_value) == (keras.optimizers.Adagrad, 0.3)
    assert type(make_optimizer(Optimizer(name="adam"), 0.1)) is keras.optimizers.Adam


def test_an_unknown_one_is_refused():
    unknown = Optimizer.model_construct(name="rmsprop")
    with pytest.raises(ConfigError, match="expected one of sgd, adam, adagrad; found 'rmsprop'"):
        make_optimizer(unknown, 0.1)


@pytest.mark.parametrize(
    ("name", "kind"),
    [("sgd", keras.optimizers.SGD), ("adam", keras.optimizers.Adam), ("adagrad", keras.optimizers.Adagrad)],
)
def test_optimizers(name, kind):
    optimizer = make_optimizer(Optimizer(name=name, momentum=0.8, nesterov=True, initial_accumulator=0.2), 0.02)
    assert type(optimizer) is kind
    assert optimizer.weight_decay is None
    assert float(optimizer.learning_rate) == pytest.approx(0.02)
    config = optimizer.get_config()
    assert config.get("momentum", 0.8) == 0.8
    assert config.get("nesterov", True) is True
    assert config.get("initial_accumulator_value", 0.2) == 0.2


def test_weight_decay_is_for_its_epochs():
    decay = WeightDecay(Optimizer(weight_decay=0.5, weight_decay_epochs=[2, 3]), steps=10)
    assert [float(decay.at(step)) for step in (0, 9, 10, 29, 30)] == [0, 0, 0.5, 0.5, 0]
    always = WeightDecay(Optimizer(weight_decay=0.5), steps=10)
    assert [float(always.at(step)) for step in (0, 10**9)] == [0.5, 0.5]
