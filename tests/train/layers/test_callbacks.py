"""DensityLogger adds to the logs of plain `fit`, and its metrics are what the layers have."""

import keras
import numpy as np
import pytest

from lcnn_train import DensityLogger, LookupDense
from lcnn_train.layers.callbacks import density_line, density_metrics
from lcnn_train.layers.sparsity import density, lookups


@pytest.fixture
def model():
    model = keras.Sequential(
        [keras.Input((6,)), LookupDense(4, 3, l1=1.0, threshold=0.4, name="a"), keras.layers.Dense(2, name="b")]
    )
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("verbose", [False, True])
def test_every_epoch_has_density_and_lookups(model, verbose, capsys):
    x, y = np.ones((8, 6), np.float32), np.zeros((8, 2), np.float32)
    history = model.fit(x, y, epochs=2, verbose=0, callbacks=[DensityLogger(verbose)]).history
    layer = model.get_layer("a")
    assert history["density_a"][-1] == density(layer)
    assert history["lookup_multiplications"][-1] == lookups(layer)
    assert len(history["lookup_multiplications"]) == 2
    assert capsys.readouterr().out.count("density a ") == 2 * verbose


def test_the_line_of_the_metrics(model):
    metrics = density_metrics(model)
    assert list(metrics) == ["density_a", "lookup_multiplications"]
    assert density_line({"density_a": 0.25, "lookup_multiplications": 2_500_000}) == "density a 0.2500  lookups 2.50M"
