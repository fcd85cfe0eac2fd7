"""A profile as trace events."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import pytest

from lcnn_engine.analysis.profile import Profile
from tests.helpers.profiles import made_up


def test_events(profile: Profile, tmp_path: Path):
    profile.save_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    tracks = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
    assert tracks == {1: "this network", 2: "its dense equivalent"}
    for track, steps in ((1, profile.steps), (2, profile.dense)):
        own = [event for event in events if event["ph"] == "X" and event["tid"] == track]
        assert [event["name"] for event in own] == [f"{step.name}: {step.op}" for step in steps]
        assert sum(event["dur"] for event in own) == pytest.approx(1e6 * sum(s.seconds for s in steps), abs=0.1)
        for before, after in pairwise(own):
            assert after["ts"] == pytest.approx(before["ts"] + before["dur"], abs=0.01)
        for event, step in zip(own, steps, strict=True):
            assert event["args"].keys() == {"kernel", "multiplications", "GFLOP/s"}
            assert event["args"]["multiplications"] == step.multiplications


def test_one_track_where_that_was_not_asked_for(tmp_path: Path):
    made_up(1e-3).save_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert {event["tid"] for event in events} == {1}


def test_no_event_overlaps_the_next(tmp_path: Path):
    """Not even when a reader cuts its times down to whole nanoseconds, as Perfetto does."""
    made_up(0.01, count=1999).save_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    own = [event for event in events if event["ph"] == "X"]
    assert len(own) == 1999
    for before, after in pairwise(own):
        assert int(1000 * before["ts"]) + int(1000 * before["dur"]) <= int(1000 * after["ts"])
