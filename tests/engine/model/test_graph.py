"""Every rule about a graph: each broken alone, in a file and in what write_model is given."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from lcnn_engine import ModelFormatError, read_model, write_model
from lcnn_engine.format.graph_json import graph_from_object, graph_to_object
from lcnn_engine.model.activations import ACTIVATION_FUNCTIONS, ACTIVATIONS
from lcnn_engine.model.graph import Graph
from tests.helpers.model_files import GraphObject, in_order, node, unchecked_file, valid_graph, valid_tensors

Edit = Callable[[GraphObject], object]


def attributes(of: str, /, **values: object) -> Edit:
    """Set attributes of a node."""
    return lambda graph: node(graph, of).update(values)


def preprocessing(**values: object) -> Edit:
    return lambda graph: graph["preprocessing"].update(values)


def resize(**values: object) -> Edit:
    return lambda graph: graph["preprocessing"]["resize"].update(values)


def exact(size: object, crop: bool = True) -> Edit:
    """Resize to just that size, with or without a crop."""

    def edit(graph: GraphObject) -> None:
        graph["preprocessing"]["resize"] = {"policy": "exact", "size": size, "resample": "box"}
        if not crop:
            del graph["preprocessing"]["crop"]

    return edit


def top(**values: object) -> Edit:
    return lambda graph: graph.update(values)


def drop(*path: str) -> Edit:
    """Delete the key that ends ``path``; its first step is a key of the graph or the name of a node."""

    def edit(graph: GraphObject) -> None:
        found = graph
        for step in path[:-1]:
            found = found[step] if step in found else node(graph, step)
        del found[path[-1]]

    return edit


def new_node(position: int = 9, **values: object) -> Edit:
    """Put a node in."""
    return lambda graph: graph["nodes"].insert(position, values)


def no_crop(graph: GraphObject) -> None:
    del graph["preprocessing"]["crop"]


def rename_input(graph: GraphObject) -> None:
    graph["input"]["name"] = "conv"
    node(graph, "conv")["inputs"] = ["conv"]


BIG = 2**31 - 1
KEYS = "expected keys among"

REFUSALS: dict[str, tuple[Edit, tuple[str, ...]]] = {
    # The graph's own keys
    "unknown key of the graph": (top(color="red"), ("graph: ", KEYS, "found 'color'")),
    "graph without a name": (drop("name"), ("graph: expected the key 'name'",)),
    "graph without an input": (drop("input"), ("graph: expected the key 'input'",)),
    "graph without an output": (drop("output"), ("graph: expected the key 'output'",)),
    "graph without nodes": (drop("nodes"), ("graph: expected the key 'nodes'",)),
    "name that is no string": (top(name=7), ("graph: name: expected a string, found 7",)),
    "name with half a surrogate pair": (top(name="\ud800"), ("graph: name: expected UTF-8", "surrogate")),
    "output that is no string": (top(output=["conv"]), ("graph: output: expected a string, found ['conv']",)),
    "output that is no node": (top(output="none"), ("output: expected the name of a node, found 'none'",)),
    "output that is the input": (top(output="image"), ("output: expected the name of a node, found 'image'",)),
    "nodes that are no list": (top(nodes={}), ("graph: nodes: expected a list, found {}",)),
    "no nodes at all": (top(nodes=[]), ("output: expected the name of a node",)),
    "node that is no object": (top(nodes=["conv"]), ("nodes[0]: expected an object, found 'conv'",)),
    "null for an absent value": (top(labels=None), ("graph: expected labels to have a value or to be absent",)),
    # Input
    "input that is no object": (top(input="image"), ("input: expected an object, found 'image'",)),
    "input without a shape": (drop("input", "shape"), ("input: expected the key 'shape'",)),
    "unknown key of the input": (top(input={"name": "i", "shape": [1, 1, 1], "x": 1}), ("input: ", KEYS, "'x'")),
    "input name that is no string": (top(input={"name": 1, "shape": [6, 6, 3]}), ("input: name: ", "string, found 1")),
    "input of two sizes": (top(input={"name": "image", "shape": [6, 6]}), ("input: ", "3 integers (H, W, C)")),
    "input of four sizes": (top(input={"name": "image", "shape": [1, 6, 6, 3]}), ("input: ", "3 integers")),
    "input size 0": (top(input={"name": "image", "shape": [6, 0, 3]}), ("input: ", "from 1", "(6, 0, 3)")),
    "input size as a float": (top(input={"name": "image", "shape": [6.0, 6, 3]}), ("input: ", "(6.0, 6, 3)")),
    "input size as a boolean": (top(input={"name": "image", "shape": [6, 6, True]}), ("input: ", "True)")),
    "input of too many values": (
        top(input={"name": "image", "shape": [2**16, 2**16, 3]}), ("input: ", "at most 2147483647 values")),
    # Names
    "name used twice": (attributes("pool", name="conv"), ("node 'conv': expected a name that nothing before it has",)),
    "node named as the input": (rename_input, ("node 'conv': expected a name that nothing before it has",)),
    "input used before it is made": (
        attributes("conv", inputs=["pool"]), ("node 'conv': ", "earlier nodes, found 'pool'")),
    "node that reads itself": (attributes("pool", inputs=["pool"]), ("node 'pool': ", "earlier nodes, found 'pool'")),
    "input that is nowhere": (attributes("pool", inputs=["none"]), ("node 'pool': ", "earlier nodes, found 'none'")),
    "node name that is no string": (attributes("pool", name=None), ("nodes[1]: name: expected a string, found None",)),
    "inputs that are no list": (
        attributes("pool", inputs="conv"), ("node 'pool': inputs: expected a list, found 'conv'",)),
    "input name in a node that is no string": (attributes("pool", inputs=[3]), ("node 'pool': inputs[0]: ", "found 3")),
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
    # Activations
    "unknown activation": (attributes("conv", activation="gelu"), ("node 'conv': ", "activation", "found 'gelu'")),
    "activation that is no string": (attributes("conv", activation=["relu"]), ("node 'conv': expected activation",)),
    "leaky_relu without alpha": (
        drop("sum", "alpha"), ("node 'sum': expected alpha to be a finite number, found None",)),
    "alpha without leaky_relu": (attributes("conv", alpha=0.1), ("node 'conv': expected alpha only with leaky_relu",)),
    "alpha that is no number": (attributes("sum", alpha="0.1"), ("node 'sum': expected alpha", "found '0.1'")),
    "alpha that is a boolean": (attributes("sum", alpha=True), ("node 'sum': expected alpha", "found True")),
    "alpha beyond float32": (attributes("sum", alpha=1e39), ("node 'sum': expected alpha to be a finite", "1e+39")),
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
    "lrn on a vector": (attributes("norm", inputs=["flat"]), ("node 'norm': ", "earlier nodes")),
    "add of unlike shapes": (
        attributes("sum", inputs=["pool", "conv"]),
        ("node 'sum': expected input 'pool' of shape (6, 6, 4), (1, 1, 4)",)),
    "add of unlike channels": (
        new_node(name="late", op="add", inputs=["fc", "logits"]),
        ("node 'late': expected input 'logits' of shape (3,)",)),
    "concat of unlike sizes": (
        new_node(name="both", op="concat", inputs=["pool", "conv"]),
        ("node 'both': expected input 'conv' to fit (3, 3, 4) but for its channels, found (6, 6, 4)",)),
    "output of too many values": (
        new_node(name="pad", op="zero_pad2d", inputs=["pool"], padding=[BIG, 0, 0, 0]),
        ("node 'pad': expected an output of at most 2147483647 values",)),
    # Labels
    "labels that are no list": (top(labels="no yes"), ("labels: expected a list, found 'no yes'",)),
    "label that is no string": (top(labels=["no", 1]), ("labels[1]: expected a string, found 1",)),
    "too few labels": (top(labels=["no"]), ("labels: expected 2 of them", "found 1")),
    "too many labels": (top(labels=["a", "b", "c"]), ("labels: expected 2 of them", "found 3")),
    # Preprocessing
    "preprocessing that is no object": (top(preprocessing=[]), ("preprocessing: expected an object, found []",)),
    "unknown key of the preprocessing": (preprocessing(gamma=2), ("preprocessing: ", KEYS, "found 'gamma'")),
    "preprocessing without mode": (drop("preprocessing", "mode"), ("preprocessing: expected the key 'mode'",)),
    "preprocessing without mean": (drop("preprocessing", "mean"), ("preprocessing: expected the key 'mean'",)),
    "preprocessing without std": (drop("preprocessing", "std"), ("preprocessing: expected the key 'std'",)),
    "unknown mode": (preprocessing(mode="CMYK"), ("preprocessing: expected mode to be one of L, RGB, found 'CMYK'",)),
    "mode that is an object": (preprocessing(mode={"L": 1}), ("preprocessing: expected mode to be one of L, RGB",)),
    "crop that is an object": (preprocessing(crop={}), ("preprocessing: expected crop to be 'center' or absent",)),
    "policy that is an object": (resize(policy={}), ("preprocessing: resize: expected policy to be one of",)),
    "filter that is an object": (resize(resample={}), ("preprocessing: resize: expected resample to be one of",)),
    "activation that is an object": (attributes("conv", activation={}), ("node 'conv': expected activation to be",)),
    "mode with other channels": (
        preprocessing(mode="L"), ("preprocessing: expected a mode with the 3 channels", "'L'")),
    "mean for other channels": (preprocessing(mean=[0]), ("preprocessing: expected mean to be 3", "found (0.0,)")),
    "mean that is one number": (preprocessing(mean=0.5), ("preprocessing: expected mean to be 3", "found 0.5")),
    "mean that is no number": (preprocessing(mean=[0, "0", 0]), ("preprocessing: expected mean to be 3",)),
    "mean beyond float32": (preprocessing(mean=[0, 0, 1e39]), ("preprocessing: expected mean to be 3 finite",)),
    "std for other channels": (preprocessing(std=[1, 1]), ("preprocessing: expected std to be 3",)),
    "std 0": (preprocessing(std=[1, 0, 1]), ("preprocessing: expected std to be other than 0, found (1.0, 0.0, 1.0)",)),
    "std that float32 rounds to 0": (preprocessing(std=[1, 1e-46, 1]), ("preprocessing: expected std to be other",)),
    "std as a boolean": (preprocessing(std=[1, True, 1]), ("preprocessing: expected std to be 3",)),
    "scale that is no number": (preprocessing(scale=[1]), ("preprocessing: expected scale to be a finite number",)),
    "unknown crop": (
        preprocessing(crop="top"), ("preprocessing: expected crop to be 'center' or absent, found 'top'",)),
    "resize that is no object": (preprocessing(resize=8), ("preprocessing: resize: expected an object, found 8",)),
    "unknown key of the resize": (resize(fill=0), ("preprocessing: resize: ", KEYS, "found 'fill'")),
    "resize without policy": (drop("preprocessing", "resize", "policy"), ("preprocessing: resize: ", "key 'policy'")),
    "resize without size": (drop("preprocessing", "resize", "size"), ("preprocessing: resize: ", "key 'size'")),
    "resize without resample": (drop("preprocessing", "resize", "resample"), ("resize: ", "key 'resample'")),
    "unknown policy": (resize(policy="fit"), ("preprocessing: resize: expected policy to be one of", "found 'fit'")),
    "unknown filter": (resize(resample="area"), ("preprocessing: resize: expected resample to be one of", "'area'")),
    "shortest edge of two numbers": (resize(size=[8, 8]), ("resize: expected size of shortest_edge", "found (8, 8)")),
    "shortest edge 0": (resize(size=0), ("resize: expected size of shortest_edge", "from 1", "found 0")),
    "shortest edge as a float": (resize(size=8.0), ("resize: expected size of shortest_edge", "found 8.0")),
    "exact size of one number": (
        resize(policy="exact"), ("resize: expected size of exact to be 2 integers", "found 8")),
    "exact size 0": (exact([8, 0]), ("resize: expected size of exact to be 2 integers from 1", "found (8, 0)")),
    "shortest edge below the crop": (
        resize(size=5), ("resize by shortest_edge: ", "no smaller than the crop, (6, 6), found 5")),
    "exact height below the crop": (exact([5, 9]), ("resize by exact: ", "no smaller than the crop", "found (5, 9)")),
    "exact width below the crop": (exact([9, 5]), ("resize by exact: ", "no smaller than the crop", "found (9, 5)")),
    "exact size other than the input's": (exact([6, 7], crop=False), ("resize by exact: ", "(6, 6)", "found (6, 7)")),
    "shortest edge without crop, not the input's": (no_crop, ("resize by shortest_edge: ", "size 6", "found 8")),
    "resized image of too many values": (exact([2**16, 2**16]), ("resize by exact: ", "at most 2147483647 values")),
}  # fmt: skip


@pytest.mark.parametrize("rule", REFUSALS)
def test_refused_in_a_file_and_by_the_writer(rule: str, tmp_path: Path) -> None:
    edit, fragments = REFUSALS[rule]
    graph = valid_graph()
    edit(graph)
    with pytest.raises(ModelFormatError) as reading:
        read_model(unchecked_file(graph, valid_tensors()))
    assert in_order(str(reading.value), ("<bytes>: ", *fragments)), str(reading.value)
    path = tmp_path / "model.safetensors"
    with pytest.raises(ModelFormatError) as writing:
        write_model(graph, valid_tensors(), path)
    assert in_order(str(writing.value), (f"{path}: ", *fragments)), str(writing.value)
    assert list(tmp_path.iterdir()) == []


def test_what_the_refusals_change_is_otherwise_valid() -> None:
    graph, tensors = read_model(unchecked_file(valid_graph(), valid_tensors()))
    assert graph.shapes["conv"] == (6, 6, 4)
    assert graph.output_shape == (2,)
    assert tensors.keys() == valid_tensors().keys()


class TestLegal:
    def read(self, *edits: Edit, tensors: dict[str, np.ndarray] | None = None) -> Graph:
        graph = valid_graph()
        for edit in edits:
            edit(graph)
        return read_model(unchecked_file(graph, valid_tensors() if tensors is None else tensors))[0]

    def test_defaults(self) -> None:
        keys = ("strides", "dilation", "activation")
        graph = self.read(*(drop("conv", key) for key in keys), drop("pool", "padding"), drop("grouped", "groups"),
                          attributes("grouped", groups=2))  # fmt: skip
        assert graph == self.read(attributes("conv", activation="linear"))

    def test_without_labels_and_preprocessing(self) -> None:
        graph = self.read(drop("labels"), drop("preprocessing"))
        assert graph.labels is None
        assert graph.preprocessing is None

    def test_preprocessing_without_resize_and_crop_takes_images_of_the_inputs_size(self) -> None:
        prep = self.read(drop("preprocessing", "resize"), no_crop, drop("preprocessing", "scale")).preprocessing
        assert prep is not None
        assert (prep.resize, prep.crop, prep.scale) == (None, None, 1.0)

    @pytest.mark.parametrize("edit", [resize(size=6), exact([6, 6]), exact([7, 6]), exact([6, 6], crop=False)])
    def test_a_resized_image_may_just_fit(self, edit: Edit) -> None:
        self.read(edit)

    def test_shortest_edge_without_crop_is_for_images_of_the_inputs_proportions(self) -> None:
        self.read(resize(size=6), no_crop)

    def test_integers_where_floats_are_due(self) -> None:
        graph = self.read(attributes("sum", alpha=2), preprocessing(mean=[0, 1, 2], scale=2))
        assert type(graph["sum"].alpha) is float  # type: ignore[attr-defined]
        assert graph.preprocessing is not None
        assert [type(x) for x in graph.preprocessing.mean] == [float] * 3

    def test_nodes_that_nobody_reads(self) -> None:
        assert "late" in self.read(new_node(name="late", op="global_max_pool2d", inputs=["conv"])).by_name

    def test_the_output_may_be_read_and_need_not_be_last(self) -> None:
        assert self.read(top(output="logits")).output_shape == (2,)

    def test_one_node_twice_as_input(self) -> None:
        graph = self.read(new_node(name="both", op="concat", inputs=["pool", "pool", "sum"]))
        assert graph.shapes["both"] == (3, 3, 12)

    @pytest.mark.parametrize("small", ["pooled", "spot"])
    @pytest.mark.parametrize("op", ["add", "multiply"])
    def test_one_number_a_channel_fits_every_image(self, op: str, small: str) -> None:
        graph = self.read(
            new_node(name="pooled", op="global_avg_pool2d", inputs=["pool"]),
            new_node(10, name="spot", op="max_pool2d", inputs=["pool"], pool_size=[3, 3]),
            new_node(11, name="late", op=op, inputs=[small, "pool"]),
        )
        assert graph.shapes["spot"] == (1, 1, 4)
        assert graph.shapes["late"] == (3, 3, 4)

    def test_labels_may_repeat_be_empty_and_be_in_any_script(self) -> None:
        assert self.read(top(labels=["", "猫\n"])).labels == ("", "猫\n")


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_comes_back(activation: str) -> None:
    changed = valid_graph()
    node(changed, "sum")["activation"] = activation
    if not ACTIVATION_FUNCTIONS[activation].takes_alpha:
        del node(changed, "sum")["alpha"]
    assert graph_from_object(changed)["sum"].attributes()["activation"] == activation


def test_a_graph_is_the_same_from_an_object_and_back() -> None:
    graph = graph_from_object(valid_graph())
    assert graph_from_object(graph_to_object(graph)) == graph


def test_exporters_may_give_tuples_and_numpy_numbers() -> None:
    changed = valid_graph()
    node(changed, "conv").update(filters=np.int64(4), kernel_size=(np.int32(3), 3), padding=np.ones(4, int))
    changed["preprocessing"].update(scale=np.float32(0.5), std=(1, np.float64(1), 4))
    assert graph_from_object(changed) == graph_from_object(valid_graph())
