"""Compiling for other systems: what is compiled, and what is said of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from release import portable, zig

CLONE = Path(__file__).parents[2]
SYSTEMS = {system.name: system for system in portable.SYSTEMS}


@pytest.mark.parametrize("name", SYSTEMS)
def test_every_file_of_every_variant_is_compiled(tmp_path: Path, name: str) -> None:
    system = SYSTEMS[name]
    csrc = CLONE / "lcnn_engine/kernels/csrc"
    found = [CLONE / compilation.source for compilation in portable.compilations(system, tmp_path)]
    variants = {"x86_64": ["avx512bf16", "avx512", "avx2", "scalar"], "aarch64": ["scalar"]}[system.machine]
    expected = [csrc / "variants" / f"{variant}.c" for variant in variants]
    expected += [path for folder in ("runtime", "images", "library") for path in (csrc / folder).glob("*.c")]
    assert len(found) > 10
    assert sorted(found) == sorted(expected)


def test_each_with_the_flags_of_its_variant_for_that_system(tmp_path: Path) -> None:
    commands = {
        Path(compilation.source).stem: compilation.command
        for compilation in portable.compilations(SYSTEMS["musl-x86_64"], tmp_path)
    }
    assert all(
        command[4:6] == ["-target", "x86_64-linux-musl"] and "-Werror" in command for command in commands.values()
    )
    assert {"-mavx2", "-mfma"} < set(commands["avx2"])
    assert not [flag for flag in commands["scalar"] if flag.startswith(("-mavx", "-mf"))]
    assert {"-DLCNN_WITH_avx2=1", "-DLCNN_WITH_scalar=1"} < set(commands["cpu"])
    targets = [command[command.index("-o") + 1] for command in commands.values()]
    assert len(set(targets)) == len(targets)


def test_without_zig_one_line_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(zig, "installed", lambda: False)
    assert portable.main([]) == 0
    assert capsys.readouterr().out == "check-portable: left out, since zig is not here (pip install ziglang)\n"


def test_an_unknown_system_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        portable.main(["amiga"])
    assert "expected systems of linux-x86_64, linux-aarch64," in capsys.readouterr().err


@pytest.mark.parametrize(("promised", "status"), [(True, 1), (False, 0)])
def test_what_fails_counts_where_it_was_promised(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], promised: bool, status: int
) -> None:
    system = portable.System("toaster", "x86_64-toaster", promised)
    found = [portable.Compilation(system, name, [name]) for name in ("good.c", "bad.c")]
    monkeypatch.setattr(zig, "installed", lambda: True)
    monkeypatch.setattr(portable, "SYSTEMS", (system,))
    monkeypatch.setattr(portable, "compilations", lambda system, room: found)
    monkeypatch.setattr(portable, "_error_of", lambda c: "bad.c:1: error: no" if c.source == "bad.c" else "")
    assert portable.main([]) == status
    assert capsys.readouterr().out == "toaster: 1 of 2 files compile\n  bad.c:1: error: no\n"


def test_zig_says_what_is_wrong(tmp_path: Path) -> None:
    pytest.importorskip("ziglang", reason="the package ziglang brings the compiler")
    good, bad = tmp_path / "good.c", tmp_path / "bad.c"
    good.write_text("int one(void) { return 1; }\n")
    bad.write_text("int one(void) { return two; }\n")
    for path, expected in ((good, ""), (bad, "two")):
        command = [*zig.compiler("aarch64-macos"), "-c", str(path), "-o", str(tmp_path / "o")]
        error = portable._error_of(portable.Compilation(SYSTEMS["macos-arm64"], path.name, command))
        assert expected in error
        assert bool(error) is bool(expected)
