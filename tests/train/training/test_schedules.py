"""Learning rates, optimizers and weight decay are what the configuration says."""

import pytest

from lcnn_train.config.experiment import load_config
from lcnn_train.config.training import LearningRate
from lcnn_train.training.fit import build_model
from lcnn_train.training.schedules import learning_rate


def rates(settings, steps, epochs=4, steps_per_epoch=10, replicas=1):
    rate = learning_rate(LearningRate(**settings), epochs, steps_per_epoch, replicas)
    return [round(float(rate(step) if callable(rate) else rate), 6) for step in steps]


def test_cosine():
    assert rates({"initial": 0.02}, (0, 20, 40)) == [0.02, 0.01, 0]
    assert rates({"initial": 0.02, "final": 0.002}, (0, 20, 40)) == [0.02, 0.011, 0.002]


def test_piecewise_holds_each_rate_from_its_epoch_on():
    settings = {"schedule": "piecewise", "epochs": [1, 3, 4], "rates": [0.5, 0.25, 0.125]}
    assert rates(settings, (0, 19, 20, 29, 30, 39)) == [0.5, 0.5, 0.25, 0.25, 0.125, 0.125]


def test_step_multiplies_after_so_many_epochs():
    settings = {"schedule": "step", "initial": 0.8, "factor": 0.5, "every": 2}
    assert rates(settings, (0, 19, 20, 39, 40)) == [0.8, 0.8, 0.4, 0.4, 0.2]


def test_constant():
    assert learning_rate(LearningRate(schedule="constant", initial=0.3), 4, 10) == 0.3
    scaled = LearningRate(schedule="constant", initial=0.3, scale_by_replicas=True)
    assert learning_rate(scaled, 4, 10, replicas=4) == pytest.approx(1.2)


def test_warm_up_grows_to_the_rate_of_all_replicas():
    settings = {"schedule": "constant", "initial": 0.1, "warmup_epochs": 2.0, "scale_by_replicas": True}
    assert rates(settings, (0, 10, 20, 30), replicas=8) == [0.1, 0.45, 0.8, 0.8]
    assert rates(settings, (0, 30), replicas=1) == [0.1, 0.1]
    alone = {"schedule": "constant", "initial": 0.1, "warmup_epochs": 1.0, "warmup_start": 0.0}
    assert rates(alone, (0, 5, 10), replicas=8) == [0.0, 0.05, 0.1]
    steps = {"schedule": "piecewise", "epochs": [1, 3], "rates": [0.1, 0.01], "scale_by_replicas": True}
    assert rates({**steps, "warmup_epochs": 1.0}, (0, 10, 20), replicas=2) == [0.1, 0.2, 0.02]


def test_the_network_is_what_the_configuration_says():
    config = load_config(
        "mnist-alexnet-lcnn-fast",
        [
            "model={variant: accurate, channels: 3, classes: 7, l1: 0.4, threshold: 0.02, dropout: 0.2}",
            "preprocessing={mode: RGB, mean: [0, 0, 0], std: [1, 1, 1]}",
            "model.batch_norm_momentum=0.8",
        ],
    )
    model = build_model(config)
    assert model.input_shape == (None, *config.model.input_shape) == (None, 224, 224, 3)
    assert model.output_shape == (None, 7)
    conv2 = model.get_layer("conv2")
    assert (conv2.dictionary, conv2.l1, conv2.threshold) == (500, 0.4, 0.02)
    assert model.get_layer("fc6_dropout").rate == 0.2
    assert model.get_layer("fc7_norm").momentum == 0.8
