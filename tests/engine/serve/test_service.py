"""What all requests share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra serve is not installed")

from lcnn_engine import Net


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Let every run of a network wait until this is set."""
    go = threading.Event()
    run = Net.run

    def waiting(self: Net, *arguments: Any, **options: Any) -> Any:
        assert go.wait(30)
        return run(self, *arguments, **options)

    monkeypatch.setattr(Net, "run", waiting)
    return go


def in_threads(count: int, ask: Callable[[], Any]) -> tuple[list[threading.Thread], list[Any]]:
    answers: list[Any] = []
    threads = [threading.Thread(target=lambda: answers.append(ask())) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, answers


def test_a_full_queue_is_answered_503(client: Callable[..., Any], picture: bytes, held: threading.Event):
    asked = client(threads=1, queue=2)
    service = asked.app.state.service
    threads, answers = in_threads(3, lambda: asked.post("/classify", content=picture))
    while service.workers.taken < 3:
        pass
    refused = asked.post("/classify", content=picture)
    assert refused.status_code == 503
    assert refused.headers["retry-after"] == "1"
    assert "found the server busy" in refused.json()["error"]
    assert asked.get("/v2/health/live").status_code == 200  # what computes nothing is answered meanwhile
    held.set()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [200] * 3
    assert asked.post("/classify", content=picture).status_code == 200


def test_what_takes_too_long_is_answered_504(client: Callable[..., Any], picture: bytes, held: threading.Event):
    asked = client(threads=1, queue=2, seconds=0.1)
    answer = asked.post("/classify", content=picture)
    assert answer.status_code == 504
    assert "within 0.1 s" in answer.json()["error"]
    held.set()


def test_what_waits_too_long_is_answered_503(client: Callable[..., Any], picture: bytes, held: threading.Event):
    asked = client(threads=1, queue=2, seconds=0.3)
    threads, answers = in_threads(2, lambda: asked.post("/classify", content=picture))
    for thread in threads:
        thread.join()
    assert sorted(answer.status_code for answer in answers) == [503, 504]
    held.set()
