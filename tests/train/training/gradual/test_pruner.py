"""The schedule, the budget over layers, dictionaries that are kept or shrunk, structures, regrowth, what is refused."""

from itertools import pairwise

import keras
import numpy as np
import pytest
from keras import layers

from lcnn_train import LookupConv2D, LookupDense, lookup_model
from lcnn_train.layers import sparsity
from lcnn_train.training.gradual.costs import LayerCost
from lcnn_train.training.gradual.pruner import GradualSettings, Pruner
from tests.helpers.training import numpy_of, small


def network(dictionary=None, **options):
    keras.utils.set_random_seed(2)
    return lookup_model(small(), dictionary, l1=0, threshold=0, **options)


def cost(pruner):
    return pruner.share() * pruner.whole


def gradients(pruner, seed=1):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=layer.P.shape).astype(np.float32) for layer in pruner.layers]


def test_the_schedule_is_cubic():
    settings = GradualSettings(0.1, end=140, begin=20, every=30)
    pruner = Pruner(network(), settings)
    shares = [pruner.budget(step) / pruner.whole for step in (0, 20, 80, 140, 999)]
    assert shares == pytest.approx([1, 1, 0.1 + 0.9 / 8, 0.1, 0.1])
    due = [step for step in range(1, 200) if settings.is_due(step - 1, step)]
    assert due == [50, 80, 110, 140]
    assert [step for step in range(7, 200, 7) if settings.is_due(step - 7, step)] == [56, 84, 112, 140]
    assert [s for s in range(1, 200) if GradualSettings(0.1, end=50, every=40).is_due(s - 1, s)] == [40, 50]


@pytest.mark.parametrize("of", ["lookups", "multiplications"])
@pytest.mark.parametrize("structure", [{}, {"groups_of": 8}, {"groups_of": 8, "atoms_of": 2}])
def test_the_target_is_reached_from_below_and_nearly(of, structure):
    model = network(**structure)
    pruner = Pruner(model, GradualSettings(0.2, end=10, of=of))
    masks = []
    for step in (4, 7, 10):
        pruner.prune(step)
        allowed = pruner.budget(step)
        largest = max(one.entry for one in pruner.costs) * structure.get("groups_of", 1) * structure.get("atoms_of", 1)
        assert allowed - largest - 1e-4 * allowed <= cost(pruner) <= allowed
        masks.append([numpy_of(layer.surviving()) for layer in pruner.layers])
    for before, after in pairwise(masks):
        assert not any((b & ~a).any() for a, b in zip(before, after, strict=True))
    for layer in pruner.layers:
        np.testing.assert_array_equal(numpy_of(layer.alive), numpy_of(layer.surviving()))
        assert not numpy_of(layer.P)[~numpy_of(layer.alive)].any()
        whole = numpy_of(sparsity.whole_blocks(layer.alive, layer.rule.blocks))
        np.testing.assert_array_equal(numpy_of(sparsity.spread(whole, layer.rule.blocks, layer.P.shape)), layer.alive)


def test_one_threshold_of_magnitude_for_cost():
    """Kept is P^2 of the layer's whole, for the positions that it is multiplied at: the same bound in every layer."""
    pruner = Pruner(network(), GradualSettings(0.3, end=1))
    starts = [numpy_of(layer.P) for layer in pruner.layers]
    pruner.prune(1)
    bounds = []
    for layer, P, one in zip(pruner.layers, starts, pruner.costs, strict=True):
        worth, kept = np.square(P) / np.square(P).sum() / one.entry, numpy_of(layer.alive)
        bounds.append((worth[~kept].max(initial=0), worth[kept].min()))
    assert max(low for low, _ in bounds) <= min(high for _, high in bounds) * (1 + 1e-5)


def test_a_cost_of_ones_own():
    """Where conv2 is free of charge nearly, the others pay."""
    pruner = Pruner(
        network(), GradualSettings(0.3, end=1, of=lambda layer: LayerCost(1e-3 if layer.name == "conv2" else 1, 0, 1e3))
    )
    pruner.prune(1)
    assert cost(pruner) <= 900
    kept = {layer.name: sparsity.density(layer) for layer in pruner.layers}
    assert kept["conv2"] > 0.95
    assert max(kept["conv1"], kept["fc1"]) < 0.95


def test_taylor_is_the_change_of_the_loss():
    pruner = Pruner(network(), GradualSettings(0.5, end=1, of="lookups", score="taylor"))
    assert pruner.needs_gradients
    given = gradients(pruner)
    worths = [np.square(numpy_of(layer.P) * g) for layer, g in zip(pruner.layers, given, strict=True)]
    pruner.prune(1, given)
    kept = [numpy_of(layer.alive) for layer in pruner.layers]
    lost = max(worth[~mask].max(initial=0) for worth, mask in zip(worths, kept, strict=True))
    assert lost <= min(worth[mask].min() for worth, mask in zip(worths, kept, strict=True))


def test_dictionaries_are_kept_or_shrunk():
    """Kept, every atom is paid for; shrunk, atoms go with all of their lookups, and more lookups are left."""
    kept, shrunk = (Pruner(network(8), GradualSettings(0.3, end=1, dictionaries=how)) for how in ("keep", "shrink"))
    mixed = Pruner(network(8), GradualSettings(0.3, end=1, dictionaries_of={"conv2": "shrink"}))
    atoms = {}
    for name, pruner in (("keep", kept), ("shrink", shrunk), ("mixed", mixed)):
        pruner.prune(1)
        assert 0.95 * 0.3 <= pruner.share() <= 0.3
        atoms[name] = [
            int(numpy_of(layer.alive).any(axis=(*range(layer.P.ndim - 2), -1)).sum()) for layer in pruner.layers
        ]
    assert atoms["shrink"][1] < atoms["keep"][1]
    assert mixed.costs[1].atom > 0


def test_no_layer_falls_silent():
    """Nor does one without energy: as many lookups as it has filters are left in each."""
    model = network()
    model.get_layer("conv2").P.assign(numpy_of(model.get_layer("conv2").P) * 0)
    model.get_layer("fc1").P.assign(numpy_of(model.get_layer("fc1").P) * np.eye(1, 20))
    pruner = Pruner(model, GradualSettings(0.04, end=1, of="lookups"))
    pruner.prune(1)
    assert sparsity.lookups(model.get_layer("conv1")) >= 8
    assert sparsity.lookups(model.get_layer("fc1")) >= 20


def test_regrown_is_where_the_gradient_is_largest():
    model = network(groups_of=2)
    pruner = Pruner(model, GradualSettings(0.2, end=10, of="lookups", regrow=0.2))
    pruner.prune(9, gradients(pruner))
    layer = model.get_layer("fc1")
    before, given = [numpy_of(one.surviving()) for one in pruner.layers], gradients(pruner, 7)
    pruner.prune(5, given)  # a budget that is larger than what is there
    after = [numpy_of(one.surviving()) for one in pruner.layers]
    assert cost(pruner) <= pruner.budget(5)
    new = [b & ~a for a, b in zip(before, after, strict=True)]
    assert new[2].any()
    worth = [
        numpy_of(sparsity.block_sums(np.square(g), one.rule.blocks))
        for g, one in zip(given, pruner.layers, strict=True)
    ]
    blocks = [mask[..., ::2] for mask in new]
    dead = [~mask[..., ::2] for mask in before]
    least = min(w[b].min(initial=np.inf) for w, b in zip(worth, blocks, strict=True))
    most = max(w[d & ~b].max(initial=0) for w, b, d in zip(worth, blocks, dead, strict=True))
    assert least >= most * (1 - 1e-3)
    P = numpy_of(layer.P)[new[2]]
    np.testing.assert_array_equal(np.sign(P), -np.sign(given[2][new[2]]))
    assert 0 < np.abs(P).max() < 0.01 * sparsity.sigma(layer.P.shape)


def test_regrowth_ends_with_the_schedule():
    pruner = Pruner(network(), GradualSettings(0.2, end=10, of="lookups", regrow=0.3))
    pruner.prune(9, gradients(pruner))
    before = [numpy_of(layer.alive) for layer in pruner.layers]
    pruner.prune(10, gradients(pruner, 3))
    assert not any((numpy_of(layer.alive) & ~b).any() for layer, b in zip(pruner.layers, before, strict=True))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"target": 0}, "target: expected a number over 0 and at most 1; found 0"),
        ({"target": 1.5}, "target: expected .* found 1.5"),
        ({"end": 0}, r"begin, end: expected 0 <= begin < end; found \(0, 0\)"),
        ({"every": 0}, "every: expected at least 1; found 0"),
        ({"score": "random"}, "score: expected one of magnitude, taylor; found 'random'"),
        ({"regrow": 1.0}, "regrow: expected .* found 1.0"),
        ({"dictionaries": "drop"}, "dictionaries: expected one of keep, shrink; found 'drop'"),
        ({"dictionaries_of": {"a": "drop"}}, "dictionaries: expected one of keep, shrink; found 'drop'"),
        ({"of": "seconds"}, "of: expected lookups, multiplications"),
    ],
)
def test_settings_that_do_not_fit(arguments, message):
    with pytest.raises(ValueError, match=message):
        GradualSettings(**{"target": 0.5, "end": 9, **arguments})


def test_what_cannot_be_pruned():
    with pytest.raises(ValueError, match="small has no lookup layers to take lookups from; lookup_model"):
        Pruner(small(), GradualSettings(0.5, end=1))
    with pytest.raises(ValueError, match=r"names of lookup layers, of conv1, conv2, fc1; found \['conv9'\]"):
        Pruner(network(), GradualSettings(0.5, end=1, dictionaries_of={"conv9": "keep"}))


def test_a_target_that_cannot_be_reached_names_the_nearest_that_can():
    model = keras.Sequential(
        [
            keras.Input((8, 8, 6)),
            LookupConv2D(4, 3, 12, threshold=0, l1=0, padding="same", name="a"),
            layers.Flatten(),
            LookupDense(6, None, threshold=0, l1=0, name="b"),
        ]
    )
    # D: S of 10x10, 100 * 6 * 12, and 4 lookups at 64 positions; b: 6 lookups. Dense: 64 * 4 * 9 * 6, and 256 * 6.
    least = (100 * 6 * 12 + 4 * 64 + 6) / (64 * 4 * 9 * 6 + 256 * 6)
    nearest = np.ceil(least * 1e4) / 1e4
    with pytest.raises(
        ValueError, match=f'found 0.1, the nearest is {nearest:.4f}. Take that, or dictionaries="shrink"'
    ):
        Pruner(model, GradualSettings(0.1, end=1))
    pruner = Pruner(model, GradualSettings(float(nearest), end=1))
    pruner.prune(1)
    assert pruner.share() <= nearest
    with pytest.raises(ValueError, match=r"the nearest is 0\.0562\. Take that$"):
        Pruner(model, GradualSettings(0.01, end=1, dictionaries="shrink"))
    Pruner(model, GradualSettings(0.1, end=1, dictionaries="shrink")).prune(1)
    large = keras.Sequential([keras.Input((8, 8, 6)), LookupConv2D(4, 3, 30, name="a")])
    with pytest.raises(
        ValueError, match=r'nearest is 1\.5000. Take smaller dictionaries or none, or dictionaries="shrink"$'
    ):
        Pruner(large, GradualSettings(1.0, end=1))


def test_weights_that_are_not_finite_are_an_error_and_change_nothing():
    pruner = Pruner(network(), GradualSettings(0.2, end=1, score="taylor"))
    given = gradients(pruner)
    given[1][0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="layer conv2: expected finite weights and gradients"):
        pruner.prune(1, given)
    assert all(numpy_of(layer.alive).all() for layer in pruner.layers)
