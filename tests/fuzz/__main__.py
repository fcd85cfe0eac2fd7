"""Try inputs of all kinds, for some minutes or until there were as many as are wanted.

    python -m tests.fuzz --minutes 5
    python -m tests.fuzz model_files=300000 pictures=30000 --folder runs/fuzz --resume

What is found is printed, and kept with the input that shows it; the exit status is then 1.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from tests.fuzz.campaign import Campaign
from tests.fuzz.pool import EndedError, Process
from tests.fuzz.worker import KINDS

SHARES = {"model_files": 30, "pictures": 3, "onnx_files": 1, "networks": 0.5}  # of inputs, where minutes are asked for
ENDLESS = 10**9
SAVE_SECONDS = 2.0
MANY = 50  # findings, after which it ends


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    campaign = _campaign(options)
    print(f"seed {campaign.seed}, in {campaign.folder}", flush=True)
    _run(campaign, options)
    print(campaign.summary(), flush=True)
    return 1 if any(count.found for count in campaign.counts.values()) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("kinds", metavar="KIND[=COUNT]", nargs="*", help=f"of {', '.join(SHARES)} (default: all)")
    parser.add_argument("--minutes", type=float, help="end after so long (default: when all counts are reached)")
    parser.add_argument("--seed", type=int, help="default: another one each time")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes (default: one a core)")
    parser.add_argument("--folder", type=Path, default=Path(".fuzz"), help="what is kept (default: %(default)s)")
    parser.add_argument("--resume", action="store_true", help="go on with the campaign of that folder")
    parser.add_argument("--no-memory", action="store_true", help="do not watch memory: for sanitizers")
    return parser


def _campaign(options: argparse.Namespace) -> Campaign:
    if options.resume and (options.folder / "state.json").exists():
        return Campaign.resumed(options.folder)
    named = dict(each.partition("=")[::2] for each in options.kinds) or dict.fromkeys(SHARES, "")
    unknown = sorted(set(named) - set(KINDS))
    if unknown:
        sys.exit(f"expected kinds of {', '.join(SHARES)}, got {', '.join(unknown)}")
    if find_spec("onnx") is None and not options.kinds:
        print("no onnx: its files are left out")
        del named["onnx_files"]
    if options.minutes is None and not all(named.values()):
        sys.exit("expected --minutes, or a count for every kind")
    wanted = {name: int(count) if count else round(ENDLESS * SHARES.get(name, 1.0)) for name, count in named.items()}
    seed = options.seed if options.seed is not None else int.from_bytes(os.urandom(4), "little")
    return Campaign.begun(options.folder, seed, wanted)


def _run(campaign: Campaign, options: argparse.Namespace) -> None:
    """Give jobs to worker processes, each with a thread of its own here, until there are none or the time is up."""
    end = time.monotonic() + 60 * options.minutes if options.minutes is not None else float("inf")
    lock, stop = threading.Lock(), threading.Event()

    def serve(number: int) -> None:
        note = campaign.folder / f"trying-{number}"
        process = Process(note, campaign.folder / "corpus", ("--no-memory",) if options.no_memory else ())
        try:
            while not stop.is_set() and time.monotonic() < end:
                with lock:
                    job = campaign.next_job()
                if job is None:
                    break
                _serve(campaign, process, job, lock)
                if sum(count.found for count in campaign.counts.values()) >= MANY:
                    stop.set()
        except BaseException:
            stop.set()
            raise
        finally:
            process.close()

    threads = [threading.Thread(target=serve, args=(number,)) for number in range(options.workers)]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads):
            threads[0].join(SAVE_SECONDS) if threads[0].is_alive() else time.sleep(1)
            with lock:
                campaign.save()
    except KeyboardInterrupt:
        stop.set()
        print("ending; --resume goes on", flush=True)
    for thread in threads:
        thread.join()
    campaign.save()


def _serve(campaign: Campaign, process: Process, job: dict[str, object], lock: threading.Lock) -> None:
    began = time.monotonic()
    try:
        answer = process.run(job)
    except EndedError as error:
        with lock:
            lines = [campaign.ended(job, error.what, error.data)]
    else:
        with lock:
            lines = campaign.take(job, answer, time.monotonic() - began)
    for line in filter(None, lines):
        print(f"FOUND {line}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
