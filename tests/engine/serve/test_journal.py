"""Lines of JSON."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra serve is not installed")

from lcnn_engine.serve.journal import LONGEST_PATH, event, set_up_logs


@pytest.fixture(autouse=True)
def _logs_as_before() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in ("lcnn.serve", "lcnn.serve.requests", "uvicorn.error")]
    before = [(logger.handlers, logger.propagate, logger.level) for logger in loggers]
    yield
    for logger, (handlers, propagate, level) in zip(loggers, before, strict=True):
        logger.handlers, logger.propagate = handlers, propagate
        logger.setLevel(level)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_request_is_a_line(client: Callable[..., Any], capsys: pytest.CaptureFixture[str]):
    set_up_logs()
    client().get("/v2/health/live?secret=1", headers={"X-Secret": "2"})
    (line,) = lines(capsys)
    assert (line["event"], line["level"], line["method"], line["path"]) == ("request", "info", "GET", "/v2/health/live")
    assert (line["status"], line["bytes"], line["client"]) == (200, 13, "testclient")
    assert line["milliseconds"] > 0
    assert line["time"].endswith("+00:00")
    assert "ecret" not in json.dumps(line)


def test_what_is_refused_is_a_line(client: Callable[..., Any], capsys: pytest.CaptureFixture[str]):
    set_up_logs()
    asked = client(token="x" * 20)
    asked.get("/v2")
    asked.get("/" + "a" * 1000, headers={"Authorization": "Bearer " + "x" * 20})
    found = lines(capsys)
    assert [line["status"] for line in found] == [401, 404]
    assert found[1]["path"] == "/" + "a" * (LONGEST_PATH - 1)


def test_no_request_adds_lines_of_its_own(client: Callable[..., Any], capsys: pytest.CaptureFixture[str]):
    set_up_logs()
    client().get("/a%0a%7b%22event%22:%22forged%22%7d%0d")
    (line,) = lines(capsys)
    assert line["path"] == '/a\n{"event":"forged"}\r'


def test_requests_can_be_left_out(client: Callable[..., Any], capsys: pytest.CaptureFixture[str]):
    set_up_logs(requests=False)
    client().get("/v2")
    event("told", fact=1)
    (line,) = lines(capsys)
    assert (line["event"], line["fact"]) == ("told", 1)


def test_an_error_has_its_traceback(capsys: pytest.CaptureFixture[str]):
    set_up_logs()
    event("failed", level=logging.ERROR, error=ValueError("why"))
    (line,) = lines(capsys)
    assert line["level"] == "error"
    assert "ValueError: why" in line["traceback"]
