"""From words to pictures, and which of them are left to do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from lcnn_engine import MissingPackageError
from lcnn_engine.batch.pictures import count_of, left_of, sources_of
from lcnn_engine.batch.tables import Picture, RowGroup, is_table


def test_files_folders_and_patterns(pictures: Path) -> None:
    names = [f"{pictures}/{n}.png" for n in range(9)]
    others = [f"{pictures}/cut.png", f"{pictures}/more/text.jpg"]
    assert list(sources_of([str(pictures)])) == [Picture(name, name) for name in (*names, *others)]
    assert list(sources_of([f"{pictures}/[0-8].png"])) == [Picture(name, name) for name in names]
    none, *found = sources_of([f"{pictures}/*.gif", names[0]])
    assert isinstance(none, Picture)
    assert "none that match" in str(none.error)
    assert found == [Picture(names[0], names[0])]


def test_what_is_left() -> None:
    sources = [Picture(name, name) for name in "abcab"]
    done = Counter({"a": 1, "b": 2, "z": 1})
    assert list(left_of(sources, done)) == [sources[2], sources[3]]
    assert +done == Counter({"z": 1})
    assert list(left_of(sources, Counter())) == sources


def test_names_of_tables() -> None:
    for name in ("a.parquet", "A.PARQUET", "s3://b/a.parquet", "s3://b/a.parquet?region=x"):
        assert is_table(name)
    for name in ("a.png", "parquet", "a.parquet?region=x", "s3://b/a.png?x=a.parquet"):
        assert not is_table(name)


def test_count() -> None:
    group = RowGroup("t.parquet", 0, 0, 10, "bytes", None, frozenset({1, 2, 3}))
    assert count_of([Picture("a", "a"), group, Picture("b", "b")]) == 9


def test_without_pyarrow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("pyarrow", "pyarrow.fs", "pyarrow.parquet"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    (tmp_path / "a.parquet").touch()
    for word in (str(tmp_path / "a.parquet"), "s3://bucket/a.png"):
        with pytest.raises(MissingPackageError, match=r'pip install "lcnn\[batch\]"'):
            list(sources_of([word]))
