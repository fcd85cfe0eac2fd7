"""Which variants run here, as the processor was asked by CPUID, and as the operating system tells it."""

from __future__ import annotations

import platform
import re
from pathlib import Path

import pytest

from lcnn_engine.kernels import needs_of, variants

pytestmark = pytest.mark.skipif(
    platform.system() != "Linux" or platform.machine() != "x86_64", reason="/proc/cpuinfo names features of x86-64"
)


@pytest.mark.parametrize(("variant", "runs"), variants())
def test_a_variant_runs_where_the_system_names_all_that_it_needs(variant: str, runs: bool) -> None:
    flags = re.search(r"^flags\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    assert flags is not None
    told = {name.replace("avx512_", "avx512") for name in flags[1].split()}
    _, needed = needs_of(variant)
    assert runs == (set(needed) <= told)
