"""ONNX models as networks: what callers ask of from_onnx and Net.load, and our own models back again."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnxruntime")

from lcnn_engine import ModelFormatError, Net, SettingError, from_onnx, read_model, write_model
from lcnn_engine.interop.dense import dense_equivalent, two_layer_equivalent
from lcnn_engine.interop.loading import is_onnx
from lcnn_engine.interop.onnx import onnx_model
from lcnn_engine.model.graph import LookupConv2D, LookupDense, Preprocessing
from lcnn_engine.model.reference import evaluate
from tests.helpers.kernel_cases import Network, seeded
from tests.helpers.one_operation import CASES, assert_close, network_of
from tests.helpers.onnx_models import model_of, node

WEIGHTS = sorted((Path(__file__).parents[3] / "weights").glob("*.safetensors"))


def classifier(shape: tuple[int | str | None, ...] = (1, 3, 8, 8)) -> bytes:
    """Ten classes of an image of three channels, of any size."""
    rng = seeded("classifier")
    constants = {"w": rng.standard_normal((10, 3, 3, 3), dtype=np.float32)}
    nodes = [node("Conv", ["x", "w"], ["a"]), node("GlobalAveragePool", ["a"], ["b"]), node("Flatten", ["b"])]
    return model_of(nodes, constants, shape)


class TestOurOwn:
    @pytest.mark.parametrize("case", CASES)
    def test_an_operation_comes_back(self, case: str) -> None:
        graph, tensors, x = network_of(case)
        expected = evaluate(graph, tensors, x)[graph.output]
        back = from_onnx(onnx_model(*dense_equivalent(graph, tensors)))
        assert back[0].input.shape == graph.input.shape
        assert_close(evaluate(*back, x)[back[0].output], expected)

    @pytest.mark.parametrize("path", WEIGHTS, ids=lambda path: path.stem)
    def test_lookups_come_back(self, path: Path) -> None:
        graph, tensors = read_model(path)
        back, found = from_onnx(onnx_model(*two_layer_equivalent(graph, tensors)))
        assert [(node.name, node.op) for node in back.nodes] == [(node.name, node.op) for node in graph.nodes]
        assert found.keys() == tensors.keys()
        for name, array in tensors.items():
            np.testing.assert_array_equal(found[name], array, err_msg=name)

    def test_pruned_layers_come_back_without_dictionary(self) -> None:
        network = Network((9, 9, 4), seeded("pruned"), k=0, density=0.1)
        network.add("lookup_conv2d", filters=8, kernel_size=(3, 3))
        network.add("global_avg_pool2d")
        network.add("lookup_dense", units=12)
        graph, tensors = network.graph(), network.tensors
        back, found = from_onnx(onnx_model(*dense_equivalent(graph, tensors)))
        assert [type(node) for node in back.nodes if "lookup" in node.op] == [LookupConv2D, LookupDense]
        for name in ("indptr", "indices", "coefficients"):
            np.testing.assert_array_equal(
                found[f"{back.nodes[0].name}/{name}"], tensors[f"{graph.nodes[0].name}/{name}"]
            )


class TestArguments:
    def test_labels_name_and_preprocessing(self) -> None:
        labels = [f"class {i}" for i in range(10)]
        graph, _ = from_onnx(classifier(), labels=labels, name="ten", preprocessing="imagenet")
        assert (graph.name, graph.labels) == ("ten", tuple(labels))
        assert graph.preprocessing is not None
        assert graph.preprocessing.resize is not None
        assert (graph.preprocessing.mode, graph.preprocessing.resize.size, graph.preprocessing.crop) == (
            "RGB",
            9,
            "center",
        )

    def test_preprocessing_as_a_record_or_an_object(self) -> None:
        record = Preprocessing(mode="RGB", mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
        spelled = {"mode": "RGB", "mean": [0, 0, 0], "std": [1, 1, 1]}
        assert from_onnx(classifier(), preprocessing=record)[0].preprocessing == record
        assert from_onnx(classifier(), preprocessing=spelled)[0].preprocessing == record

    def test_an_unknown_preprocessing(self) -> None:
        with pytest.raises(
            ModelFormatError, match="expected preprocessing to be a Preprocessing, a dict or 'imagenet'"
        ):
            from_onnx(classifier(), preprocessing="cifar")

    def test_wrong_number_of_labels(self) -> None:
        with pytest.raises(ModelFormatError, match="labels: expected 10 of them"):
            from_onnx(classifier(), labels=["one"])

    def test_an_open_size(self) -> None:
        model = classifier(("N", 3, None, "width"))
        with pytest.raises(ModelFormatError, match=r"expected a height and a width, found .*--input-size H W"):
            from_onnx(model)
        assert from_onnx(model, input_size=(16, 12))[0].input.shape == (16, 12, 3)

    def test_a_size_that_is_not_the_models(self) -> None:
        with pytest.raises(ModelFormatError, match=r"expected input_size to be the model's own, 8 x 8, found \(9, 8\)"):
            from_onnx(classifier(), input_size=(9, 8))

    def test_another_output(self) -> None:
        graph, _ = from_onnx(classifier(), output="a")
        assert graph.output_shape == (6, 6, 10)
        with pytest.raises(
            ModelFormatError, match=r"expected the name of an output, one of \['y'\], or of a node, found 'z'"
        ):
            from_onnx(classifier(), output="z")

    def test_several_outputs(self) -> None:
        model = model_of([node("Relu", outputs=["y"]), node("Sigmoid", outputs=["z"])], outputs=["y", "z"])
        with pytest.raises(ModelFormatError, match=r"expected a model with one output, found \['y', 'z'\]"):
            from_onnx(model)
        assert from_onnx(model, output="z")[0].nodes[0].attributes()["activation"] == "sigmoid"


class TestNet:
    def test_a_path_bytes_and_a_file(self, tmp_path: Path) -> None:
        path = tmp_path / "ten.onnx"
        path.write_bytes(classifier())
        x = seeded("net").standard_normal((8, 8, 3), dtype=np.float32)
        expected = Net(*from_onnx(path)).run(x)
        assert Net.load(path).name == "ten"
        for source in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes())):
            np.testing.assert_array_equal(Net.load(source).run(x), expected)

    def test_an_open_size(self) -> None:
        assert Net.load(classifier((1, 3, "h", "w")), input_size=(9, 7)).input_shape == (9, 7, 3)

    @pytest.mark.parametrize("limit", ["max_bytes", "max_multiplications"])
    def test_limits(self, limit: str) -> None:
        with pytest.raises(ModelFormatError, match=limit):
            Net.load(classifier(), **{limit: 1000})
        assert Net.load(classifier(), **{limit: 10**6}).output_shape == (10,)

    def test_a_size_for_a_model_file(self, tmp_path: Path) -> None:
        write_model(*from_onnx(classifier()), tmp_path / "ten.safetensors")
        assert not is_onnx((tmp_path / "ten.safetensors").read_bytes())
        with pytest.raises(SettingError, match="expected input_size with an ONNX model alone"):
            Net.load(tmp_path / "ten.safetensors", input_size=(8, 8))

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            Net.load(tmp_path / "none.onnx")


def test_without_the_package_onnx_one_line_says_what_to_install() -> None:
    code = "import sys; sys.modules['onnx'] = None\nimport lcnn_engine\nlcnn_engine.from_onnx(b'')"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert "MissingPackageError: expected the package onnx, which reads ONNX models" in result.stderr
    assert 'pip install "lcnn[onnx]"' in result.stderr.splitlines()[-1]


def test_the_engine_does_not_import_onnx_before_it_needs_it() -> None:
    code = "import sys, lcnn_engine; assert not [m for m in sys.modules if m.split('.')[0] in ('onnx', 'google')]"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
