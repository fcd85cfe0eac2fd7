"""What was measured, as text: ratios first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..report import table
from .bars import Bar, Results, Verdict
from .callers import Calls
from .cold import Start
from .contests import Contest, Entry, short
from .measuring import Measurements, ratio
from .peers import ENGINES

MIB = 2**20


def all_tables(contests: Sequence[Contest], results: Results, verdicts: Sequence[Verdict]) -> str:
    """The whole report but for the machine."""
    parts = [contest_table(contest, results.contests[contest.name]) for contest in contests]
    if results.starts:
        parts.append(starts_table(results.starts))
    if results.calls:
        parts.append(calls_table(results.calls))
    if verdicts:
        parts.append(bars_table(verdicts))
    return "\n\n".join(parts)


def contest_table(contest: Contest, found: Measurements) -> str:
    """Fastest first. A ratio is how many times an engine's time is ours: above 1 we are faster, below 1 it is."""
    rivals = [entry for entry in contest.about if entry in found and found[entry].rounds]
    names = [short(entry.network) for entry in rivals]
    rows = [("", "", *(f"x {name}" for name in names), "ms a picture", "+-", "differs", "MiB", "")]
    order = sorted(found, key=lambda entry: found[entry].milliseconds if found[entry].rounds else float("inf"))
    for entry in order:
        result = found[entry]
        title = (title_of(entry, contest), short(entry.network))
        if not result.rounds:
            rows.append((*title, *("" for _ in rivals), "", "", "", "", result.problem or "not timed"))
            continue
        ratios = [f"{ratio(found, entry, one):.2f}" if contest.compares(entry, one) else "" for one in rivals]
        facts = ", ".join(result.facts.values())
        numbers = (
            f"{result.milliseconds:.3f}",
            f"{result.spread:.0%}",
            f"{result.difference:.0e}",
            f"{result.file_bytes / MIB:.1f}",
        )
        rows.append((*title, *ratios, *numbers, facts))
    rounds = max((len(one.rounds) for one in found.values()), default=0)
    return f"{contest.name}: {rounds} rounds\n{table(rows, left=(0, 1, len(rows[0]) - 1))}"


def title_of(entry: Entry, contest: Contest) -> str:
    """The engine's name, and where it does not do as the contest does, how."""
    title = ENGINES[entry.engine].title
    if entry.batch != contest.batch:
        title += f", batch {entry.batch}"
    if entry.threads != contest.threads:
        title += f", threads {entry.threads}"
    return title


def starts_table(starts: Mapping[Entry, Start]) -> str:
    rows = [("", "", "first prediction, s", "whole process, s", "peak MiB", "")]
    for entry, start in sorted(starts.items(), key=lambda item: item[1].median("whole") or float("inf")):
        medians = [start.median(what) for what in ("first", "whole", "peak")]
        numbers = [
            "" if value is None else f"{value:.{digits}f}" for value, digits in zip(medians, (3, 3, 0), strict=True)
        ]
        rows.append((ENGINES[entry.engine].title, short(entry.network), *numbers, start.problem or ""))
    return f"cold start, one core, page cache warm\n{table(rows, left=(0, 1, 5))}"


def calls_table(calls: Mapping[Entry, Calls]) -> str:
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


def bars_table(verdicts: Sequence[Verdict]) -> str:
    """Every bar: what was wanted, what was measured, whether it holds."""
    rows = [("what it must reach", "bar", "aim", "measured", "again", "")]
    for verdict in verdicts:
        bar = verdict.bar
        wanted = _wanted(bar, bar.bound) if bar.bound is not None else "aim only"
        measured = "not measured" if verdict.first is None else format(verdict.first, bar.shown)
        second = "" if verdict.second is None else format(verdict.second, bar.shown)
        rows.append((bar.title, wanted, _wanted(bar, bar.aim), measured, second, _outcome(verdict)))
    holding = sum(verdict.holds for verdict in verdicts)
    return f"{holding} of {len(verdicts)} bars hold\n{table(rows, left=(0, 5))}"


def _wanted(bar: Bar, number: float | None) -> str:
    return "" if number is None else f"{'<=' if bar.at_most else '>='} {number:g}"


def _outcome(verdict: Verdict) -> str:
    if not verdict.holds:
        return "MISSED"
    if verdict.bar.bound is None:
        return "aim reached" if verdict.reaches_aim else "aim missed"
    return "holds" if verdict.reaches_aim is None else f"holds, aim {'reached' if verdict.reaches_aim else 'missed'}"


def notes(inputs: Mapping[str, str], stored: Mapping[str, str]) -> str:
    """What networks were shown, and how our files store their numbers; the others' are float32 unless named int8."""
    shown = [f"{group}: shown {source}" for group, source in inputs.items()]
    return "\n".join([*shown, *(f"{short(network)}: stored as {types}" for network, types in stored.items())])
