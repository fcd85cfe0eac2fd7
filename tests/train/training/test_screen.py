"""What a training shows in a terminal of 80 columns, and in a pipe."""

import io
import re
import time

import pytest
from rich.console import Console

from lcnn_train.training import events as callbacks
from lcnn_train.training import screen as screens
from lcnn_train.training.events import EpochReport, Pace, StepReport
from lcnn_train.training.screen import Screen

LAYERS = {f"stage{1 + n // 4}_block{1 + n // 2 % 2}_conv{1 + n % 2}": 0.01 * (n + 1) for n in range(16)}
FIGURES = {"loss": 1.5, "accuracy": 0.625, "top5": 0.9375}


def shown(console):
    """The text that came since the last call, in rows."""
    text = console.file.getvalue()
    console.file.seek(0)
    console.file.truncate()
    return text


@pytest.fixture
def terminal():
    return Console(file=io.StringIO(), force_terminal=True, highlight=False, no_color=True, width=80, height=24)


def frame(screen):
    """The rows of the bars as they are now."""
    plain = Console(file=io.StringIO(), width=80)
    plain.print(*screen.bar.get_renderables(), sep="\n", end="")
    return plain.file.getvalue().splitlines()


def test_a_terminal_of_80_columns_shows_every_layer(terminal):
    """Twice ten steps, the eighth of the first epoch being done."""
    screen = Screen(2, terminal)
    screen.on_epoch_begin(1, 0, 10)
    for step in range(1, 9):
        screen.on_step(StepReport(1, step, step, FIGURES, LAYERS, 123.4))
    rows = frame(screen)
    screen.close()
    assert len(rows) <= 24
    assert all(len(row) <= 80 for row in rows)
    assert re.fullmatch(r"epoch 1/2  ━+ +8/10 0:00:0\d left 0:00:0\d *", rows[0])
    assert re.fullmatch(r"all epochs ━+ +8/20 0:00:0\d left 0:00:0\d *", rows[1])
    assert rows[2] == "loss 1.5000  top-1 0.6250  top-5 0.9375  123 images/s"
    densities = "  ".join(row.strip() for row in rows[3:])
    assert densities == "density " + "  ".join(f"{name} {value:.4f}" for name, value in LAYERS.items())


def test_more_layers_than_rows_are_cut_not_scrolled(terminal):
    screen = Screen(1, terminal)
    screen.on_epoch_begin(1, 0, 10)
    screen.on_step(StepReport(1, 1, 1, FIGURES, {f"layer_with_a_long_name_{n}": 0.5 for n in range(200)}, 1.0))
    assert len(frame(screen)) < 24
    screen.close()


def test_steps_of_minutes_have_a_time_left(terminal, monkeypatch):
    now = time.monotonic()
    screen = Screen(1, terminal)
    screen.on_epoch_begin(1, 0, 10)
    for step in (1, 2):
        monkeypatch.setattr(screen.bar, "get_time", lambda s=step: now + 300 * s)
        screen.on_step(StepReport(1, step, step, FIGURES, {}, 0.4))
    assert " left 0:40:00" in frame(screen)[0]
    screen.close()


def test_lines_of_an_epoch_break_between_figures(terminal):
    screen = Screen(3, terminal)
    row = {"epoch": 2, **FIGURES, **{f"val_{key}": value for key, value in FIGURES.items()}}
    row |= {f"density_{name}": value for name, value in LAYERS.items()} | {"lookup_multiplications": 2e6}
    report = EpochReport(row, 20, 7.0, 55.0, 0.25)
    screen.on_epoch_end(report)
    rows = shown(terminal).splitlines()
    assert all(len(row) <= 80 for row in rows)
    assert rows[0] == "epoch 2/3  7 s  loss 1.5000  top-1 0.6250  top-5 0.9375  validation: loss 1.5000"
    assert rows[1] == "    top-1 0.6250  top-5 0.9375"
    assert "stage4_block2_conv2 0.1600" in " ".join(rows)

    pipe = Console(file=io.StringIO(), soft_wrap=True, highlight=False)
    Screen(3, pipe).on_epoch_end(report)
    lines = shown(pipe).splitlines()
    assert [" ".join(line.split()) for line in lines] == [
        " ".join(" ".join(rows[:2]).split()),
        " ".join(" ".join(rows[2:]).split()),
    ]


def test_the_pace_forgets_the_first_step(monkeypatch):
    now = 100.0
    monkeypatch.setattr(callbacks.time, "monotonic", lambda: now)
    pace = Pace()
    found = []
    for seconds in (20.0, 0.5, 0.25, *[0.25] * 60):
        now += seconds
        found.append(pace.step(8))
    assert found[:2] == [0.4, 16.0]
    assert found[2] == pytest.approx(8 / 0.375)
    assert found[-1] == pytest.approx(32, rel=0.01)


def test_a_pipe_hears_of_long_epochs(monkeypatch):
    monkeypatch.setattr(screens, "_SILENCE", 0.0)
    pipe = Console(file=io.StringIO(), soft_wrap=True)
    screen = Screen(2, pipe)
    screen.on_epoch_begin(1, 0, 10)
    screen.on_step(StepReport(1, 1, 1, FIGURES, LAYERS, 9.95))
    screen.close()
    assert shown(pipe) == "epoch 1/2  step 1/10  loss 1.5000  top-1 0.6250  top-5 0.9375  9.9 images/s\n"
