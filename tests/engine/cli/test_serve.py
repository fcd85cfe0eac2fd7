"""``lcnn serve``: what it refuses before it listens; ``tests/engine/serve`` has what it does then."""

from __future__ import annotations

from pathlib import Path

import pytest

from lcnn_engine.cli.serve import PACKAGES
from tests.helpers.interpreters import python
from tests.helpers.running import Run


def test_without_the_extra_it_says_what_to_install(model_path: Path):
    code = "from lcnn_engine.cli import main; sys.exit(main(['serve', sys.argv[1]]))"
    result = python(code, model_path, blocked=PACKAGES)
    assert result.returncode == 2
    assert result.stderr == 'lcnn: error: expected starlette to serve, found none: pip install "lcnn[serve]"\n'


class TestRefusals:
    @pytest.fixture(autouse=True)
    def _extra(self) -> None:
        pytest.importorskip("uvicorn", reason="the extra serve is not installed")

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (["--host", "0.0.0.0"], "expected a token for the host 0.0.0.0"),
            (["--max-body", "1.5M"], "expected a number of bytes"),
            (["--max-pixels", "999999999"], "expected max_pixels"),
            (["--max-multiplications", "1000"], "(max_multiplications)"),
            (["--max-bytes", "100"], "(max_bytes)"),
            (["--port", "70000"], "expected a port from 0"),
            (["--token", "/none/of/these"], "No such file"),
        ],
    )
    def test_are_one_line(self, run: Run, model_path: Path, options: list[str], message: str):
        status, out, error = run("serve", model_path, *options)
        assert (status, out) == (2, "")
        assert message in error
        assert error.count("\n") == 1

    @pytest.mark.parametrize(
        ("content", "message"),
        [(b"", "got 0 characters"), (b"short\n", "got 5"), (b"x" * 5000, "more than 4096 bytes")],
    )
    def test_of_tokens(self, run: Run, model_path: Path, tmp_path: Path, content: bytes, message: str):
        token = tmp_path / "token"
        token.write_bytes(content)
        status, _, error = run("serve", model_path, "--token", token)
        assert status == 2
        assert message in error

    def test_of_two_models_of_one_name(self, run: Run, model_path: Path, tmp_path: Path):
        (tmp_path / model_path.name).write_bytes(model_path.read_bytes())
        status, _, error = run("serve", model_path, tmp_path / model_path.name)
        assert status == 2
        assert "got 'small' twice" in error

    def test_of_a_model_that_is_none(self, run: Run, tmp_path: Path):
        status, _, error = run("serve", tmp_path / "none.safetensors")
        assert status == 2
        assert "none.safetensors" in error
