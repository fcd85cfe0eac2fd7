"""What survives, and how it is counted."""

import keras
import numpy as np
from keras import ops

from lcnn_train import LookupConv2D
from lcnn_train.layers import sparsity
from tests.helpers.training import randomize


def test_density_and_lookups_count_what_the_layer_computes_with():
    layer = LookupConv2D(6, 3, 4, threshold=0.3)
    model = keras.Sequential([keras.Input((8, 8, 2)), layer])
    randomize(model, 0.5)
    used = np.count_nonzero(ops.convert_to_numpy(layer.sparse_P()))
    assert 0 < used < 3 * 3 * 4 * 6
    assert sparsity.lookups(layer) == used
    assert sparsity.density(layer) == used / (3 * 3 * 4 * 6)
    assert sparsity.lookup_layers(model) == [layer]
    assert sparsity.lookup_multiplications(layer, used) == used * 6 * 6
