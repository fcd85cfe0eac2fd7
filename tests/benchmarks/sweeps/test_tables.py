"""Sweeps are planned so that each training has what it starts from, and with equal care."""

from __future__ import annotations

import pytest

pytest.importorskip("keras")

from benchmarks.sweeps.tables import DENSE, REFERENCE, SWEEPS, Sweep, runs_of
from benchmarks.sweeps.training import fit_command
from benchmarks.utils.machine import ROOT
from lcnn_train.config.experiment import load_config

EACH = pytest.mark.parametrize("sweep", SWEEPS.values(), ids=lambda sweep: sweep.name)


@EACH
def test_each_run_comes_after_the_one_that_it_starts_from(sweep: Sweep) -> None:
    done: list[str] = []
    for run in runs_of(sweep):
        assert run.start is None or run.start in done
        done.append(run.name)
    assert len(set(done)) == len(done)


@EACH
def test_dense_networks_are_trained_as_long_as_any(sweep: Sweep) -> None:
    runs = runs_of(sweep)
    dense = {run.total for run in runs if run.structure == DENSE}
    assert dense == {max(run.total for run in runs)}
    assert sum(run.structure == DENSE for run in runs) >= 4
    sizes = [len(structure.targets) for structure in sweep.structures]
    assert min(sizes) >= 3
    by_name = {run.name: run for run in runs}
    for run in runs:
        before = by_name[run.start].total if run.start else 0
        assert run.total == before + run.epochs
        if run.start not in (None, REFERENCE):
            assert run.size < by_name[run.start].size


@EACH
def test_the_trainer_takes_every_command(sweep: Sweep) -> None:
    for run in runs_of(sweep):
        command = fit_command(sweep, run, ROOT / "runs", "somewhere")
        settings = [command[at + 1] for at, word in enumerate(command) if word == "--set"]
        config = load_config(command[1], settings, "somewhere")
        assert (config.train.epochs, config.model.width) == (
            run.epochs,
            run.size if run.structure == DENSE else sweep.width,
        )
        assert (config.train.sparsity is None) == (run.structure in (DENSE, REFERENCE))
        assert config.train.distillation is None
        if run.start:
            assert config.train.start_from == str(ROOT / "runs" / run.start)
