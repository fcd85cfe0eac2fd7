"""What was measured, as text: ratios first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..utils.report import table
from .callers import Calls
from .cold_start import Start
from .engines import ENGINES
from .matchups import Entry, Matchup, short
from .measuring import Measurements, ratio
from .surroundings import Figure
from .thresholds import Results, Threshold, Verdict

MIB = 2**20


def all_tables(matchups: Sequence[Matchup], results: Results) -> str:
    """Set everything that was measured in one run."""
    parts = [matchup_table(matchup, results.matchups[matchup.name]) for matchup in matchups]
    if results.starts:
        parts.append(starts_table(results.starts))
    if results.calls:
        parts.append(calls_table(results.calls))
    if results.figures:
        parts.append(figures_table(results.figures))
    return "\n\n".join(parts)


def matchup_table(matchup: Matchup, found: Measurements) -> str:
    """Set a matchup, fastest first. A ratio is an engine's time over ours: above 1 we are faster, below 1 it is."""
    compared = [entry for entry in matchup.about if entry in found and found[entry].rounds]
    names = [short(entry.network) for entry in compared]
    rows = [("", "", *(f"x {name}" for name in names), "ms an image", "+-", "differs", "MiB", "")]
    order = sorted(found, key=lambda entry: found[entry].milliseconds if found[entry].rounds else float("inf"))
    for entry in order:
        result = found[entry]
        title = (title_of(entry, matchup), short(entry.network))
        if not result.rounds:
            rows.append((*title, *("" for _ in compared), "", "", "", "", result.problem or "not timed"))
            continue
        ratios = [f"{ratio(found, entry, one):.2f}" if matchup.compares(entry, one) else "" for one in compared]
        facts = ", ".join(result.facts.values())
        numbers = (
            f"{result.milliseconds:.3f}",
            f"{result.spread:.0%}",
            f"{result.from_float32:.0e}",
            f"{result.file_bytes / MIB:.1f}",
        )
        rows.append((*title, *ratios, *numbers, facts))
    rounds = max((len(one.rounds) for one in found.values()), default=0)
    return f"{matchup.name}: {rounds} rounds\n{table(rows, left=(0, 1, len(rows[0]) - 1))}"


def title_of(entry: Entry, matchup: Matchup) -> str:
    """Return the engine's name, and where it does not do as the matchup does, how."""
    title = ENGINES[entry.engine].title
    if entry.batch != matchup.batch:
        title += f", batch {entry.batch}"
    if entry.threads != matchup.threads:
        title += f", threads {entry.threads}"
    return title


def starts_table(starts: Mapping[Entry, Start]) -> str:
    """Set cold starts, fastest first."""
    rows = [("", "", "first prediction, s", "whole process, s", "peak MiB", "")]
    for entry, start in sorted(starts.items(), key=lambda item: item[1].median("whole") or float("inf")):
        medians = [start.median(what) for what in ("first", "whole", "peak")]
        numbers = [
            "" if value is None else f"{value:.{digits}f}" for value, digits in zip(medians, (3, 3, 0), strict=True)
        ]
        rows.append((ENGINES[entry.engine].title, short(entry.network), *numbers, start.problem or ""))
    return f"cold start, one core, page cache warm\n{table(rows, left=(0, 1, 5))}"


def calls_table(calls: Mapping[Entry, Calls]) -> str:
    """Set throughput of one and of two callers."""
    rows = [("", "", "two, x one", "one caller, a second", "two callers, a second each", "")]
    for entry, found in calls.items():
        title = (ENGINES[entry.engine].title, short(entry.network))
        if found.ratio is None:
            rows.append((*title, "", "", "", found.problem or ""))
            continue
        alone, pair = sorted(found.alone), sorted(found.together, key=sum)
        middle = pair[len(pair) // 2]
        numbers = (
            f"{found.ratio:.2f}",
            f"{alone[len(alone) // 2]:.0f}",
            " and ".join(f"{rate:.0f}" for rate in middle),
        )
        rows.append((*title, *numbers, ""))
    return f"two callers on two cores, one thread each\n{table(rows, left=(0, 1, 5))}"


def figures_table(figures: Mapping[str, Figure]) -> str:
    """Set the numbers that are no ratios of a matchup."""
    rows = [("", "median", "lowest", "highest", "")]
    for name, found in figures.items():
        numbers = (found.median, min(found.rounds), max(found.rounds)) if found.rounds else (None,) * 3
        rows.append((name, *("" if one is None else f"{one:.2f}" for one in numbers), found.problem or ""))
    return f"what surrounds the kernels\n{table(rows, left=(0, 4))}"


def thresholds_table(verdicts: Sequence[Verdict]) -> str:
    """Set every threshold: what was wanted, what was measured in each run, whether it holds."""
    count = max((len(verdict.values) for verdict in verdicts), default=0)
    runs = ["measured"] if count == 1 else [f"run {number + 1}" for number in range(count)]
    rows = [("what it must reach", "threshold", "aim", *runs, "holds in", "")]
    for verdict in verdicts:
        threshold = verdict.threshold
        wanted = _wanted(threshold, threshold.bound) if threshold.bound is not None else "aim only"
        values = ["not measured" if value is None else format(value, threshold.shown) for value in verdict.values]
        often = f"{verdict.holds_in} of {count}"
        rows.append((threshold.title, wanted, _wanted(threshold, threshold.aim), *values, often, _outcome(verdict)))
    holding = sum(verdict.holds for verdict in verdicts)
    return f"{holding} of {len(verdicts)} thresholds hold\n{table(rows, left=(0, len(rows[0]) - 1))}"


def _wanted(threshold: Threshold, number: float | None) -> str:
    return "" if number is None else f"{'<=' if threshold.at_most else '>='} {number:g}"


def _outcome(verdict: Verdict) -> str:
    if not verdict.holds:
        return "MISSED"
    if verdict.threshold.bound is None:
        return "aim reached" if verdict.reaches_aim else "aim missed"
    return "holds" if verdict.reaches_aim is None else f"holds, aim {'reached' if verdict.reaches_aim else 'missed'}"


def notes(inputs: Mapping[str, str], stored: Mapping[str, str]) -> str:
    """Say what networks were shown, and how our files store numbers; the others' are float32 unless named int8."""
    shown = [f"{group}: shown {source}" for group, source in inputs.items()]
    return "\n".join([*shown, *(f"{short(network)}: stored as {types}" for network, types in stored.items())])
