"""The library, compiled without a warning and called: what plan files of all precisions give, what is refused, threads,
memory, the symbols it has, and programs in C, C++ and Rust."""

from __future__ import annotations

import ctypes
import dataclasses
import hashlib
import re
import shutil
import struct
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lcnn_engine import Net, read_model
from lcnn_engine.embed import write_library, write_plan
from lcnn_engine.images.preprocessing import to_input
from lcnn_engine.kernels import usable_variants
from lcnn_engine.model.graph import Preprocessing, Resize
from tests.helpers.embedded import CC, WARNINGS, Embedded, run
from tests.helpers.networks import small_classifier
from tests.helpers.plan_library import (
    BAD_ARGUMENT,
    BAD_IMAGE,
    BAD_PLAN,
    COPY,
    NETWORKS,
    NO_DIGEST,
    NO_FILE,
    NO_ISA,
    NOT_FINITE,
    OK,
    OTHER_VERSION,
    Library,
    convolutions,
    lookups,
    maps,
    objects_of,
)

DIGITS = Path(__file__).parents[2] / "data/digits"
SHIPPED = sorted(Path("weights").glob("*.safetensors"))
ISA = list(dict.fromkeys([usable_variants()[0], "scalar"]))
FLAGS = ["-O1"]

pytestmark = pytest.mark.skipif(shutil.which(CC[0]) is None, reason="needs a C compiler")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return Library(tmp_path_factory.mktemp("library") / "lib", ISA, FLAGS)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("small") / "net.lcnn"
    write_plan(*small_classifier(), path, isa=ISA)
    return path


def images(shape: tuple[int, ...], count: int = 2) -> np.ndarray:
    return np.random.default_rng(5).standard_normal((count, *shape)).astype(np.float32)


class TestResults:
    @pytest.mark.parametrize("precision", ["float32", "bfloat16", "int8"])
    @pytest.mark.parametrize("model", SHIPPED, ids=lambda path: path.stem)
    def test_shipped_networks_give_what_net_gives(
        self, library: Library, tmp_path: Path, model: Path, precision: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        graph, tensors = read_model(model)
        write_plan(graph, tensors, tmp_path / "net.lcnn", isa=ISA, precision=precision)
        for isa in ISA:
            monkeypatch.setenv("LCNN_ISA", isa)
            net = Net(graph, tensors, threads=1, precision=precision)
            plan = library.opened(tmp_path / "net.lcnn", isa)
            assert (plan.isa, plan.precision) == (isa, net.precision)
            for x in images(plan.shape):
                wanted, (status, found) = net.run(x), plan.run(x)
                assert status == OK
                np.testing.assert_allclose(found, wanted, atol=1e-5 * np.abs(wanted).max())
            plan.close()

    @pytest.mark.parametrize(
        ("network", "precision"),
        [(lookups, "float32"), (lookups, "bfloat16"), (convolutions, "int8"), (maps, "float32")],
    )
    def test_bits_are_those_of_embed(self, library: Library, tmp_path: Path, network, precision: str) -> None:
        made = network(precision)
        graph, isa = made.graph(), ISA[:1]
        options = {"isa": isa, "precision": precision}
        write_plan(graph, made.tensors, tmp_path / "net.lcnn", **options)
        ours = Embedded(graph, made.tensors, tmp_path / "net", flags=FLAGS, **options)
        plan = library.opened(tmp_path / "net.lcnn")
        for x in images(plan.shape):
            assert plan.run(x)[1].tobytes() == ours.run(x)[1].tobytes()

    def test_an_input_that_is_not_finite_is_rejected(self, library: Library, small: Path) -> None:
        plan = library.opened(small)
        x = images(plan.shape)[0]
        x.reshape(-1)[-1] = np.inf
        assert plan.run(x)[0] == NOT_FINITE

    def test_a_context_runs_again_and_again_anywhere_in_memory(self, library: Library, small: Path) -> None:
        plan = library.opened(small)
        size, call = plan.call["context_size"](plan.plan), plan.call
        first, second = images(plan.shape)
        results = set()
        for offset in (0, 1, 32, 63):
            memory = np.full(size + 64, 0xAB, np.uint8)
            context = call["init"](plan.plan, memory[offset:].ctypes.data, size)
            results |= {plan.run(x, context)[1].tobytes() for x in (first, second, first)}
            assert plan.run(first, context)[1].tobytes() == plan.run(first)[1].tobytes()
        assert len(results) == 2
        assert call["init"](plan.plan, memory.ctypes.data, size - 1) is None
        assert call["init"](plan.plan, None, size) is None


class TestPlans:
    def test_what_a_plan_is_of(self, library: Library, tmp_path: Path) -> None:
        graph, tensors = small_classifier()
        labels = (*(f"{i} é\n" for i in range(graph.output_shape[0] - 1)), "a\0b")
        graph = dataclasses.replace(graph, name="Ä net", labels=labels)
        write_plan(graph, tensors, tmp_path / "net.lcnn")
        plan = library.opened(tmp_path / "net.lcnn")
        assert plan.call["name"](plan.plan).decode() == "Ä net"
        assert (plan.shape, plan.output_shape) == (graph.input.shape, graph.output_shape)
        assert plan.labels() == [*labels[:-1], "a\ufffdb"]
        assert plan.call["label"](plan.plan, len(labels)) is None
        assert plan.call["input_size"](plan.plan) == np.prod(graph.input.shape)
        assert plan.call["output_size"](plan.plan) == np.prod(graph.output_shape)

    def test_the_fastest_is_chosen_and_a_name_lowers_it(self, library: Library, tmp_path: Path, small: Path) -> None:
        assert library.opened(small).isa == ISA[0]
        for isa in ISA:
            assert library.opened(small, isa).isa == isa
        write_plan(*small_classifier(), tmp_path / "slow.lcnn", isa=["scalar"])
        assert library.opened(tmp_path / "slow.lcnn", ISA[0]).isa == "scalar"
        if len(ISA) > 1:
            write_plan(*small_classifier(), tmp_path / "fast.lcnn", isa=ISA[:1])
            assert library.try_to_open(tmp_path / "fast.lcnn", "scalar")[0] == NO_ISA
        status, _, why = library.try_to_open(small, "mmx")
        assert status == NO_ISA
        assert "mmx" in why

    def test_mapped_copied_and_in_memory_it_is_the_same(self, library: Library, tmp_path: Path, small: Path) -> None:
        shutil.copy(small, tmp_path / "copy.lcnn")
        plans = [library.opened(small), library.opened(small, flags=NO_DIGEST), library.opened(small.read_bytes())]
        plans.append(library.opened(tmp_path / "copy.lcnn", flags=COPY))
        (tmp_path / "copy.lcnn").write_bytes(b"")  # a mapped file must not change, a copied one may
        x = images(plans[0].shape)[0]
        assert len({plan.run(x)[1].tobytes() for plan in plans}) == 1

    def test_bytes_must_lie_on_a_line_or_be_copied(self, library: Library, small: Path) -> None:
        memory = np.zeros(small.stat().st_size + 128, np.uint8)
        start = -memory.ctypes.data % 64
        plan, why = ctypes.c_void_p(), ctypes.create_string_buffer(256)
        for offset, flags, wanted in ((0, 0, OK), (4, 0, BAD_ARGUMENT), (4, COPY, OK)):
            at = memory[start + offset :][: small.stat().st_size]
            at[:] = np.frombuffer(small.read_bytes(), np.uint8)
            open_memory = library.__dict__["open_memory"]
            assert open_memory(at.ctypes.data, len(at), None, flags, ctypes.byref(plan), why, len(why)) == wanted

    def test_several_are_open_at_once_and_threads_have_contexts(self, library: Library, tmp_path: Path) -> None:
        plans = []
        for network in NETWORKS:
            made = network("float32")
            write_plan(made.graph(), made.tensors, tmp_path / "net.lcnn", isa=ISA)
            plans.append(library.opened(tmp_path / "net.lcnn"))
            (tmp_path / "net.lcnn").unlink()  # what is mapped stays
        inputs = [images(plan.shape, 8) for plan in plans]
        wanted = [[plan.run(x)[1].tobytes() for x in xs] for plan, xs in zip(plans, inputs, strict=True)]

        def work(number: int) -> list[bytes]:
            plan = plans[number % len(plans)]
            context = plan.call["context_new"](plan.plan)
            found = [plan.run(x, context)[1].tobytes() for _ in range(5) for x in inputs[number % len(plans)]]
            plan.call["context_free"](context)
            return found

        with ThreadPoolExecutor(6) as pool:
            for number, found in enumerate(pool.map(work, range(12))):
                assert found == wanted[number % len(plans)] * 5


class TestRefusals:
    def test_what_is_no_file(self, library: Library, tmp_path: Path) -> None:
        (tmp_path / "empty").touch()
        for name in ("missing", "empty", "."):
            status, _, why = library.try_to_open(tmp_path / name)
            assert status == NO_FILE
            assert str(tmp_path) in why

    def test_files_cut_short_or_longer(self, library: Library, small: Path) -> None:
        data = small.read_bytes()
        for size in (1, 8, 63, 79, 80, 4096, len(data) // 2, len(data) - 1):
            for flags in (0, NO_DIGEST):
                assert library.try_to_open(data[:size], flags=flags)[0] == BAD_PLAN, size
        assert library.try_to_open(data + b"\0")[0] == BAD_PLAN

    def test_a_bit_anywhere(self, library: Library, small: Path) -> None:
        data = bytearray(small.read_bytes())
        for place in [*range(80), *np.random.default_rng(3).integers(80, len(data), 60)]:
            data[place] ^= 16
            assert library.try_to_open(bytes(data))[0] in (BAD_PLAN, OTHER_VERSION), place
            data[place] ^= 16
        assert library.try_to_open(bytes(data))[0] == OK

    @pytest.mark.parametrize(("place", "what"), [(8, "plan format"), (24, "same release")])
    def test_other_versions(self, library: Library, small: Path, place: int, what: str) -> None:
        data = bytearray(small.read_bytes())
        data[place] ^= 1
        status, _, why = library.try_to_open(bytes(data))
        assert status == OTHER_VERSION
        assert what in why

    def test_an_offset_outside_is_named_by_its_call(self, library: Library, small: Path) -> None:
        """With a digest that fits: whoever wrote it meant it."""
        data = bytearray(small.read_bytes())
        offset = struct.unpack_from("<q", data, 64)[0]
        refused = 0
        for place in range(80, offset, 8):
            before = data[place : place + 8]
            data[place : place + 8] = struct.pack("<q", 2**31 - 1)
            data[32:64] = hashlib.sha256(data[64:]).digest()
            status, _, why = library.try_to_open(bytes(data))
            refused += status == BAD_PLAN and bool(re.search(r"call \d+ \(\w+\): expected ", why))
            data[place : place + 8] = before
        assert refused > 50

    def test_null(self, library: Library, small: Path) -> None:
        plan = library.opened(small)
        call = plan.call
        x = images(plan.shape)[0].ctypes.data
        assert call["open"](None, None, 0, ctypes.byref(ctypes.c_void_p()), None, 0) == BAD_ARGUMENT
        assert call["open"](b"x", None, 0, None, None, 0) == BAD_ARGUMENT
        assert call["run"](None, x, x) == call["run"](call["context_new"](plan.plan), None, x) == BAD_ARGUMENT
        assert call["context_new"](None) is None
        call["close"](None), call["context_free"](None)
        for status in range(11):
            assert call["message"](status)


def test_the_digest_is_that_of_hashlib(tmp_path: Path) -> None:
    write_library(tmp_path / "lib")
    run([*CC, "-shared", "-fPIC", "-Isrc", "src/library/sha256.c", "-o", "sha256.so"], tmp_path / "lib")
    sha256 = ctypes.CDLL(str(tmp_path / "lib/sha256.so")).lcnn_sha256
    data, digest = np.random.default_rng(1).bytes(1000), ctypes.create_string_buffer(32)
    for size in (*range(200), 1000):
        sha256(data, ctypes.c_size_t(size), digest)
        assert digest.raw == hashlib.sha256(data[:size]).digest(), size


class TestPictures:
    @pytest.mark.parametrize("antialias", [True, False])
    def test_they_become_what_python_makes_of_them(self, library: Library, tmp_path: Path, antialias: bool) -> None:
        graph, tensors = small_classifier()
        height, width, channels = graph.input.shape
        resize = Resize("crop_to_aspect_ratio", (height, width), "bilinear", antialias)
        mode = {1: "L", 3: "RGB"}[channels]
        rule = Preprocessing(mode, (0.25,) * channels, (0.5,) * channels, 1 / 255, resize)
        write_plan(dataclasses.replace(graph, preprocessing=rule), tensors, tmp_path / "net.lcnn", isa=["scalar"])
        plan = library.opened(tmp_path / "net.lcnn")
        y, x, c = np.ogrid[:41, :53, :3]
        pixels = (128 + 60 * np.sin(y / 7 + c) * np.cos(x / 5 - c)).astype(np.uint8)
        status, found = plan.prepare(pixels)
        assert status == OK
        np.testing.assert_allclose(found, to_input(pixels, rule, plan.shape), atol=(1.01 if antialias else 1e-3) / 127)
        assert plan.prepare(pixels[:, :, :2].copy())[0] == BAD_IMAGE
        assert plan.call["prepare_size"](plan.plan, 0, 5) == plan.call["prepare_size"](plan.plan, 2**21, 1) == 0

    def test_a_model_that_does_not_say_how_makes_none(self, library: Library, tmp_path: Path) -> None:
        graph, tensors = small_classifier()
        write_plan(dataclasses.replace(graph, preprocessing=None), tensors, tmp_path / "net.lcnn", isa=["scalar"])
        plan = library.opened(tmp_path / "net.lcnn")
        assert plan.prepare(np.zeros((28, 28, 3), np.uint8))[0] == BAD_IMAGE


class TestPrograms:
    def test_every_compiler_takes_all_of_it_without_a_warning(self, tmp_path: Path) -> None:
        write_library(tmp_path / "lib")
        found = [name for name in ("gcc", "clang", "clang-14", "clang-19") if shutil.which(name)]
        for compiler in found:
            objects_of(tmp_path / "lib", ISA, ["-O0", "-fsyntax-only"], [compiler])
        (tmp_path / "lib/use.c").write_text('#include "lcnn.h"\nint main(void) { return lcnn_api_version(); }\n')
        for compiler in found:
            run([compiler, "-std=c99", *WARNINGS, "-Iinclude", "-fsyntax-only", "use.c"], tmp_path / "lib")
        for compiler in (name for name in ("g++", "clang++", "clang++-14", "clang++-19") if shutil.which(name)):
            flags = ["-std=c++11", *WARNINGS, "-Iinclude", "-fsyntax-only"]
            run([compiler, *flags, "-x", "c++", "use.c"], tmp_path / "lib")
            run([compiler, *flags, "examples/example.cpp"], tmp_path / "lib")

    @pytest.mark.skipif(shutil.which("nm") is None, reason="needs nm")
    def test_nothing_is_exported_but_the_functions_and_kernels_allocate_nothing(self, library: Library) -> None:
        exported = re.findall(r" T (\w+)", run(["nm", "-D", "--defined-only", library.path], library.path.parent))
        header = (library.path.parent / "include/lcnn.h").read_text()
        assert sorted(exported) == sorted(set(re.findall(r"^LCNN_API [^(]*?\*?(lcnn_\w+)\(", header, re.MULTILINE)))
        objects = [library.path.parent / f"{isa}.o" for isa in ISA]
        needed = set(re.findall(r" U (\w+)", run(["nm", "-u", *objects], library.path.parent)))
        assert needed <= {"expf", "logf", "log", "powf", "sqrt", "sqrtf", "lrintf", "memcpy", "memset", "memmove",
                          "__stack_chk_fail", "_GLOBAL_OFFSET_TABLE_"}  # fmt: skip

    def test_c_classifies_a_picture(self, library: Library, tmp_path: Path) -> None:
        model = next(path for path in SHIPPED if "mnist" in path.name)
        write_plan(*read_model(model), tmp_path / "net.lcnn", isa=ISA)
        folder = library.path.parent
        command = ["-std=c99", "-D_POSIX_C_SOURCE=1", *WARNINGS, "-Iinclude", "examples/example.c", "-L.", "-llcnn"]
        run([*CC, *command, f"-Wl,-rpath,{folder}", "-o", "example"], folder)
        net = Net.load(model, threads=1)
        for path in sorted(DIGITS.glob("*.png"))[:3]:
            Image.open(path).save(tmp_path / "digit.pgm")
            printed = run([folder / "example", "net.lcnn", "digit.pgm"], tmp_path).split()
            (label, probability), *_ = net.classify(path)
            assert printed[0] == label
            assert float(printed[1]) == pytest.approx(probability, abs=1e-4)
        (tmp_path / "net.lcnn").write_bytes(b"LCNN")
        done = subprocess.run(
            [folder / "example", "net.lcnn", "digit.pgm"], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 2
        assert "expected a plan file" in done.stderr

    @pytest.mark.parametrize("language", ["c++", "rust"])
    def test_c_plus_plus_and_rust_run_a_plan(
        self, library: Library, small: Path, tmp_path: Path, language: str
    ) -> None:
        folder = library.path.parent
        names = ("c++", "g++") if language == "c++" else ("rustc", str(Path.home() / ".cargo/bin/rustc"))
        compiler = next(filter(None, map(shutil.which, names)), None)
        if compiler is None:
            pytest.skip(f"needs a compiler of {language}")
        if language == "c++":
            command = ["-std=c++11", *WARNINGS, "-Iinclude", "examples/example.cpp", "-L.", "-llcnn"]
            run([compiler, *command, f"-Wl,-rpath,{folder}", "-o", tmp_path / "example"], folder)
        else:
            command = [
                "--edition",
                "2021",
                "-D",
                "warnings",
                "examples/example.rs",
                "-L",
                ".",
                "-o",
                tmp_path / "example",
            ]
            run([compiler, *command, "-C", f"link-arg=-Wl,-rpath,{folder}"], folder)
        found = np.array([float(line) for line in run([tmp_path / "example", small], tmp_path).split()])
        graph, tensors = small_classifier()
        wanted = Net(graph, tensors, threads=1).run(np.full(graph.input.shape, 0.5, np.float32))
        np.testing.assert_allclose(found, wanted.reshape(-1), atol=1e-5)

    @pytest.mark.skipif(shutil.which("cmake") is None, reason="needs CMake")
    def test_cmake_builds_installs_and_is_found(self, tmp_path: Path, small: Path) -> None:
        write_library(tmp_path / "lib")
        cmake = tmp_path / "lib/CMakeLists.txt"
        cmake.write_text(cmake.read_text().replace(" -O3 ", " -O0 "))  # it is the build that is tested
        run(["cmake", "-B", "build", f"-DCMAKE_INSTALL_PREFIX={tmp_path}/there"], tmp_path / "lib")
        run(["cmake", "--build", "build", "-j2"], tmp_path / "lib")
        run(["cmake", "--install", "build"], tmp_path / "lib")
        (tmp_path / "app").mkdir()
        (tmp_path / "app/CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.13)\nproject(app CXX)\nfind_package(lcnn REQUIRED)\n"
            f"add_executable(app {tmp_path}/lib/examples/example.cpp)\ntarget_link_libraries(app lcnn::lcnn)\n"
        )
        run(["cmake", "-B", "build", f"-DCMAKE_PREFIX_PATH={tmp_path}/there"], tmp_path / "app")
        run(["cmake", "--build", "build"], tmp_path / "app")
        assert len(run([tmp_path / "app/build/app", small], tmp_path).split()) == small_classifier()[0].output_shape[0]
        installed = {path.name for path in (tmp_path / "there").rglob("*")}
        assert {"lcnn.h", "lcnn.pc", "liblcnn.so.1", "liblcnn.a", "lcnn-config.cmake"} <= installed
