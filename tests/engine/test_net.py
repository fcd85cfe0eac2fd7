"""Net: the public contract."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lcnn_engine import InputError, ModelFormatError, Net, SettingError, kernel_info
from lcnn_engine.format.model_file import read_model
from lcnn_engine.model.graph import LookupConv2D
from lcnn_engine.net import ranked
from tests.helpers.networks import chain, images, small_classifier, with_tensors


class TestLoading:
    def test_path_bytes_and_file_give_the_same_network(self, model_path: Path):
        x = images(small_classifier()[0])[0]
        expected = Net.load(str(model_path)).run(x)
        for source in (model_path, model_path.read_bytes(), io.BytesIO(model_path.read_bytes())):
            assert np.array_equal(Net.load(source).run(x), expected)

    def test_missing_file(self, tmp_path: Path):
        with pytest.raises(FileNotFoundError):
            Net.load(tmp_path / "none.safetensors")

    @pytest.mark.parametrize("threads", [0, -1, 1000, 1.0, 2.5, "2", True])
    def test_thread_counts_that_mean_nothing(self, model_path: Path, threads):
        with pytest.raises(SettingError, match="from 1 to 256"):
            Net.load(model_path, threads=threads)

    def test_default_threads_are_at_most_the_usable_cores(self, model_path: Path):
        assert Net.load(model_path).threads == kernel_info()["threads"] >= 1

    def test_activations_beyond_max_bytes_are_refused(self, model_path: Path):
        with pytest.raises(ModelFormatError, match="1000"):
            Net.load(model_path, max_bytes=1000)

    def test_more_than_max_multiplications_is_refused(self, model_path: Path):
        with pytest.raises(ModelFormatError, match="max_multiplications"):
            Net.load(model_path, max_multiplications=1000)
        with pytest.raises(ModelFormatError, match="max_multiplications"):
            Net(*small_classifier(), max_multiplications=1000)
        with pytest.raises(SettingError, match="max_multiplications"):
            Net.load(model_path, max_multiplications=0)

    def test_s_counts_as_memory(self):
        """A dictionary of one number a row makes an S of one image a row: a small file, but not a small memory."""
        node = LookupConv2D(name="conv", inputs=("image",), filters=1, kernel_size=(1, 1))
        graph, tensors = with_tensors(chain([node], (200, 200, 1)), {"conv": 1000}, density=0.01)
        with pytest.raises(ModelFormatError, match="max_bytes"):
            Net(graph, tensors, max_bytes=10_000_000)
        assert Net(graph, tensors, max_bytes=200_000_000).run(images(graph)[0]).shape == (200, 200, 1)

    def test_properties(self, net: Net):
        graph, _ = small_classifier()
        assert net.name == "small-classifier"
        assert net.input_shape == (20, 17, 3)
        assert net.output_shape == (10,)
        assert net.labels == [f"class {i}" for i in range(10)]
        assert net.graph == graph
        with pytest.raises(AttributeError):
            net.name = "other"  # type: ignore[misc]

    def test_labels_are_none_without_any(self):
        graph, tensors = small_classifier()
        bare = type(graph)(graph.name, graph.input, graph.output, graph.nodes)
        net = Net(bare, tensors)
        assert net.labels is None
        x = images(graph)[0]
        best = net.classify(x, top=1)
        assert best == [(str(int(np.argmax(net.run(x)))), pytest.approx(float(net.run(x).max())))]

    def test_what_is_no_file_is_checked_like_one(self):
        graph, tensors = small_classifier()
        for index in (2**31 - 1, -1):
            indices = tensors["conv2/indices"].copy()
            indices[-1] = index
            with pytest.raises(ModelFormatError, match=r"conv2/indices.*expected indices from 0 to"):
                Net(graph, tensors | {"conv2/indices": indices})
        with pytest.raises(ModelFormatError, match="conv1"):
            Net(graph, {})
        with pytest.raises(ModelFormatError, match="expected a Graph and its tensors"):
            Net("model.safetensors", tensors)  # type: ignore[arg-type]
        nodes = (graph.nodes[0], *graph.nodes)
        with pytest.raises(ModelFormatError, match="a name that nothing before it has"):
            Net(type(graph)(graph.name, graph.input, graph.output, nodes), tensors)

    def test_its_tensors_are_its_own(self):
        graph, tensors = small_classifier()
        x = images(graph)[0]
        expected = Net(graph, tensors).features(x, "conv2")
        strided = {name: np.repeat(array, 2, axis=-1)[..., ::2] for name, array in tensors.items()}
        swapped = {name: array.astype(array.dtype.newbyteorder(">")) for name, array in tensors.items()}
        for given in ({name: array.copy() for name, array in tensors.items()}, strided, swapped):
            net = Net(graph, given)
            for array in given.values():
                array.flags.writeable = True
                array[...] = 2**30
            assert np.array_equal(net.features(x, "conv2"), expected)


class TestPredicting:
    def test_image_of_every_form(self, net: Net, tmp_path: Path):
        pixels = np.random.default_rng(3).integers(0, 256, (40, 30, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "image.png")
        path = tmp_path / "image.png"
        expected = net.predict(pixels)
        for image in (path, str(path), path.read_bytes(), io.BytesIO(path.read_bytes()), Image.open(path)):
            assert np.array_equal(net.predict(image), expected)
        assert np.array_equal(net.predict([path, pixels])[1], expected)

    def test_the_good_ones_of_a_batch_with_bad_ones(self, net: Net, tmp_path: Path):
        good = np.random.default_rng(3).integers(0, 256, (2, 40, 30, 3), dtype=np.uint8)
        nan = images(net.graph)[0]
        nan[3, 4, 1] = np.nan
        many = [good[0], b"bad", tmp_path / "nowhere.png", nan, good[1], 5]
        expected = net.predict(list(good))
        rows, indices = net.predict(many, on_error="skip")
        assert np.array_equal(rows, expected)
        assert indices.tolist() == [0, 4]
        for given in (many, iter(many)):
            found = net.predict(given, on_error="return")
            assert len(found) == 6
            assert np.array_equal(found[0], expected[0])
            assert np.array_equal(found[4], expected[1])
            assert [type(found[i]) for i in (1, 2, 3, 5)] == [InputError, FileNotFoundError, InputError, InputError]
        assert "finite" in str(found[3])
        with pytest.raises(InputError, match="input 1 of 6"):
            net.predict(many)

    def test_a_batch_of_bad_ones_only(self, net: Net):
        rows, indices = net.predict([b"bad", b"worse"], on_error="skip")
        assert rows.shape == (0, 10)
        assert rows.dtype == np.float32
        assert indices.shape == (0,)
        assert indices.dtype.kind == "i"
        x = images(net.graph, 3)
        x[1, 0, 0, 0] = np.inf
        assert net.predict(x, on_error="skip")[1].tolist() == [0, 2]

    def test_on_error_with_one_input(self, net: Net):
        x = images(net.graph)[0]
        assert np.array_equal(net.predict(x, on_error="return"), net.predict(x))
        assert isinstance(net.predict(b"bad", on_error="return"), InputError)
        assert net.predict(x, on_error="skip")[0].shape == (1, 10)

    @pytest.mark.parametrize("img", [np.zeros((2, 21, 17, 3), np.float32), np.zeros((20, 17, 3), int), None, {"a": 1}])
    def test_what_is_neither_an_input_nor_a_batch_is_no_batch_without_good_ones(self, net: Net, img):
        for on_error in ("raise", "skip", "return"):
            with pytest.raises(InputError, match=r"expected .*got (float32|int64|NoneType|dict)"):
                net.predict(img, on_error=on_error)

    def test_on_error_that_means_nothing(self, net: Net):
        with pytest.raises(SettingError, match="'raise', 'skip' or 'return', got 'ignore'"):
            net.predict([b"bad"], on_error="ignore")
        for on_error in ("skip", "return"):
            with pytest.raises(InputError, match="at least one"):
                net.predict([], on_error=on_error)

    def test_ranks_are_best_first_and_equals_in_their_order(self):
        probabilities = np.array([0.1, 0.4, 0.1, 0.4], np.float32)
        assert [index for index, _, _ in ranked(probabilities, None, 9)] == [1, 3, 0, 2]
        assert ranked(probabilities, ["a", "b", "c", "d"], 1) == [(1, "b", float(np.float32(0.4)))]
        assert ranked(probabilities, None, 1)[0][1] == "1"

    def test_classify_ranks_labels(self, net: Net):
        x = images(net.graph, 2)
        ranked = net.classify(x[0], top=3)
        probabilities = net.run(x[0])
        order = np.argsort(-probabilities)[:3]
        assert ranked == [(f"class {i}", float(probabilities[i])) for i in order]
        assert [len(row) for row in net.classify(x, top=100)] == [10, 10]

    @pytest.mark.parametrize("top", [0, -1, 2.0, "3", None, True])
    def test_top_that_means_nothing(self, net: Net, top):
        with pytest.raises(InputError, match="top"):
            net.classify(images(net.graph)[0], top=top)

    def test_unknown_node(self, net: Net):
        with pytest.raises(InputError, match=r"conv1, conv2.*'conv9'"):
            net.features(images(net.graph)[0], "conv9")
        with pytest.raises(KeyError):
            net.features(images(net.graph)[0], "conv9")

    @pytest.mark.parametrize("names", [[["conv1"]], ["conv1", 3], 3, None, b"conv1", {"conv1": 1}.items()])
    def test_what_is_no_name_of_a_node(self, net: Net, names):
        with pytest.raises(InputError, match=r"a flat list of names such as \['.*'\], got (list|int|NoneType|tuple)"):
            net.features(images(net.graph)[0], names)

    def test_no_names_at_all(self, net: Net):
        with pytest.raises(InputError, match=r"at least one node, one of conv1, .*got none"):
            net.features(images(net.graph)[0], [])


class TestCopies:
    def test_pickle_and_copy_carry_the_model(self, net: Net, model_path: Path, tmp_path: Path):
        own = tmp_path / "own.safetensors"
        own.write_bytes(model_path.read_bytes())
        loaded = Net.load(own, threads=1)
        frozen = pickle.dumps(loaded)
        own.unlink()
        x = images(net.graph)[0]
        for copied in (pickle.loads(frozen), copy.copy(loaded), copy.deepcopy(loaded)):
            assert np.array_equal(copied.run(x), net.run(x))
            assert (copied.name, copied.labels, copied.threads) == (net.name, net.labels, 1)

    def test_copies_keep_the_limits(self, model_path: Path):
        limits = {"max_bytes": 10**8, "max_multiplications": 10**7}
        loaded = Net.load(model_path, **limits)
        for copied in (pickle.loads(pickle.dumps(loaded)), copy.copy(loaded)):
            _, arguments = copied.__reduce__()
            given = inspect.signature(Net).bind(*arguments).arguments
            assert {name: given[name] for name in limits} == limits


class TestSummary:
    def test_a_line_for_every_node(self, net: Net):
        lines = net.summary().splitlines()
        for node in net.graph.nodes:
            assert sum(line.startswith(f"{node.name} ") for line in lines) == 1
        assert any(line.startswith("total") for line in lines)


class TestProfile:
    def test_steps_and_table(self, net: Net):
        profile = net.profile(images(net.graph)[0], runs=3)
        names = {step.name for step in profile.steps}
        assert {"conv1", "conv2", "fc8"} <= names
        assert "unread" not in names  # nobody reads it, so it never runs
        assert all(step.seconds >= 0 for step in profile.steps)
        conv2 = next(step for step in profile.steps if step.name == "conv2")
        lookups = len(small_classifier()[1]["conv2/indices"])
        assert conv2.multiplications == lookups * 10 * 9
        assert str(profile).split("\n\n")[0].splitlines()[-1].startswith("total")

    def test_a_dense_equivalent_has_limits_too(self):
        """A filter of 100 x 100 taps with one lookup is a few bytes of a file."""
        node = LookupConv2D(name="conv", inputs=("image",), filters=64, kernel_size=(100, 100))
        graph, tensors = with_tensors(chain([node], (110, 110, 8)), {"conv": None}, density=1e-6)
        x = images(graph)[0]
        net = Net(graph, tensors, max_bytes=10_000_000)
        assert net.profile(x, runs=1).dense is None
        with pytest.raises(InputError, match=r"\(max_bytes\), found 20480000; .*--no-dense"):
            net.profile(x, runs=1, dense=True)
        with pytest.raises(InputError, match=r"\(max_multiplications\), found 619520000; "):
            Net(graph, tensors, max_multiplications=10**8).profile(x, runs=1, dense=True)

    def test_runs_must_be_positive(self, net: Net):
        with pytest.raises(InputError, match="runs"):
            net.profile(images(net.graph)[0], runs=0)


class TestPrecision:
    @pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8", "fastest"])
    def test_what_runs_is_asked_for_or_float32(self, precision: str, model_path: Path, monkeypatch: pytest.MonkeyPatch):
        native = kernel_info()["precisions"]
        runs = {"fastest": native[-1]}.get(precision, precision if precision in native else "float32")
        graph, tensors = read_model(model_path)
        x = images(graph)[0]
        for net in (Net.load(model_path, precision=precision), Net(graph, tensors, precision=precision)):
            assert net.precision == runs
            for other in (pickle.loads(pickle.dumps(net)), copy.deepcopy(net)):
                assert other.precision == runs
                assert np.array_equal(other.run(x), net.run(x))
        pickled = pickle.dumps(net)
        monkeypatch.setenv("LCNN_ISA", "scalar")
        assert Net.load(model_path, precision=precision).precision == "float32"
        assert pickle.loads(pickled).precision == "float32"  # on a processor that lacks it
        monkeypatch.delenv("LCNN_ISA")
        assert pickle.loads(pickle.dumps(pickle.loads(pickled))).precision == runs

    def test_an_unknown_one_is_refused_before_the_file_is_read(self):
        expected = "expected precision to be one of float32, bfloat16, int8, fastest, got 'half'"
        with pytest.raises(SettingError, match=expected):
            Net.load("no-such-file", precision="half")
        with pytest.raises(SettingError, match=expected):
            Net(*small_classifier(), precision="half")

    def test_features_and_profiles_are_of_it_too(self, model_path: Path):
        net = Net.load(model_path, precision="fastest")
        x = images(net.graph)[0]
        assert np.array_equal(net.features(x, net.graph.output), net.run(x))
        assert net.profile(x, runs=1).precision == net.precision
