"""What the precisions beside float32 compute, layer by layer."""

from __future__ import annotations

import numpy as np

from lcnn_engine.model import precision, reference
from lcnn_engine.model.bfloat16 import round_to_bfloat16
from tests.helpers.kernel_cases import Network, seeded


def convolution(groups: int = 1) -> Network:
    network = Network((5, 6, 4), seeded("defined", groups))
    network.add("conv2d", filters=8, kernel_size=(3, 3), groups=groups, activation="relu")
    return network


def result_of(network: Network, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The definition's, and the reference's."""
    node, tensors = network.nodes[-1], reference.tensors_by_node(network.tensors)[network.nodes[-1].name]
    return precision.apply("bfloat16", node, [x], tensors), reference.apply(node, [x], tensors)


def test_a_convolution_rounds_its_input_and_its_kernel() -> None:
    network = convolution()
    x = network.rng.standard_normal(network.shape).astype(np.float32)
    found, plain = result_of(network, x)
    network.tensors["conv2d_0/kernel"] = round_to_bfloat16(network.tensors["conv2d_0/kernel"])
    assert np.array_equal(found, result_of(network, round_to_bfloat16(x))[1])
    assert 0 < np.abs(found - plain).max() < 0.05 * np.abs(plain).max()


def test_groups_and_weights_that_overflow_are_float32s() -> None:
    far = convolution()
    far.tensors["conv2d_0/kernel"][0, 0, 0, 0] = 3.4e38
    for network in (convolution(2), far):
        x = network.rng.standard_normal(network.shape).astype(np.float32)
        found, plain = result_of(network, x)
        assert np.array_equal(found, plain)


def lookups(k: int, *, atoms_of: int = 2, groups_of: int = 16) -> Network:
    network = Network((5, 6, 6), seeded("lookups", k, atoms_of), k=k, atoms_of=atoms_of, groups_of=groups_of)
    network.add("lookup_conv2d", filters=32, kernel_size=(3, 2), padding=(1, 1, 0, 0), activation="relu")
    return network


def test_lookups_with_a_dictionary_round_what_s_is_made_of() -> None:
    network = lookups(8, groups_of=1)
    x = network.rng.standard_normal(network.shape).astype(np.float32)
    found, plain = result_of(network, x)
    D = network.tensors["lookup_conv2d_0/dictionary"]
    D[...] = round_to_bfloat16(D)
    assert np.array_equal(found, result_of(network, round_to_bfloat16(x))[1])
    assert not np.array_equal(found, plain)


def test_a_dictionary_of_few_channels_is_float32s() -> None:
    network = Network((5, 6, 4), seeded("few"), k=8)
    network.add("lookup_conv2d", filters=32, kernel_size=(3, 2))
    x = network.rng.standard_normal(network.shape).astype(np.float32)
    assert np.array_equal(*result_of(network, x))


def test_lookups_on_pairs_round_s_and_coefficients_too() -> None:
    network = lookups(8)
    x = network.rng.standard_normal(network.shape).astype(np.float32)
    found = result_of(network, x)[0]
    D = round_to_bfloat16(network.tensors.pop("lookup_conv2d_0/dictionary")).astype(np.float64)
    S = round_to_bfloat16((round_to_bfloat16(x).astype(np.float64) @ D.T).astype(np.float32))
    C = network.tensors["lookup_conv2d_0/coefficients"]
    C[...] = round_to_bfloat16(C)
    assert np.array_equal(found, result_of(network, S)[1])


def test_without_a_dictionary_what_is_not_on_pairs_is_float32s() -> None:
    for network, rounded in ((lookups(0), True), (lookups(0, groups_of=1), False)):
        x = network.rng.standard_normal(network.shape).astype(np.float32)
        found, plain = result_of(network, x)
        assert np.array_equal(found, plain) is not rounded


def test_a_value_of_s_on_the_other_side_of_a_middle_is_within_the_slack() -> None:
    network = lookups(8)
    node, tensors = network.nodes[-1], reference.tensors_by_node(network.tensors)["lookup_conv2d_0"]
    x = network.rng.standard_normal(network.shape).astype(np.float32)
    slack = precision.slack("bfloat16", node, [x], tensors)
    assert slack is not None
    assert (slack > 0).any()
    S = round_to_bfloat16(
        (round_to_bfloat16(x).astype(np.float64) @ round_to_bfloat16(tensors["dictionary"]).T).astype(np.float32)
    )
    C = round_to_bfloat16(tensors["coefficients"])
    plain = {**tensors, "coefficients": C, "dictionary": np.eye(8, dtype=np.float32)}
    one = reference.apply(node, [S], plain)
    for other in (np.nextafter(S, np.float32(np.inf), dtype=np.float32), S * np.float32(1 + 2.0**-8)):
        difference = np.abs(reference.apply(node, [other], plain) - one)
        assert (difference <= slack).all()
    assert (
        precision.slack("bfloat16", node, [x], {**tensors, "dictionary": np.full((8, 6), 3.4e38, np.float32)}) is None
    )
