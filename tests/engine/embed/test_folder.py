"""The folder of C sources as files: names, what is refused, what is replaced, and that nothing is half-written."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from lcnn_engine import ModelFormatError, SettingError
from lcnn_engine.embed import embed, folder
from lcnn_engine.kernels import variants
from tests.helpers.networks import small_classifier

BUILT = [name for name, _ in variants()]


def names(path: Path) -> set[str]:
    return {entry.name for entry in path.iterdir()}


def test_every_instruction_set_of_the_build_has_a_source(tmp_path: Path) -> None:
    files = embed(*small_classifier(), tmp_path / "net", name="net")
    assert {f"net_{isa}.c" for isa in BUILT} <= {str(path) for path in files}
    assert names(tmp_path / "net") == {path.parts[0] for path in files}
    assert all((tmp_path / "net" / path).is_file() for path in files)
    assert names(tmp_path) == {"net"}


def test_everything_that_is_included_is_there(tmp_path: Path) -> None:
    files = embed(*small_classifier(), tmp_path / "net", name="net")
    for path in files:
        if path.suffix in (".c", ".h", ".cpp"):
            for name in re.findall(r'^#include "(.+)"', (tmp_path / "net" / path).read_text(), re.MULTILINE):
                assert (tmp_path / "net" / name).is_file() or (tmp_path / "net/lcnn" / name).is_file(), (path, name)
    assert not any("blas" in str(path) or "program" in str(path) for path in files)


@pytest.mark.parametrize(
    ("graph_name", "wanted"), [("My net (v2).1", "my_net_v2_1"), ("3x", "model_3x"), ("文", "model"), ("int", None)]
)
def test_a_name_is_made_of_the_models(tmp_path: Path, graph_name: str, wanted: str | None) -> None:
    graph, tensors = small_classifier()
    graph = type(graph)(graph_name, graph.input, graph.output, graph.nodes, graph.labels, graph.preprocessing)
    if wanted is None:
        with pytest.raises(SettingError, match="no word of C"):
            embed(graph, tensors, tmp_path / "net", isa=["scalar"])
    else:
        embed(graph, tensors, tmp_path / "net", isa=["scalar"])
        assert (tmp_path / "net" / f"{wanted}.h").is_file()


def test_labels_of_any_characters_are_strings_of_c(tmp_path: Path) -> None:
    graph, tensors = small_classifier()
    labels = tuple(f'"{i}\\ ??/ é\n*/' for i in range(graph.output_shape[0]))
    graph = type(graph)(graph.name, graph.input, graph.output, graph.nodes, labels, graph.preprocessing)
    embed(graph, tensors, tmp_path / "net", name="net", isa=["scalar"])
    text = (tmp_path / "net/net.c").read_text()
    found = re.search(r"net_labels\[\d+\] = \{(.*)\};", text)
    assert found
    strings = [string.encode().decode("unicode_escape") for string in re.findall(r'"((?:[^"\\]|\\.)*)"', found[1])]
    assert tuple(string.encode("latin1").decode() for string in strings) == labels


@pytest.mark.parametrize("name", ["", "a b", "1a", "x" * 64, "while", "Main", "a-b"])
def test_names_that_are_none_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingError, match="letters, digits"):
        embed(*small_classifier(), tmp_path / "net", name=name)
    assert not names(tmp_path)


@pytest.mark.parametrize("isa", [[], ["avx9"], ["scalar", "mmx"]])
def test_instruction_sets_that_there_are_not_are_refused(tmp_path: Path, isa: list[str]) -> None:
    with pytest.raises(SettingError, match="expected isa to be one or more of"):
        embed(*small_classifier(), tmp_path / "net", isa=isa)
    assert not names(tmp_path)


def test_memory_or_work_beyond_the_bound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelFormatError, match="max_bytes"):
        embed(*small_classifier(), tmp_path / "net", max_bytes=1000)
    with pytest.raises(ModelFormatError, match="max_multiplications"):
        embed(*small_classifier(), tmp_path / "net", max_multiplications=1000)
    assert not names(tmp_path)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("dear")
    (tmp_path / "file").write_text("x")
    for place, text in (("mine", "to be empty"), ("file", "found a file")):
        with pytest.raises(SettingError, match=text):
            embed(*small_classifier(), tmp_path / place, name="net", isa=["scalar"])
    assert names(tmp_path / "mine") == {"letter.txt"}


def test_a_folder_written_before_is_replaced_as_a_whole(tmp_path: Path) -> None:
    graph, tensors = small_classifier()
    embed(graph, tensors, tmp_path / "net", name="net")
    (tmp_path / "net/net.o").write_text("an object")
    embed(graph, tensors, tmp_path / "net", name="net", isa=["scalar"])
    assert "net.o" not in names(tmp_path / "net")
    assert names(tmp_path) == {"net"}


def test_what_fails_on_the_way_leaves_the_folder_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph, tensors = small_classifier()
    embed(graph, tensors, tmp_path / "net", name="net", isa=["scalar"])
    before = names(tmp_path / "net")
    written = iter(range(1000))

    def full(path: Path, data: bytes) -> int:
        if next(written) == 5:
            raise OSError(28, "No space left on device", str(path))
        with path.open("wb") as stream:
            return stream.write(data)

    monkeypatch.setattr(folder.Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        embed(graph, tensors, tmp_path / "net", name="net")
    assert names(tmp_path) == {"net"}
    assert names(tmp_path / "net") == before


def test_what_plans_read_alike_lies_in_the_file_once(tmp_path: Path) -> None:
    graph, tensors = small_classifier()
    sizes = {}
    for isa in (["scalar"], BUILT):
        embed(graph, tensors, tmp_path / str(len(isa)), name="net", isa=isa)
        sizes[len(isa)] = (tmp_path / str(len(isa)) / "net_constants.bin").stat().st_size
    assert all(size % 64 == 0 for size in sizes.values())
    assert sizes[1] <= sizes[len(BUILT)] < len(BUILT) * sizes[1]


def test_equal_input_gives_equal_files(tmp_path: Path) -> None:
    graph, tensors = small_classifier()
    for name in ("one", "two"):
        files = embed(graph, dict(sorted(tensors.items(), reverse=True)), tmp_path / name, name="net")
    for path in files:
        assert (tmp_path / "one" / path).read_bytes() == (tmp_path / "two" / path).read_bytes()
