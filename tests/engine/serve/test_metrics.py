"""Figures for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("starlette", reason="the extra serve is not installed")

from prometheus_client.parser import text_string_to_metric_families

Row = tuple[str, tuple[tuple[str, str], ...]]


def figures(text: str) -> dict[Row, float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_requests_and_inputs_are_counted(client: Callable[..., Any], picture: bytes):
    asked = client()
    for _ in range(3):
        asked.post("/classify", content=picture)
    asked.post("/classify", content=b"no picture")
    asked.get("/none")
    answer = asked.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = figures(answer.text)
    labels = (("handler", "classify"), ("method", "POST"))
    assert found["lcnn_requests_total", (*labels, ("status", "200"))] == 3
    assert found["lcnn_requests_total", (*labels, ("status", "400"))] == 1
    assert found["lcnn_requests_total", (("handler", "none"), ("method", "GET"), ("status", "404"))] == 1
    assert found["lcnn_inputs_total", (("model", "small"),)] == 3
    assert found["lcnn_request_seconds_count", (("handler", "classify"),)] == 4
    assert found["lcnn_phase_seconds_count", (("model", "small"), ("phase", "run"))] == 3
    assert found["lcnn_phase_seconds_sum", (("model", "small"), ("phase", "decode"))] > 0
    assert found["lcnn_requests_open", ()] == 1  # this one


def test_no_client_makes_rows_as_it_likes(client: Callable[..., Any]):
    asked = client()
    for i in range(20):
        asked.request(f"METHOD{i}", f"/path{i}")
    rows = [row for row in figures(asked.get("/metrics").text) if row[0] == "lcnn_requests_total"]
    assert len(rows) == 1


def test_applications_count_apart(client: Callable[..., Any]):
    one, other = client(), client()
    one.get("/v2")
    assert "server_metadata" not in other.get("/metrics").text
