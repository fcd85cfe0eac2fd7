"""Make a release: check what is to be released, build it, check what was built, and tag it.

    python -m release.tag 0.2.0 --dry-run python3.10 python3.11 python3.12 python3.13

The wheels built here show that they build; those that are published are built by .github/workflows/wheels.yml, when
the tag is pushed, which this program leaves to its caller.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from . import wheels

__all__ = ["main", "objections"]

ROOT = Path(__file__).parents[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, build and tag. Ends with 1, and without a tag, where anything is not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m release.tag", description=__doc__.partition("\n")[0])
    parser.add_argument("version", help="such as 0.2.0")
    parser.add_argument("python", nargs="*", help="interpreters to build wheels for")
    parser.add_argument("--dry-run", action="store_true", help="build and check all the same, but do not tag")
    parser.add_argument(
        "--out", type=Path, default=Path("dist"), help="folder for what is built (default: %(default)s)"
    )
    options = parser.parse_intermixed_args(arguments)  # interpreters may follow an option
    against = objections(ROOT, options.version)
    print("".join(f"{objection}\n" for objection in against), end="", flush=True)
    if against and not options.dry_run:
        return 1
    if not _built(options.out, options.python):
        return 1
    tag = f"v{options.version}"
    if options.dry_run:
        print(f"would tag {tag}" if not against else f"would not tag {tag}: see above")
        return int(bool(against))
    subprocess.run(["git", "tag", "--annotate", tag, "--message", f"lcnn {options.version}"], check=True, cwd=ROOT)
    print(f"tagged {tag}; to publish it: git push origin {tag}")
    return 0


def objections(clone: Path, version: str) -> list[str]:
    """Say why a clone cannot be released as ``version``, a line each."""
    found = []
    if not re.fullmatch(r"\d+\.\d+\.\d+", version):
        found.append(f"expected a version of three numbers, got {version!r}")
    source = (clone / "lcnn_engine/__init__.py").read_text(encoding="utf-8")
    declared = re.search(r'^__version__ = "(.+?)"', source, re.MULTILINE)
    if declared is None or declared[1] != version:
        found.append(f"expected lcnn_engine.__version__ to be {version!r}, got {declared and declared[1]!r}")
    changes = (clone / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = re.search(r"^## .*$", changes, re.MULTILINE)
    if heading is None or not re.fullmatch(rf"## {re.escape(version)} \(\d{{4}}-\d\d-\d\d\)", heading[0]):
        found.append(f"expected CHANGELOG.md to begin with '## {version} (its date)', got {heading and heading[0]!r}")
    if changed := _git(clone, "status", "--porcelain"):
        found.append(
            f"expected a clean tree, got {len(changed.splitlines())} changes: {changed.splitlines()[0].strip()} ..."
        )
    if _git(clone, "tag", "--list", f"v{version}"):
        found.append(f"expected no tag v{version} yet, found one")
    return found


def _built(out: Path, interpreters: Sequence[str]) -> bool:
    """Build source archive and wheels into ``out``, and have twine check them. Gives whether all is as it must be."""
    out.mkdir(parents=True, exist_ok=True)
    if others := sorted(path.name for path in out.iterdir()):
        raise SystemExit(f"expected {out} to be empty, found {', '.join(others)}; remove them, or give --out")
    subprocess.run([sys.executable, "-m", "build", "--quiet", "--sdist", "--outdir", str(out), str(ROOT)], check=True)
    if interpreters and wheels.main([*interpreters, "--out", str(out)]):
        return False
    checked = subprocess.run([sys.executable, "-m", "twine", "check", "--strict", *map(str, sorted(out.iterdir()))])
    return not checked.returncode


def _git(clone: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=clone, capture_output=True, text=True, check=True)
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
