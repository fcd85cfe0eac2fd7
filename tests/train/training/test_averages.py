"""The moving average of the weights."""

import numpy as np

from tests.helpers.steps import BATCH, state, weights


def test_averages():
    """average <- decay * average + (1 - decay) * weight; in place they are what the model computes with."""
    ours = state(average=0.5)
    layer = ours.model.get_layer("lookup")
    expected = layer.P.numpy()
    for _ in range(4):
        ours.step.train(BATCH)
        expected = 0.5 * expected + 0.5 * layer.P.numpy()
    own, alive = weights(ours.model), layer.alive.numpy()
    assert (expected[~alive] != 0).any()  # the average of an entry that died is not 0 by itself
    with ours.averages.in_place():
        np.testing.assert_allclose(layer.P.numpy(), expected, atol=1e-6)
        assert not layer.sparse_P().numpy()[~alive].any()
        np.testing.assert_array_equal(layer.alive.numpy(), alive)
    for mine, former in zip(weights(ours.model), own, strict=True):
        np.testing.assert_array_equal(mine, former)
