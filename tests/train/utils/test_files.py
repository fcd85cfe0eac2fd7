"""Files are whole or not there."""

import pytest

from lcnn_train.utils.files import write_atomically


def test_a_write_that_fails_leaves_what_was_there(tmp_path):
    path = tmp_path / "file"
    path.write_text("before")

    def fail(temporary):
        temporary.write_text("half")
        raise RuntimeError("interrupted")

    with pytest.raises(RuntimeError, match="interrupted"):
        write_atomically(path, fail)
    assert path.read_text() == "before"
    assert [found.name for found in tmp_path.iterdir()] == ["file"]
