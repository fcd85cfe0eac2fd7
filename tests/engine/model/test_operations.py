"""Operations: each is everywhere where it has to be, and its rules, each broken alone, are held to.

Where an entry is missing, what fails says in which file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from lcnn_engine.model import graph as g
from lcnn_engine.model import operations, reference
from lcnn_engine.model.graph import ACTIVATIONS, NODE_TYPES
from lcnn_engine.plan.lower import LOWERINGS
from tests.golden import make_golden
from tests.helpers.kernel_cases import ELEMENTWISE
from tests.helpers.one_operation import CASES, network_of
from tests.helpers.random_networks import RANDOM_OPS
from tests.helpers.refusals import Refusals, assert_refused, attributes, drop, edited, new_node

LOOKUPS = {"lookup_conv2d", "lookup_dense"}  # other programs get them written out


def on_the_format_page(names: Iterable[str]) -> set[str]:
    page = (files("lcnn_engine.format") / "MODEL_FORMAT.md").read_text()
    return {name for name in names if f"`{name}`" in page}


def in_onnx() -> set[str]:
    pytest.importorskip("onnx")
    from lcnn_engine.interop.onnx import TRANSLATIONS

    return LOOKUPS | TRANSLATIONS.keys()


TABLES: dict[str, Callable[[], Iterable[str]]] = {
    "the table of lcnn_engine/format/MODEL_FORMAT.md": lambda: on_the_format_page(NODE_TYPES),
    "lcnn_engine/model/reference.py, a function with @_operation": lambda: reference.OPERATIONS,
    "lcnn_engine/plan/lower/__init__.py, LOWERINGS": lambda: LOWERINGS,
    "lcnn_engine/interop/onnx.py, TRANSLATIONS": in_onnx,
    "tests/golden/make_golden.py, graph()": lambda: [node["op"] for node in make_golden.graph()["nodes"]],
    "tests/helpers/one_operation.py, CASES": lambda: [case.split()[0].rstrip(",") for case in CASES],
    "tests/helpers/random_networks.py, RANDOM_OPS": lambda: [op for op, _ in RANDOM_OPS],
}
"""Where there must be an entry for each operation, and those that there are."""


@pytest.mark.parametrize("table", TABLES)
def test_every_operation_is_in(table: str) -> None:
    found, wanted = set(TABLES[table]()), set(NODE_TYPES)
    assert not wanted - found, f"{', '.join(sorted(wanted - found))}: missing from {table}"
    assert not found - wanted, f"{', '.join(sorted(found - wanted))}: in {table}, but not in NODE_TYPES"


def test_every_class_with_a_name_is_in_node_types() -> None:
    named = {kind for kind in vars(operations).values() if isinstance(kind, type) and "op" in vars(kind)}
    assert named == set(NODE_TYPES.values()), "lcnn_engine/model/operations.py, NODE_TYPES"


def test_every_operation_can_be_imported_from_graph() -> None:
    missing = [kind.__name__ for kind in NODE_TYPES.values() if getattr(g, kind.__name__, None) is not kind]
    assert not missing, f"{', '.join(missing)}: missing from lcnn_engine/model/operations.py, __all__"


def test_every_activation_is_on_the_format_page() -> None:
    missing = set(ACTIVATIONS) - on_the_format_page(ACTIVATIONS)
    assert not missing, f"{', '.join(sorted(missing))}: missing from lcnn_engine/format/MODEL_FORMAT.md, Operations"


@pytest.mark.parametrize("case", CASES)
def test_shape_rule_and_definition_agree(case: str) -> None:
    graph, tensors, x = network_of(case)
    graph.check()
    values = reference.evaluate(graph, tensors, x)
    assert {name: value.shape for name, value in values.items()} == {name: graph.shapes[name] for name in values}
    assert all(value.dtype == np.float32 for value in values.values())


BIG = 2**31 - 1
KEYS = "expected keys among"

REFUSALS: Refusals = {
    # Operations and their keys
    "unknown op": (attributes("pool", op="min_pool2d"), ("node 'pool': expected op to be one of", "'min_pool2d'")),
    "op that is no string": (attributes("pool", op=["add"]), ("node 'pool': expected op to be one of", "('add',)")),
    "node without op": (drop("pool", "op"), ("nodes[1]: expected the key 'op'",)),
    "node without name": (drop("pool", "name"), ("nodes[1]: expected the key 'name'",)),
    "node without inputs": (drop("pool", "inputs"), ("nodes[1]: expected the key 'inputs'",)),
    "unknown attribute": (attributes("pool", ceil=True), ("node 'pool': ", KEYS, "found 'ceil'")),
    "attribute of another op": (attributes("conv", groups=1), ("node 'conv': ", KEYS, "found 'groups'")),
    "attribute that is null": (attributes("conv", padding=None), ("node 'conv': expected padding to have a value",)),
    "convolution without filters": (drop("conv", "filters"), ("node 'conv': expected the key 'filters'",)),
    "convolution without kernel_size": (drop("conv", "kernel_size"), ("node 'conv': ", "key 'kernel_size'")),
    "pool without pool_size": (drop("pool", "pool_size"), ("node 'pool': expected the key 'pool_size'",)),
    "dense without units": (drop("logits", "units"), ("node 'logits': expected the key 'units'",)),
    "lookup dense without units": (drop("fc", "units"), ("node 'fc': expected the key 'units'",)),
    "lrn without depth_radius": (drop("norm", "depth_radius"), ("node 'norm': expected the key 'depth_radius'",)),
    "lrn without bias": (drop("norm", "bias"), ("node 'norm': expected the key 'bias'",)),
    "lrn without alpha": (drop("norm", "alpha"), ("node 'norm': expected the key 'alpha'",)),
    "lrn without beta": (drop("norm", "beta"), ("node 'norm': expected the key 'beta'",)),
    # Number of inputs
    "pool of two inputs": (attributes("pool", inputs=["conv", "conv"]), ("node 'pool': expected one input, found",)),
    "pool of no input": (attributes("pool", inputs=[]), ("node 'pool': expected one input, found []",)),
    "add of one input": (attributes("sum", inputs=["pool"]), ("node 'sum': expected two or more inputs, found",)),
    "multiply of one input": (
        attributes("sum", op="multiply", inputs=["pool"]), ("node 'sum': expected two or more inputs",)),
    "concat of one input": (
        new_node(name="both", op="concat", inputs=["pool"]), ("node 'both': expected two or more inputs",)),
    "subtract of three inputs": (
        new_node(name="late", op="subtract", inputs=["pool"] * 3), ("node 'late': expected two inputs, found",)),
    "divide of one input": (
        new_node(name="late", op="divide", inputs=["pool"]), ("node 'late': expected two inputs, found",)),
    "constant of an input": (
        new_node(name="late", op="constant", inputs=["pool"], shape=[4]),
        ("node 'late': expected no inputs, found ['pool']",)),
    # Activations
    "unknown activation": (attributes("conv", activation="glu"), ("node 'conv': ", "activation", "found 'glu'")),
    "activation that is no string": (attributes("conv", activation=["relu"]), ("node 'conv': expected activation",)),
    "leaky_relu without alpha": (
        drop("sum", "alpha"), ("node 'sum': expected alpha to be a finite number, found None",)),
    "alpha without leaky_relu": (attributes("conv", alpha=0.1), ("node 'conv': expected alpha only with leaky_relu",)),
    "alpha that is no number": (attributes("sum", alpha="0.1"), ("node 'sum': expected alpha", "found '0.1'")),
    "alpha that is a boolean": (attributes("sum", alpha=True), ("node 'sum': expected alpha", "found True")),
    "alpha beyond float32": (attributes("sum", alpha=1e39), ("node 'sum': expected alpha to be a finite", "1e+39")),
    "activation that is an object": (attributes("conv", activation={}), ("node 'conv': expected activation to be",)),
    # Numbers
    "filters 0": (attributes("conv", filters=0), ("node 'conv': expected filters", "from 1", "found 0")),
    "filters negative": (attributes("conv", filters=-4), ("node 'conv': expected filters", "found -4")),
    "filters as a float": (attributes("conv", filters=4.0), ("node 'conv': expected filters", "found 4.0")),
    "filters as a boolean": (attributes("conv", filters=True), ("node 'conv': expected filters", "found True")),
    "filters as a string": (attributes("conv", filters="4"), ("node 'conv': expected filters", "found '4'")),
    "filters as a list": (attributes("conv", filters=[4]), ("node 'conv': expected filters", "found (4,)")),
    "filters beyond 2^31 - 1": (attributes("conv", filters=BIG + 1), ("node 'conv': expected filters", "2147483648")),
    "units 0": (attributes("logits", units=0), ("node 'logits': expected units", "from 1", "found 0")),
    "units of a lookup layer 0": (attributes("fc", units=0), ("node 'fc': expected units", "from 1", "found 0")),
    "groups 0": (attributes("grouped", groups=0), ("node 'grouped': expected groups", "from 1", "found 0")),
    "groups as a float": (attributes("grouped", groups=2.0), ("node 'grouped': expected groups", "found 2.0")),
    "groups that do not divide the filters": (
        attributes("grouped", groups=3), ("node 'grouped': expected filters 4 to be a multiple of groups, found 3",)),
    "groups that do not divide the channels": (
        attributes("grouped", groups=8, filters=8), ("node 'grouped': expected input channels 4", "groups, found 8")),
    "constant without a shape": (
        new_node(name="late", op="constant", inputs=[]), ("node 'late': expected the key 'shape'",)),
    "constant of two axes": (
        new_node(name="late", op="constant", inputs=[], shape=[2, 3]),
        ("node 'late': expected shape to be 1 or 3 integers, found (2, 3)",)),
    "constant without a pixel": (
        new_node(name="late", op="constant", inputs=[], shape=[0, 3, 1]), ("node 'late': expected shape", "from 1")),
    "constant beyond every file": (
        new_node(name="late", op="constant", inputs=[], shape=[BIG]), ("tensor 'late/value': expected F32",)),
    "constant too large to count": (
        new_node(name="late", op="constant", inputs=[], shape=[BIG, BIG, 1]),
        ("node 'late': expected an output of at most 2147483647 values",)),
    "layer_norm without epsilon": (
        new_node(name="late", op="layer_norm", inputs=["pool"]), ("node 'late': expected the key 'epsilon'",)),
    "layer_norm with an epsilon below 0": (
        new_node(name="late", op="layer_norm", inputs=["pool"], epsilon=-1e-3),
        ("node 'late': expected epsilon of at least 0, found -0.001",)),
    "group_norm without groups": (
        new_node(name="late", op="group_norm", inputs=["pool"], epsilon=1), ("node 'late': ", "the key 'groups'")),
    "group_norm of 0 groups": (
        new_node(name="late", op="group_norm", inputs=["pool"], epsilon=1, groups=0),
        ("node 'late': expected groups", "found 0")),
    "group_norm of groups that do not divide the channels": (
        new_node(name="late", op="group_norm", inputs=["pool"], epsilon=1, groups=3),
        ("node 'late': expected input channels 4 to be a multiple of groups, found 3",)),
    "kernel of 0": (attributes("conv", kernel_size=[3, 0]), ("node 'conv': expected kernel_size", "found (3, 0)")),
    "kernel as one number": (attributes("conv", kernel_size=3), ("node 'conv': expected kernel_size", "found 3")),
    "kernel of three numbers": (
        attributes("conv", kernel_size=[3] * 3), ("node 'conv': ", "2 integers, found (3, 3, 3)")),
    "kernel as floats": (attributes("conv", kernel_size=[3.0, 3]), ("node 'conv': expected kernel_size", "(3.0, 3)")),
    "stride 0": (attributes("conv", strides=[0, 1]), ("node 'conv': expected strides", "from 1", "found (0, 1)")),
    "stride of a pool 0": (attributes("pool", strides=[2, 0]), ("node 'pool': expected strides", "found (2, 0)")),
    "dilation 0": (attributes("conv", dilation=[1, 0]), ("node 'conv': expected dilation", "found (1, 0)")),
    "dilation as a boolean": (attributes("conv", dilation=[1, True]), ("node 'conv': expected dilation", "True)")),
    "pool of 0": (attributes("pool", pool_size=[0, 2]), ("node 'pool': expected pool_size", "found (0, 2)")),
    "padding negative": (attributes("conv", padding=[1, -1, 1, 1]), ("node 'conv': expected padding", "from 0", "-1")),
    "padding of two numbers": (attributes("conv", padding=[1, 1]), ("node 'conv': expected padding to be 4 integers",)),
    "padding by name": (attributes("conv", padding="same"), ("node 'conv': expected padding", "found 'same'")),
    "padding as floats": (attributes("conv", padding=[1.0] * 4), ("node 'conv': expected padding", "1.0")),
    "pool padding of the pool's height": (
        attributes("pool", padding=[2, 0, 0, 0]), ("node 'pool': expected padding smaller than pool_size [2, 2]",)),
    "pool padding of the pool's width": (
        attributes("pool", padding=[0, 0, 0, 2]), ("node 'pool': expected padding smaller than pool_size [2, 2]",)),
    "zero_pad2d with negative padding": (
        new_node(name="pad", op="zero_pad2d", inputs=["pool"], padding=[0, 0, 0, -1]),
        ("node 'pad': expected padding",)),
    "depth_radius negative": (attributes("norm", depth_radius=-1), ("node 'norm': expected depth_radius", "from 0")),
    "depth_radius as a float": (attributes("norm", depth_radius=2.0), ("node 'norm': expected depth_radius", "2.0")),
    "lrn beta beyond float32": (attributes("norm", beta=-1e300), ("node 'norm': expected beta to be a finite number",)),
    "lrn bias that is no number": (attributes("norm", bias=[1]), ("node 'norm': expected bias to be a finite number",)),
    # Shapes
    "convolution larger than its input": (
        attributes("conv", kernel_size=[9, 3]), ("node 'conv': expected an output of at least one pixel", "(0, 6)")),
    "dilated beyond the input": (
        attributes("conv", dilation=[4, 1]), ("node 'conv': expected an output of at least one pixel",)),
    "pool larger than its input": (
        attributes("pool", pool_size=[2, 7]), ("node 'pool': expected an output of at least one pixel",)),
    "convolution on a vector": (
        new_node(name="late", op="conv2d", inputs=["flat"], filters=1, kernel_size=[1, 1]),
        ("node 'late': expected input 'flat' of shape (H, W, C), found (36,)")),
    "flatten of a vector": (
        new_node(name="late", op="flatten", inputs=["flat"]),
        ("node 'late': expected input 'flat' of shape (H, W, C)",)),
    "global pool of a vector": (
        new_node(name="late", op="global_avg_pool2d", inputs=["flat"]), ("node 'late': expected input 'flat'",)),
    "dense on an image": (
        new_node(name="late", op="dense", inputs=["pool"], units=1),
        ("node 'late': expected input 'pool' of shape (C,), found (3, 3, 4)",)),
    "lookup dense on an image": (
        new_node(name="late", op="lookup_dense", inputs=["pool"], units=1), ("node 'late': expected input 'pool'",)),
    "group_norm of a vector": (
        new_node(name="late", op="group_norm", inputs=["flat"], epsilon=1, groups=1),
        ("node 'late': expected input 'flat' of shape (H, W, C)",)),
    "max over the channels of a vector": (
        new_node(name="late", op="channel_max", inputs=["flat"]), ("node 'late': expected input 'flat' of shape",)),
    "lrn on a vector": (attributes("norm", inputs=["flat"]), ("node 'norm': ", "earlier nodes")),
    "add of unlike shapes": (
        attributes("sum", inputs=["pool", "conv"]),
        ("node 'sum': expected input 'pool' of shape (6, 6, 4) or (1, 1, 4) or (4,) or (6, 6, 1), found (3, 3, 4)",)),
    "add of unlike channels": (
        new_node(name="late", op="add", inputs=["fc", "logits"]),
        ("node 'late': expected input 'logits' of shape (3,)",)),
    "maximum of two planes and a vector": (
        lambda graph: (
            new_node(name="plane", op="channel_max", inputs=["pool"])(graph),
            new_node(10, name="means", op="global_avg_pool2d", inputs=["pool"])(graph),
            new_node(11, name="late", op="maximum", inputs=["plane", "means"])(graph),
        ),
        ("node 'late': expected input 'means' of shape (3, 3, 1)", "found (4,)")),
    "concat of unlike sizes": (
        new_node(name="both", op="concat", inputs=["pool", "conv"]),
        ("node 'both': expected input 'conv' to fit (3, 3, 4) but for its channels, found (6, 6, 4)",)),
    "output of too many values": (
        new_node(name="pad", op="zero_pad2d", inputs=["pool"], padding=[BIG, 0, 0, 0]),
        ("node 'pad': expected an output of at most 2147483647 values",)),
}  # fmt: skip


@pytest.mark.parametrize("rule", REFUSALS)
def test_refused_in_a_file_and_by_the_writer(rule: str, tmp_path: Path) -> None:
    assert_refused(*REFUSALS[rule], tmp_path)


def test_defaults() -> None:
    keys = ("strides", "dilation", "activation")
    left_out = [*(drop("conv", key) for key in keys), drop("pool", "padding"), drop("grouped", "groups")]
    graph = edited(*left_out, attributes("grouped", groups=2))
    assert graph == edited(attributes("conv", activation="linear"))


@pytest.mark.parametrize("small", ["pooled", "spot"])
@pytest.mark.parametrize("op", ELEMENTWISE)
def test_one_number_a_channel_fits_every_image(op: str, small: str) -> None:
    graph = edited(
        new_node(name="pooled", op="global_avg_pool2d", inputs=["pool"]),
        new_node(10, name="spot", op="max_pool2d", inputs=["pool"], pool_size=[3, 3]),
        new_node(11, name="late", op=op, inputs=[small, "pool"]),
    )
    assert graph.shapes["spot"] == (1, 1, 4)
    assert graph.shapes["late"] == (3, 3, 4)


def test_integers_where_floats_are_due() -> None:
    assert type(edited(attributes("sum", alpha=2))["sum"].attributes()["alpha"]) is float
