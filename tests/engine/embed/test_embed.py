"""Networks as C, compiled without a warning and called: the same results as Net's, whatever memory they are given."""

from __future__ import annotations

import ctypes
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lcnn_engine import Net, read_model
from lcnn_engine.embed import embed
from lcnn_engine.kernels import usable_variants
from tests.helpers.embedded import CC, WARNINGS, Embedded, compiled, run
from tests.helpers.kernel_cases import Network, seeded
from tests.helpers.networks import small_classifier

DIGITS = Path(__file__).parents[2] / "data/digits"
ISA = [usable_variants()[0], "scalar"]
OK, NOT_FINITE, NO_MEMORY, BAD_IMAGE = range(4)

pytestmark = pytest.mark.skipif(shutil.which(CC[0]) is None, reason="needs a C compiler")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> tuple[Embedded, Net]:
    graph, tensors = small_classifier()
    return Embedded(graph, tensors, tmp_path_factory.mktemp("small") / "net", isa=ISA), Net(graph, tensors, threads=1)


def images(net: Net, count: int = 3) -> np.ndarray:
    return np.random.default_rng(5).standard_normal((count, *net.input_shape)).astype(np.float32)


def test_a_network_gives_what_net_gives_on_every_instruction_set(small: tuple[Embedded, Net]) -> None:
    ours, net = small
    for x in images(net):
        wanted = net.run(x)
        for isa in ISA:
            status, found = ours.run(x, isa)
            assert status == OK
            np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())


def test_memory_may_begin_anywhere_and_hold_anything(small: tuple[Embedded, Net]) -> None:
    ours, net = small
    x = images(net, 1)[0]
    found = [ours.run(x, offset=offset)[1].tobytes() for offset in (0, 1, 7, 32, 63)]
    assert len(set(found)) == 1


def test_a_context_runs_again_and_again_with_the_same_bits(small: tuple[Embedded, Net]) -> None:
    ours, net = small
    context, memory = ours.init()
    first, second = images(net, 2)
    results = []
    for x in (first, second, first):
        output = np.empty(ours.output_shape, np.float32)
        assert ours.call("run")(context, x.ctypes.data, output.ctypes.data) == OK
        results.append(output.tobytes())
    assert results[0] == results[2] != results[1]
    del memory


def test_what_cannot_be_is_refused(small: tuple[Embedded, Net]) -> None:
    ours, net = small
    assert ours.init(missing=1)[0] is None
    assert ours.init(isa="mmx")[0] is None
    x = images(net, 1)[0]
    x.reshape(-1)[-1] = np.nan
    assert ours.run(x)[0] == NOT_FINITE
    for status in range(5):
        assert ctypes.string_at(ours.call("message")(status))


def test_a_context_names_its_instruction_set(small: tuple[Embedded, Net]) -> None:
    ours, _ = small
    for isa in ISA:
        context, memory = ours.init(isa)
        assert ctypes.string_at(ours.call("isa")(context)).decode() == isa
        del memory


@pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
def test_bits_are_those_of_net_where_no_blas_takes_part(tmp_path: Path, precision: str) -> None:
    """Every family of kernels but S = D X in float32, by the fastest instruction set; below -O2 GCC fuses no products
    with sums."""
    network = Network((16, 18, 4), seeded("embedded", precision), k=0 if precision == "float32" else 6)
    network.add("conv2d", filters=24, kernel_size=(3, 3), padding=(1, 1, 1, 1), activation="gelu")
    network.add("lookup_conv2d", filters=20, kernel_size=(3, 3), strides=(2, 2), activation="relu")
    network.add("layer_norm", epsilon=1e-5)
    pooled = network.add("max_pool2d", pool_size=(2, 2), strides=(1, 1), padding=(0, 1, 0, 1))
    network.add("activation", pooled, activation="leaky_relu", alpha=0.3)
    network.add("add", pooled, network.nodes[-1].name)
    network.add("resize2d", size=(5, 9), method="bilinear")
    network.add("flatten")
    network.add("dense", units=33, activation="relu")
    network.add("dense", units=7)
    network.add("softmax")
    graph = network.graph()
    net = Net(graph, network.tensors, threads=1, precision=precision)
    ours = Embedded(graph, network.tensors, tmp_path / "net", flags=["-O2"], isa=ISA[:1], precision=precision)
    for x in images(net):
        assert ours.run(x)[1].tobytes() == net.run(x).tobytes()


def test_a_picture_is_classified_by_the_example(tmp_path: Path) -> None:
    """The shipped network, a picture of a format that needs no library, and the commands of the folder's README."""
    embed(*read_model("weights/mnist-alexnet-lcnn-fast.safetensors"), tmp_path / "digits", isa=ISA[:1])
    folder = tmp_path / "digits"
    name = next(folder.glob("*_plan.h")).name.removesuffix("_plan.h")
    objects = compiled(folder)
    run([*CC, "-std=c99", "-D_POSIX_C_SOURCE=1", *WARNINGS, "example.c", *objects, "-lm", "-o", "example"], folder)
    net = Net.load("weights/mnist-alexnet-lcnn-fast.safetensors", threads=1)
    for path in sorted(DIGITS.glob("*.png"))[:3]:
        Image.open(path).save(folder / "digit.pgm")
        printed = run([folder / "example", "digit.pgm"], folder).split()
        (label, probability), *_ = net.classify(path)
        assert printed[0] == label
        assert float(printed[1]) == pytest.approx(probability, abs=1e-4)
    assert name == "mnist_alexnet_lcnn_fast"


def test_c_plus_plus_takes_the_header_and_two_networks_live_in_one_program(tmp_path: Path) -> None:
    compiler = shutil.which("c++") or shutil.which("g++")
    if compiler is None:
        pytest.skip("needs a C++ compiler")
    graph, tensors = small_classifier()
    objects = []
    for name in ("one", "two"):
        embed(graph, tensors, tmp_path / name, name=name, isa=["scalar"])
        objects += compiled(tmp_path / name)
    flags = ["-std=c++11", *WARNINGS, "-Ione", "-Itwo"]
    (tmp_path / "both.cpp").write_text(
        '#include "one.h"\n#include "two.h"\nint main() { return one_context_size() != two_context_size(); }\n'
    )
    run([compiler, *flags, "both.cpp", *objects, "-lm", "-o", "both"], tmp_path)
    run([tmp_path / "both"], tmp_path)
    run([compiler, *flags, "one/example.cpp", *objects, "-lm", "-o", "example"], tmp_path)
    found = np.array([float(line) for line in run([tmp_path / "example"], tmp_path).split()])
    wanted = Net(graph, tensors, threads=1).run(np.full(graph.input.shape, 0.5, np.float32))
    np.testing.assert_allclose(found, wanted.reshape(-1), atol=1e-5)


def test_nothing_is_read_or_written_out_of_bounds(tmp_path: Path) -> None:
    """The address sanitizer over a program that classifies a picture, by every instruction set of this processor."""
    embed(*read_model("weights/mnist-alexnet-lcnn-fast.safetensors"), tmp_path / "net", name="net", isa=ISA)
    folder = tmp_path / "net"
    sanitize = ["-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-sanitize=alignment"]
    objects = compiled(folder, ["-O1", "-g", *sanitize])
    source = (folder / "example.c").read_text()
    for isa in ISA:
        (folder / "example.c").write_text(source.replace("size, NULL)", f'size, "{isa}")'))
        run([*CC, *sanitize, "example.c", *objects, "-lm", "-o", "example"], folder)
        Image.open(next(iter(sorted(DIGITS.glob("*.png"))))).resize((31, 45)).save(folder / "digit.ppm")
        assert run([folder / "example", "digit.ppm"], folder).split()
