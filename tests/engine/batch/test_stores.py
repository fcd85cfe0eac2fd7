"""Objects by their URI: listed and read, as a file system on this machine shows it without a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from lcnn_engine import InputError, Net
from lcnn_engine.batch import Classifier, stores
from lcnn_engine.batch.pictures import sources_of
from lcnn_engine.batch.stores import Stored, is_uri, objects_below
from lcnn_engine.batch.tables import Picture

pytest.importorskip("pyarrow.fs", reason="pyarrow reads object stores")


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("s3://bucket/a.png", True), ("file:///a/b c.png", True), ("gs://b", True), ("hdfs://host:9000/a", True),
        ("s3://bucket/a?region=x", True), ("a.png", False), ("/a/b.png", False), ("C:\\a.png", False), ("x:/a", False),
        ("./s3://a", False), ("-", False), ("//a", False),
    ],
)  # fmt: skip
def test_names_that_are_uris(name: str, is_one: bool) -> None:
    assert is_uri(name) is is_one


def test_objects_below(pictures: Path) -> None:
    (pictures / "a b%20#c.png").write_bytes(b"odd")
    (pictures / ".hidden.png").write_bytes(b"hidden")
    (pictures / ".git").mkdir()
    (pictures / ".git/x.png").write_bytes(b"hidden")
    uri = f"file://{pictures}"
    names = sorted([*(f"{n}.png" for n in range(9)), "a b%20#c.png", "cut.png", "more/text.jpg"])
    for word in (uri, f"{uri}/"):
        assert list(objects_below(word, (".png", ".jpg"))) == [f"{uri}/{name}" for name in names]
    assert list(objects_below(f"{uri}/more/text.jpg", (".png",))) == [f"{uri}/more/text.jpg"]
    assert Stored(f"{uri}/a b%20#c.png").read() == b"odd"


def test_pictures_of_a_store_are_answered(net: Net, pictures: Path) -> None:
    uri = f"file://{pictures}"
    sources = list(sources_of([uri]))
    assert sources[0] == Picture(f"{uri}/0.png", Stored(f"{uri}/0.png"))
    classifier = Classifier(net)
    rows = [classifier.row(s.name, s.image, s.error) for s in sources if isinstance(s, Picture)]
    assert len(rows) == 11
    assert [row["error"] is None for row in rows] == [True] * 9 + [False] * 2
    assert rows[4]["label"] == net.classify(pictures / "4.png", top=1)[0][0]


def test_what_is_not_there(net: Net, pictures: Path) -> None:
    uri = f"file://{pictures}"
    (pictures / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"none\.png"):
        list(objects_below(f"{uri}/none.png", (".png",)))
    with pytest.raises(InputError, match=r"found no object ending in \.png"):
        list(objects_below(f"{uri}/empty", (".png",)))
    with pytest.raises(InputError, match="URI of a store that pyarrow knows"):
        list(objects_below("gopher://host/a.png", (".png",)))
    missing, unknown = sources_of([f"{uri}/none.png", "gopher://host/a.png"])
    assert isinstance(missing, Picture)
    assert isinstance(unknown, Picture)
    assert isinstance(missing.error, FileNotFoundError)
    assert isinstance(unknown.error, InputError)
    assert "none" in Classifier(net).row("none", Stored(f"{uri}/none"))["error"]


def test_an_object_larger_than_any_image_is_not_read(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stores, "MAX_OBJECT", 50)
    with pytest.raises(InputError, match="at most 50 bytes, got"):
        Stored(f"file://{pictures}/0.png").read()
