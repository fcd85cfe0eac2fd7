"""lookup_model by samples: outputs nearer to the model's, corrections, budgets, and what is refused."""

import warnings

import keras
import numpy as np
import pytest
from keras import layers

from lcnn_train import lookup_model, lookup_report
from lcnn_train.convert.samples import checked, steps_of
from lcnn_train.layers import sparsity
from tests.helpers.converting import rows
from tests.helpers.training import numpy_of
from tests.train.convert.test_conversion import branched


def pictures(count=48, size=12, seed=0):
    """Smooth pictures of few causes, so that channels and pixels go together."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(count, 4, 4, 3)).astype(np.float32)
    return np.repeat(np.repeat(coarse, size // 4, axis=1), size // 4, axis=2)


def deep(norms=True, bias=False):
    keras.utils.set_random_seed(3)
    image, shifts = keras.Input((12, 12, 3)), keras.initializers.RandomNormal(stddev=1, seed=4)
    x = image
    for number, filters in enumerate((16, 24, 32, 32)):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=bias, bias_initializer=shifts, name=f"conv{number}")(x)
        if norms:
            x = layers.BatchNormalization(name=f"norm{number}")(x)
        x = layers.ReLU()(x)
    y = layers.Dense(10, name="classes")(layers.GlobalAveragePooling2D()(x))
    model = keras.Model(image, y)
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_variance.assign(np.full(layer.moving_variance.shape, 0.5))
    return model


def lost(model, lookups):
    """What an output changes by for pictures that nothing was fitted to, as a part of it."""
    x = pictures(seed=9)
    wanted, found = (m.predict(x, verbose=0) for m in (model, lookups))
    return np.linalg.norm(found - wanted) / np.linalg.norm(wanted - wanted.mean(axis=0))


def quiet(*given, **named):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return lookup_model(*given, **named)


@pytest.mark.parametrize(
    "settings",
    [
        {"dictionary": None, "lookups_per_tap": 4},
        {"dictionary": None, "lookups_per_tap": 8, "groups_of": 8},
        {"dictionary": None, "lookups_per_tap": 8, "atoms_of": 2, "groups_of": 4},
        {"dictionary": 8},
        {"dictionary": 8, "lookups_per_tap": 2},
    ],
)
def test_samples_keep_more_of_the_outputs(settings):
    model = deep()
    by_weights, by_outputs = quiet(model, **settings), quiet(model, **settings, samples=pictures())
    assert lost(model, by_outputs) < 0.7 * lost(model, by_weights)
    assert all(row.output_error is not None for row in rows(by_outputs).values() if row.lookup)
    for row in rows(by_weights).values():
        if row.lookup:
            assert rows(by_outputs)[row.name].lookups <= 1.01 * row.lookups  # some fall under the threshold


def test_nothing_lost_changes_nothing():
    model = deep()
    lookups = lookup_model(model, dictionary=None, threshold=0, samples=pictures())
    assert lost(model, lookups) < 1e-3
    assert max(row.output_error for row in rows(lookups).values() if row.lookup) < 1e-3


@pytest.mark.parametrize(("norms", "bias"), [(True, False), (True, True), (False, True)])
def test_means_are_made_up_for(norms, bias):
    """By the batch norm, or the bias: each channel's mean over the samples stays, to what sampled rows leave of it."""
    model = deep(norms, bias)
    lookups = quiet(model, dictionary=None, lookups_per_tap=2, samples=pictures())
    name = "norm0" if norms else "conv0"
    wanted, found = (
        keras.Model(m.inputs, m.get_layer(name).output).predict(pictures(), verbose=0) for m in (model, lookups)
    )
    spread = wanted.std(axis=(0, 1, 2))
    assert (np.abs(found.mean(axis=(0, 1, 2)) - wanted.mean(axis=(0, 1, 2))) < 0.05 * spread).all()
    if norms:
        np.testing.assert_allclose(found.std(axis=(0, 1, 2)), spread, rtol=0.05)


def test_later_layers_make_up_for_earlier_ones():
    """The second layer, left whole, is given what the first one lost: it is not the model's any more, but better."""
    model = deep()
    settings = {"dictionary": {"conv0": None, "conv1": None}, "lookups_per_tap": {"conv0": 1}, "threshold": 0}
    lookups = quiet(model, **settings, samples=pictures())
    kept = keras.models.clone_model(lookups)
    kept.set_weights(lookups.get_weights())
    kept.get_layer("conv1").P.assign(model.get_layer("conv1").kernel)
    wanted, corrected, left = (
        keras.Model(m.inputs, m.get_layer("conv1").output).predict(pictures(seed=9), verbose=0)
        for m in (model, lookups, kept)
    )
    wanted, corrected, left = (y - y.mean(axis=(0, 1, 2)) for y in (wanted, corrected, left))
    assert np.linalg.norm(corrected - wanted) < 0.97 * np.linalg.norm(left - wanted)


def test_branches_shared_layers_and_models_inside():
    rng = np.random.default_rng(0)
    model, x = branched(), rng.normal(size=(24, 20, 20, 3)).astype(np.float32)
    lookups = quiet(model, dictionary=None, lookups_per_tap=4, samples=x)
    found = rows(lookups)
    assert {name for name, row in found.items() if row.output_error is not None} == {
        "inside", "shared", "first", "separable", "gate", "features",
    }  # fmt: skip
    assert found["shared"].output_error < found["shared"].error


def test_the_report_has_the_error_of_outputs_and_warns():
    with pytest.warns(UserWarning, match=r"outputs of conv\d.* changed by more than 50%"):
        lookups = lookup_model(deep(), dictionary=None, lookups_per_tap=1, samples=pictures())
    assert "of outputs" in str(lookup_report(lookups))
    assert "of outputs" not in str(lookup_report(quiet(deep(), dictionary=None)))


@pytest.mark.parametrize("samples", [None, pictures()], ids=["weights", "samples"])
@pytest.mark.parametrize("of", ["multiplications", "lookups"])
def test_a_budget_is_kept(samples, of):
    model = deep()
    lookups = quiet(model, dictionary=None, budget=0.4, of=of, samples=samples, threshold=0)
    dense = sum(np.prod(model.get_layer(f"conv{i}").kernel.shape) for i in range(4))
    found = [sparsity.lookups(lookups.get_layer(f"conv{i}")) for i in range(4)]
    assert 0.36 * dense <= sum(found) <= 0.4 * dense  # all layers are as large, so both units say the same
    assert len({round(count / np.prod(lookups.get_layer(f"conv{i}").P.shape), 2) for i, count in enumerate(found)}) > 1


def test_an_error_is_kept_and_dictionaries_are_chosen():
    """A kernel of rank 3 gets a dictionary."""
    model, rng = deep(), np.random.default_rng(0)
    model.get_layer("conv2").kernel.assign(
        0.1 * np.einsum("abkn,km->abmn", rng.normal(size=(3, 3, 3, 32)), rng.normal(size=(3, 24)))
    )
    lookups = quiet(model, error=0.3, samples=pictures())
    converted = [row for row in rows(lookups).values() if row.lookup]
    assert len(converted) == 4
    assert all(row.output_error < 0.5 for row in converted)  # of inputs that have lost something, too
    assert rows(lookups)["conv2"].dictionary in (3, 6)
    fewer = quiet(model, error=0.6, samples=pictures())
    assert sum(row.lookups for row in rows(fewer).values()) < sum(row.lookups for row in converted)


@pytest.mark.parametrize(
    ("named", "message"),
    [
        (
            {"samples": pictures(size=8)},
            r"expected an array \(pictures, 12, 12, 3\).*found one of shape \(48, 8, 8, 3\)",
        ),
        ({"samples": pictures()[0]}, r"found one of shape \(12, 12, 3\)"),
        ({"samples": pictures()[:0]}, "at least one picture"),
        ({"samples": [[1, 2], [3]]}, "no array of numbers"),
        ({"samples": np.full((2, 12, 12, 3), np.nan)}, "picture 0 that is not finite"),
        ({"error": 1.5}, "error: expected a number over 0 and under 1, found 1.5"),
        ({"budget": 0}, "budget: expected a share over 0 and at most 1, found 0"),
        ({"budget": float("nan")}, "budget: expected a share"),
        ({"budget": 0.5, "error": 0.5}, "found both"),
        ({"budget": 0.5, "lookups_per_tap": 2}, "conv0: expected lookups_per_tap, or error or budget"),
        ({"budget": 0.5, "of": "bytes"}, 'expected "multiplications" or "lookups"'),
        ({"budget": 0.5, "from_weights": False}, "from_weights"),
        ({"dictionary": 12, "budget": 0.01}, r"0\.01 .* cannot be reached; the nearest that can is 0\.\d+"),
    ],
)
def test_refused(named, message):
    with pytest.raises(ValueError, match=message):
        lookup_model(deep(), **{"dictionary": None, **named})


def test_a_dictionary_is_left_out_only_with_a_bound():
    with pytest.raises(ValueError, match=r'"auto" needs error=.* or budget='):
        lookup_model(deep())


def test_the_nearest_budget_can_be_reached():
    with pytest.raises(ValueError, match="nearest") as refused:
        lookup_model(deep(), dictionary=12, budget=0.01)
    nearest = float(str(refused.value).split("nearest that can is ")[1].split(",")[0])
    assert all(row.lookups for row in rows(quiet(deep(), dictionary=12, budget=nearest)).values() if row.lookup)


def test_samples_of_several_inputs():
    first, second = keras.Input((4,), name="first"), keras.Input((6,), name="second")
    x = layers.Dense(8, name="one")(first)
    y = layers.Dense(3)(layers.Concatenate()([x, second]))
    model = keras.Model([first, second], y)
    arrays = np.ones((5, 4)), np.ones((5, 6))
    assert [a.shape for a in checked(model, {"second": arrays[1], "first": arrays[0]})] == [(5, 4), (5, 6)]
    assert checked(model, arrays)[0].dtype == np.float32
    for wrong in (arrays[0], arrays[:1], {"first": arrays[0]}, (arrays[0], arrays[1][:3])):
        with pytest.raises(ValueError, match="samples: expected"):
            checked(model, wrong)
    lookups = quiet(model, dictionary=None, lookups_per_tap=2, samples=list(arrays))
    assert np.isfinite(numpy_of(lookups.get_layer("one").P)).all()


def test_steps_run_as_the_model_does():
    model, x = branched(), np.random.default_rng(0).normal(size=(2, 20, 20, 3)).astype(np.float32)
    inputs, steps = steps_of(model)
    values = {inputs[0]: keras.ops.convert_to_tensor(x)}
    for step in steps:
        step.run(step.operation, values)
    for wanted in map(numpy_of, model(x)):
        same = [value for value in map(numpy_of, values.values()) if value.shape == wanted.shape]
        assert any(np.allclose(wanted, value, atol=1e-5) for value in same)
