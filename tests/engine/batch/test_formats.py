"""The file of all rows: JSON lines, CSV, Parquet; whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from lcnn_engine import MissingPackageError, SettingError
from lcnn_engine.batch import formats
from lcnn_engine.batch.formats import check_out, write_rows
from tests.helpers.batch_rows import Row, rows_of

GOOD = {
    "path": 'a b,"c"\n.png',
    "label": "猫\x1b",
    "probability": 0.1,
    "label_2": "é",
    "probability_2": 1e-30,
    "error": None,
}
BAD = dict.fromkeys(GOOD) | {"path": os.fsdecode(b"\xff.png"), "error": "no\npicture"}
PRINTED = [
    GOOD | {"path": 'a b,"c"\\n.png', "label": "猫\\x1b"},
    BAD | {"path": "\\udcff.png", "error": "no\\npicture"},
]


def test_json_lines_hold_everything(tmp_path: Path) -> None:
    write_rows(tmp_path / "a.jsonl", iter([GOOD, BAD]), 2)
    assert rows_of(tmp_path / "a.jsonl") == [GOOD, BAD]
    assert (tmp_path / "a.jsonl").read_bytes().count(b"\n") == 2


def test_csv_is_printable(tmp_path: Path) -> None:
    write_rows(tmp_path / "a.CSV", iter([GOOD, BAD]), 2)
    assert rows_of(tmp_path / "a.CSV") == PRINTED
    assert (tmp_path / "a.CSV").read_text().splitlines()[0] == "path,label,probability,label_2,probability_2,error"


def test_parquet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Columns have their types whatever is in them, and rows come in groups."""
    parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow writes Parquet")
    monkeypatch.setattr(formats, "ROWS", 2)
    write_rows(tmp_path / "a.parquet", iter([BAD, BAD, GOOD]), 2)
    table = parquet.read_table(tmp_path / "a.parquet")
    assert parquet.ParquetFile(tmp_path / "a.parquet").metadata.num_row_groups == 2
    assert [str(field.type) for field in table.schema] == ["string", "string", "float", "string", "float", "string"]
    found = table.to_pylist()
    assert found[0] == found[1] == PRINTED[1]
    assert found[2] == PRINTED[0] | {name: pytest.approx(GOOD[name]) for name in ("probability", "probability_2")}
    write_rows(tmp_path / "none.parquet", iter([]), 1)
    assert parquet.read_table(tmp_path / "none.parquet").column_names == ["path", "label", "probability", "error"]


@pytest.mark.parametrize("name", ["a.jsonl", "a.csv", "a.parquet"])
def test_what_was_there_stays_where_writing_fails(tmp_path: Path, name: str) -> None:
    if name == "a.parquet":
        pytest.importorskip("pyarrow.parquet", reason="pyarrow writes Parquet")
    (tmp_path / name).write_text("before")

    def rows() -> Iterator[Row]:
        yield GOOD
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="disk is full"):
        write_rows(tmp_path / name, rows(), 2)
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "before"


@pytest.mark.parametrize("name", ["rows", "rows.txt", "rows.json", ".csv"])
def test_other_endings_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingError, match=r"expected a name that ends in \.jsonl, \.csv, \.parquet"):
        check_out(tmp_path / name)


def test_places_where_no_file_can_lie(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        check_out(tmp_path / "none/a.csv")
    (tmp_path / "b.csv").mkdir()
    with pytest.raises(IsADirectoryError):
        check_out(tmp_path / "b.csv")
    check_out(tmp_path / "a.csv")


def test_parquet_without_pyarrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    monkeypatch.setitem(__import__("sys").modules, "pyarrow.parquet", None)
    with pytest.raises(MissingPackageError, match=r'pip install "lcnn\[batch\]"'):
        check_out(tmp_path / "a.parquet")
