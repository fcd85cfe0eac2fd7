"""Pictures in the rows of Parquet files, by their bytes or by their paths."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from lcnn_engine import InputError
from lcnn_engine.batch import run_batch
from lcnn_engine.batch.pictures import sources_of
from lcnn_engine.batch.stores import Stored
from lcnn_engine.batch.tables import Picture, RowGroup, row_groups
from tests.helpers.batch_rows import rows_of

pyarrow = pytest.importorskip("pyarrow", reason="pyarrow reads Parquet")
parquet = pytest.importorskip("pyarrow.parquet")


@pytest.fixture
def contents(pictures: Path) -> list[bytes]:
    return [path.read_bytes() for path in sorted(pictures.glob("[0-9].png"))]


def written(path: Path, columns: dict[str, Any], rows: int = 4) -> str:
    """Write a table in groups of a few rows."""
    parquet.write_table(pyarrow.table(columns), path, row_group_size=rows)
    return str(path)


def pictures_of(table: str, column: str | None = None) -> list[Picture]:
    return [picture for group in row_groups(table, column) for picture in group.pictures()]


def test_bytes(tmp_path: Path, contents: list[bytes]) -> None:
    table = written(tmp_path / "t.parquet", {"id": list(range(9)), "image": contents})
    groups = list(row_groups(table))
    assert [(group.first, len(group)) for group in groups] == [(0, 4), (4, 4), (8, 1)]
    assert pictures_of(table) == [Picture(f"{table}#{n}", content) for n, content in enumerate(contents)]


def test_bytes_with_names(tmp_path: Path, contents: list[bytes]) -> None:
    """As Spark's binaryFile writes them; null is a picture with an error."""
    names = [f"s3://bucket/{n}.png" for n in range(9)]
    content = pyarrow.array([*contents[:8], None], pyarrow.large_binary())
    table = written(tmp_path / "t.parquet", {"path": names, "length": [1] * 9, "content": content})
    *good, bad = pictures_of(table)
    assert good == [Picture(name, image) for name, image in zip(names, contents[:8], strict=False)]
    assert bad.name == names[8]
    assert "got null" in str(bad.error)


def test_structs_of_bytes(tmp_path: Path, contents: list[bytes]) -> None:
    rows = [{"bytes": content, "path": None} for content in contents[:3]] + [None]
    table = written(tmp_path / "t.parquet", {"image": rows})
    *good, bad = pictures_of(table)
    assert good == [Picture(f"{table}#{n}", content) for n, content in enumerate(contents[:3])]
    assert bad.error is not None


def test_paths(tmp_path: Path) -> None:
    paths = ["a.png", "s3://bucket/b.png", None]
    table = written(tmp_path / "t.parquet", {"path": paths, "other": paths})
    for column in (None, "path"):
        first, second, third = pictures_of(table, column)
        assert (first, second) == (Picture("a.png", "a.png"), Picture(paths[1] or "", Stored(paths[1] or "")))
        assert third.name == f"{table}#2"
        assert third.error is not None
    named = written(tmp_path / "u.parquet", {"file": ["a.png"], "path": [3]})
    assert pictures_of(named, "file") == [Picture("a.png", "a.png")]


def test_what_is_done_is_left_out(tmp_path: Path, contents: list[bytes]) -> None:
    table = written(tmp_path / "t.parquet", {"path": list("aabcdefgh"), "bytes": contents})
    done = Counter({"a": 1, "c": 1, "z": 1})
    group = next(iter(row_groups(table))).without(done)
    assert group == RowGroup(table, 0, 0, 4, "bytes", "path", frozenset({0, 3}))
    assert [picture.name for picture in group.pictures()] == ["a", "b"]
    assert +done == Counter({"z": 1})
    unnamed = written(tmp_path / "u.parquet", {"bytes": contents})
    second = list(row_groups(unnamed))[1].without(Counter([f"{unnamed}#5"]))
    assert [picture.image for picture in second.pictures()] == [contents[4], *contents[6:8]]


def test_tables_that_cannot_be_read(tmp_path: Path, contents: list[bytes]) -> None:
    table = written(tmp_path / "t.parquet", {"id": [1, 2], "note": ["x", "y"]})
    with pytest.raises(InputError, match=r"expected a column of bytes, image.*found id, note; name.*--column"):
        list(row_groups(table))
    with pytest.raises(InputError, match="expected paths or bytes of images in the column 'id', got int64"):
        list(row_groups(table, "id"))
    (tmp_path / "text.parquet").write_text("no table")
    (found,) = sources_of([str(tmp_path / "text.parquet")])
    assert isinstance(found, Picture)
    assert "expected a whole Parquet file" in str(found.error)
    (found,) = sources_of([str(tmp_path / "none.parquet")])
    assert isinstance(found, Picture)
    assert isinstance(found.error, FileNotFoundError)


def test_a_damaged_row_group_is_rows_with_errors(tmp_path: Path, contents: list[bytes]) -> None:
    """The others are read; and which are done of the damaged one is found by the same names."""
    table = Path(written(tmp_path / "t.parquet", {"bytes": contents}))
    data = bytearray(table.read_bytes())
    chunk = parquet.ParquetFile(table).metadata.row_group(1).column(0)
    start = chunk.dictionary_page_offset or chunk.data_page_offset
    data[start : start + 16] = b"\xff" * 16  # the head of a page
    table.write_bytes(data)
    first, second, third = row_groups(str(table))
    assert [picture.image for group in (first, third) for picture in group.pictures()] == [*contents[:4], contents[8]]
    found = list(second.pictures())
    assert [picture.name for picture in found] == [f"{table}#{n}" for n in range(4, 8)]
    assert all(picture.error is not None for picture in found)
    assert len(second.without(Counter(picture.name for picture in found))) == 0


def test_a_run_goes_on_in_the_midst_of_a_table(model_path: Path, tmp_path: Path, contents: list[bytes]) -> None:
    table = written(tmp_path / "t.parquet", {"bytes": contents})

    def progress(done: int, total: int | None) -> None:
        assert total == 9
        if done == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_batch(model_path, [table], tmp_path / "a.csv", progress=progress)
    summary = run_batch(model_path, [table], tmp_path / "a.csv", resume=True)
    assert summary is not None
    assert (summary.rows, summary.resumed, summary.failed) == (9, 6, 0)
    assert [row["path"] for row in rows_of(tmp_path / "a.csv")] == [f"{table}#{n}" for n in range(9)]
