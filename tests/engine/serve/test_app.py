"""The application as a whole."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra serve is not installed")

from lcnn_engine import Net, SettingError
from lcnn_engine.serve.app import create_app


def test_a_server_of_nothing_is_none():
    with pytest.raises(SettingError, match="at least one model"):
        create_app({})


@pytest.mark.parametrize("path", ["/none", "/v2/", "/v1/models", "/v2/models/small/none", "/classify/"])
def test_paths_that_are_not_there(client: Callable[..., Any], path: str):
    answer = client().get(path, follow_redirects=False)
    assert answer.status_code == 404
    assert answer.json() == {"error": f"expected a path that /docs lists, got '{path}'"}


def test_methods_that_are_not_there(client: Callable[..., Any]):
    answer = client().put("/v2")
    assert answer.status_code == 405
    assert answer.json() == {"error": "expected GET, HEAD, got 'PUT'"}


@pytest.mark.parametrize(("error", "status"), [(MemoryError, 503), (RuntimeError("secret"), 500)])
def test_faults_are_answers(
    client: Callable[..., Any], picture: bytes, monkeypatch: pytest.MonkeyPatch, error: Any, status: int
):
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(Net, "run", fail)
    asked = client()
    answer = asked.post("/classify", content=picture)
    assert answer.status_code == status
    assert answer.json()["error"].startswith("expected ")
    assert "secret" not in answer.text
    assert asked.get("/v2").status_code == 200
