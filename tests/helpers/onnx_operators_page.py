"""Write ``docs/onnx-operators.md``: what the engine makes of ONNX's own tests, operator by operator.

python -m tests.helpers.onnx_operators_page
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import onnx

from lcnn_engine.interop.onnx_import.constants import FOLDED
from lcnn_engine.interop.onnx_import.operators import TRANSLATED
from tests.helpers.onnx_operator_tests import Result, results

PATH = Path(__file__).parent.parent.parent / "docs" / "onnx-operators.md"
MOST_REASONS = 3
LONGEST_REASON = 110

_HEAD = """# The operators of ONNX

What the engine makes of the tests that the package onnx {version} has of its own operators: {total} tests, each a model
of one operator, or of what it is short for, with numbers in and out. Each is tried with every input as the image in
turn and the others as constants, as networks have them, with all of them as parts of the image, and with constants
alone, which are calculated as the model is read. Of the {tried} attempts {passed} pass, {refused} are refused, and
{wrong} give wrong numbers: others than the test's by more than 1e-5 of the largest (float16: 2e-3). The page is
written by `python -m tests.helpers.onnx_operators_page`, and what comes out is held to it by
`tests/engine/interop/onnx_import/test_operator_tests.py`.

- **image**: tests that pass where the operator's input comes of the image.
- **constants**: tests that pass where all is constant. What is made of images alone is not calculated then.
- **refused**: why, of the tests that do not pass with an image; in brackets how many. Most of them are of what no
  network of images has: signals of one dimension, volumes, whole numbers, operators as in training.

How to bring a whole network is in [bring-your-own.md](bring-your-own.md), how an operator gets in
in [adding-an-operation.md](adding-an-operation.md).

## Taken

| operator | tests | image | constants | refused |
| --- | ---: | ---: | ---: | --- |
"""

_NOT_TAKEN = """
## Not taken

Every test of these is refused, with an image and without: {names}.

## Models that an early PyTorch wrote

The package has {total} more, of layers and of functions, at opset 6; `onnx.version_converter` brings them to opset 7:

| kind | tests | image | refused |
| --- | ---: | ---: | --- |
"""


def page() -> str:
    """Run all tests, and give the page."""
    found = results()
    by_operator = _grouped(found)
    taken = {
        name: each
        for name, each in by_operator.items()
        if name in TRANSLATED or name in FOLDED or any(one.passed or one.folded.kind == "passed" for one in each)
    }
    tried = [outcome for each in found for outcome in (*each.tried.values(), each.folded)]
    counts = Counter(outcome.kind for outcome in tried)
    head = _HEAD.format(
        version=onnx.__version__, total=len(found), tried=f"{len(tried):,}", passed=f"{counts['passed']:,}",
        refused=f"{counts['refused']:,}", wrong=counts["wrong"] or "none",
    )  # fmt: skip
    rows = [
        f"| {name} | {len(each)} | {_passed(each)} | {_folded(each)} | {_reasons(each)} |"
        for name, each in taken.items()
    ]
    others = ", ".join(name for name in by_operator if name not in taken)
    early = results(pytorch=True)
    more = [f"| {name} | {len(each)} | {_passed(each)} | {_reasons(each)} |" for name, each in _grouped(early).items()]
    tail = _NOT_TAKEN.format(names=others, total=len(early))
    return head + "\n".join(rows) + "\n" + tail + "\n".join(more) + "\n"


def _grouped(found: Iterable[Result]) -> Mapping[str, Sequence[Result]]:
    groups = defaultdict(list)
    for each in found:
        groups[each.test.operator].append(each)
    return dict(sorted(groups.items()))


def _passed(found: Iterable[Result]) -> int:
    return sum(each.passed for each in found)


def _folded(found: Iterable[Result]) -> int:
    return sum(each.folded.kind == "passed" for each in found)


def _reasons(found: Iterable[Result]) -> str:
    """List the most frequent reasons, without what is another number in every test."""
    counts = Counter(_shortened(each.why) for each in found if not each.passed)
    shown = [f"{reason} ({count})" for reason, count in counts.most_common(MOST_REASONS)]
    left = counts.total() - sum(count for _, count in counts.most_common(MOST_REASONS))
    return "; ".join([*shown, *([f"others ({left})"] if left else [])])


def _shortened(why: str) -> str:
    text = why.splitlines()[0].partition(";")[0]
    text = re.sub(r"^input '[^']*': ", "", text)
    text = re.sub(r"\b(found|for)\b[^,]*[\[({].*$", r"\1 others", text) if len(text) > LONGEST_REASON else text
    text = re.sub(r"[\[(][-\d., ]+[\])]", "(...)", text)
    text = re.sub(r"(?<![\w.])-?\d+(?:\.\d+)?(?![\w.])", "N", text)
    return text[:LONGEST_REASON].replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    PATH.write_text(page(), encoding="utf-8")
