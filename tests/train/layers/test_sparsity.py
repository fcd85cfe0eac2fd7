"""What survives and how it is counted: the threshold, exactly s lookups a tap, filters in groups, no dictionary."""

import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import ops

from lcnn_train import LookupConv2D, LookupDense
from lcnn_train.layers import sparsity
from lcnn_train.layers.sparsity import Rule, survivors
from tests.helpers.training import WatchZeros, numpy_of, randomize, slope, some_places


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


def test_the_largest_of_each_tap():
    P = np.random.default_rng(0).normal(size=(2, 3, 7, 4)).astype(np.float32)
    kept = numpy_of(survivors(P, np.ones(P.shape, bool), Rule(99, lookups_per_tap=3)))
    assert (kept.sum(axis=2) == 3).all()
    for r, c, o in np.ndindex(2, 3, 4):
        assert set(np.flatnonzero(kept[r, c, :, o])) == set(np.argsort(-np.abs(P[r, c, :, o]))[:3])


def test_equal_entries_and_zeros_do_not_make_more_or_less():
    P = np.float32([[1, 1, 1, 1, 0], [0, 2, 0, -2, 2], [0, 0, 3, 0, 0], [0, 0, 0, 0, 0]]).T
    kept = numpy_of(survivors(P, np.ones(P.shape, bool), Rule(0, lookups_per_tap=2))).T
    np.testing.assert_array_equal(
        kept, np.array([[1, 1, 0, 0, 0], [0, 1, 0, 1, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0, 0]], bool)
    )


def test_dead_entries_leave_their_place_to_others():
    P = np.float32([[4], [3], [2], [1]])
    alive = np.array([[False], [True], [True], [True]])
    np.testing.assert_array_equal(numpy_of(survivors(P, alive, Rule(0, lookups_per_tap=2))), [[0], [1], [1], [0]])
    np.testing.assert_array_equal(numpy_of(survivors(P, alive, Rule(0, lookups_per_tap=9))), alive)


def blocks_of(values, atoms, filters):
    """Each block of P by itself: (tap, first atom, first filter) and its entries, from the definition."""
    taps = values.reshape(-1, *values.shape[-2:])
    return {
        (tap, k, n): taps[tap, k : k + atoms, n : n + filters]
        for tap in range(len(taps))
        for k in range(0, taps.shape[1], atoms)
        for n in range(0, taps.shape[2], filters)
    }


@pytest.mark.parametrize("shape", [(3, 2, 6, 16), (2, 1, 5, 18), (7, 33), (1, 3)])
@pytest.mark.parametrize("blocks", [(1, 8), (2, 1), (2, 16), (2, 32)])
@pytest.mark.parametrize("lookups_per_tap", [None, 2, 4])
def test_entries_of_a_block_share_one_fate(shape, blocks, lookups_per_tap):
    """Against the definition, block by block, smaller last ones too; a dead entry takes its block with it."""
    rng = np.random.default_rng(0)
    P, alive = rng.normal(size=shape).astype(np.float32), rng.random(shape) < 0.99
    rule = Rule(0.9, lookups_per_tap, groups_of=blocks[1], atoms_of=blocks[0])
    kept = blocks_of(numpy_of(survivors(P, alive, rule)), *blocks)
    living = blocks_of(alive, *blocks)
    sizes = {where: np.sqrt(np.mean(np.square(block))) for where, block in blocks_of(P, *blocks).items()}
    for where, block in kept.items():
        assert block.all() == block.any()
        rivals = [sizes[other] for other in sizes if other[::2] == where[::2] and living[other].all()]
        least = sorted(rivals)[-(max((lookups_per_tap or 0) // blocks[0], 1)) :][0] if rivals else np.inf
        large = sizes[where] > 0.9 if lookups_per_tap is None else sizes[where] >= least
        assert block.all() == (living[where].all() and large)


@pytest.mark.parametrize("lookups_per_tap", [None, 2])
def test_a_group_has_one_fate(lookups_per_tap):
    """By the root mean square of its filters; and one dead filter takes its group with it."""
    P = np.random.default_rng(0).normal(size=(3, 5, 8)).astype(np.float32)
    alive = np.ones(P.shape, bool)
    alive[0, 0, 1] = False
    kept = numpy_of(survivors(P, alive, Rule(1.0, lookups_per_tap, groups_of=4)))
    groups = kept.reshape(3, 5, 2, 4)
    assert (groups.all(-1) == groups.any(-1)).all()
    assert not groups[0, 0, 0].any()
    size = np.sqrt(np.square(P.reshape(3, 5, 2, 4)).mean(-1))
    size[0, 0, 0] = 0
    if lookups_per_tap is None:
        np.testing.assert_array_equal(groups.all(-1), size > 1)
    else:
        np.testing.assert_array_equal(groups.all(-1), size >= np.sort(size, axis=1)[:, -2:-1])


def test_the_loss_of_groups_is_that_of_entries_where_these_are_equal():
    P = np.zeros((2, 3, 8), np.float32)
    P[0, 1, :4] = 0.5
    assert float(sparsity.norm(P)) == pytest.approx(2)
    assert float(sparsity.norm(P, (1, 4))) == pytest.approx(2)
    P[0, 1, 0] = 0
    assert float(sparsity.norm(P, (1, 4))) == pytest.approx(4 * 0.5 * np.sqrt(3 / 4))
    assert float(sparsity.norm(np.full((3, 5), 0.5, np.float32), (2, 4))) == pytest.approx(15 * 0.5)


LAYERS = {
    "s lookups": {"dictionary": 5, "lookups_per_tap": 2},
    "groups": {"dictionary": 5, "groups_of": 4, "threshold": 0.4},
    "groups of s lookups": {"dictionary": 5, "groups_of": 2, "lookups_per_tap": 2},
    "pairs": {"dictionary": 5, "atoms_of": 2, "threshold": 0.4},
    "pairs in groups of s lookups": {"dictionary": 6, "groups_of": 4, "atoms_of": 2, "lookups_per_tap": 4},
    "no dictionary": {"dictionary": None, "threshold": 0.2},
    "no dictionary, groups of s lookups": {"dictionary": None, "groups_of": 2, "lookups_per_tap": 1},
}


@pytest.mark.parametrize("name", LAYERS)
def test_gradient_equals_finite_differences(name):
    """In float64, of the output and of the loss of L1 or of groups; 0 at the entries that are zeroed."""
    layer = LookupConv2D(6, 3, **LAYERS[name], l1=2.0, strides=2, activation="tanh", dtype="float64")
    model = keras.Sequential([keras.Input((7, 7, 3)), layer])
    randomize(model, 1.0)
    X = ops.convert_to_tensor(np.random.default_rng(3).normal(size=(2, 7, 7, 3)), "float64")

    def loss():
        return ops.sum(ops.square(layer(X))) + ops.sum(layer.losses[-1]) * 1e3

    with tf.GradientTape() as tape:
        value = loss()
    variables = [v for v in (layer.P, layer.bias, layer.D) if v is not None]
    gradients = [numpy_of(g) for g in tape.gradient(value, [v.value for v in variables])]
    for variable, gradient in zip(variables, gradients, strict=True):
        for where in some_places(variable.shape, 25):
            assert gradient[where] == pytest.approx(slope(loss, variable, where), rel=1e-5, abs=1e-7)
    kept = numpy_of(layer.surviving())
    assert 0 < kept.sum() < kept.size
    assert not gradients[0][~kept].any()
    assert gradients[0][kept].all()


@pytest.mark.parametrize("name", LAYERS)
def test_an_entry_that_was_once_zero_stays_zero(name, digits):
    """Under plain fit with momentum and weight decay; s stays s, and groups stay together."""
    settings = LAYERS[name]
    model = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            LookupConv2D(6, 5, **settings, strides=2),
            keras.layers.ReLU(),
            LookupConv2D(6, 3, **settings, strides=2),
            keras.layers.Flatten(),
            LookupDense(12, **settings, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    optimizer = keras.optimizers.SGD(0.02, momentum=0.95, weight_decay=1e-3)
    model.compile(optimizer, "sparse_categorical_crossentropy", jit_compile=False)
    watch = WatchZeros()
    X = digits.images[..., None].astype(np.float32) / 255
    model.fit(X, digits.labels, epochs=4, batch_size=10, verbose=0, callbacks=[watch])
    for layer in sparsity.lookup_layers(model):
        kept = numpy_of(layer.surviving())
        assert 0 < kept.sum() < kept.size or layer.P.shape[-2] == 1
        if "lookups_per_tap" in settings:
            assert (kept.sum(axis=-2) == min(settings["lookups_per_tap"], layer.atoms)).all()
        for block in blocks_of(kept, settings.get("atoms_of", 1), settings.get("groups_of", 1)).values():
            assert block.all() == block.any()


def test_without_a_dictionary_a_layer_is_a_pruned_convolution():
    layer = LookupConv2D(4, 3, None, padding="same", use_bias=False)
    model = keras.Sequential([keras.Input((6, 6, 5)), layer])
    randomize(model, 0.3)
    assert layer.D is None
    assert layer.atoms == 5
    assert tuple(layer.P.shape) == (3, 3, 5, 4)
    X = np.random.default_rng(0).normal(size=(2, 6, 6, 5)).astype(np.float32)
    expected = ops.conv(X, layer.sparse_P(), padding="same", data_format="channels_last")
    np.testing.assert_allclose(numpy_of(model(X)), numpy_of(expected), atol=1e-6)


def test_a_dense_layer_works_on_the_last_axis():
    layer = LookupDense(3, 4, bias_initializer="random_normal")
    model = keras.Sequential([keras.Input((5, 6, 7)), layer])
    X = np.random.default_rng(0).normal(size=(2, 5, 6, 7)).astype(np.float32)
    expected = X @ numpy_of(layer.D) @ numpy_of(layer.sparse_P()) + numpy_of(layer.bias)
    np.testing.assert_allclose(numpy_of(model(X)), expected, atol=1e-5)
    assert model.output_shape == (None, 5, 6, 3)


def test_saved_and_loaded_without_custom_objects(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((9, 9, 2)),
            LookupConv2D(4, 3, 5, lookups_per_tap=2, groups_of=2, bias_regularizer="l2"),
            LookupConv2D(4, 3, None, groups_of=4, atoms_of=2),
            keras.layers.Flatten(),
            LookupDense(6, 3, groups_of=2, bias_constraint="non_neg"),
        ]
    )
    X = np.random.default_rng(0).normal(size=(2, 9, 9, 2)).astype(np.float32)
    np.savez(tmp_path / "expected.npz", X=X, Y=numpy_of(model(X)))
    model.save(tmp_path / "model.keras")
    code = """
import sys, numpy as np, lcnn_train, keras
model = keras.models.load_model(sys.argv[1] + "/model.keras")
expected = np.load(sys.argv[1] + "/expected.npz")
np.testing.assert_array_equal(np.asarray(model(expected["X"])), expected["Y"])
first, second, _, last = model.layers
assert (first.lookups_per_tap, first.groups_of, second.dictionary, last.groups_of) == (2, 2, None, 2)
assert (first.atoms_of, second.atoms_of) == (1, 2)
assert isinstance(first.bias_regularizer, keras.regularizers.L2)
assert isinstance(last.bias_constraint, keras.constraints.NonNeg)
"""
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"lookups_per_tap": 0}, "lookups_per_tap must be an integer of at least 1. Received: lookups_per_tap=0"),
        ({"lookups_per_tap": 1.5}, "Received: lookups_per_tap=1.5"),
        ({"groups_of": 0}, "groups_of must be an integer of at least 1. Received: groups_of=0"),
        ({"groups_of": 3}, "groups_of must be one of 1, 2, 4, 8, 16, 32. Received: groups_of=3"),
        ({"atoms_of": 4}, "atoms_of must be one of 1, 2. Received: atoms_of=4"),
        ({"lookups_per_tap": 3, "atoms_of": 2}, "must be a multiple of atoms_of=2. Received: lookups_per_tap=3"),
    ],
)
def test_arguments_that_make_no_layer(arguments, message):
    with pytest.raises(ValueError, match=message):
        LookupConv2D(6, 3, 2, **arguments)
    with pytest.raises(ValueError, match=message):
        LookupDense(6, 2, **arguments)
