"""``python -m benchmarks.serving``: ``lcnn serve`` on one core, asked by 8 clients on another, beside a bare loop.

The loop runs ``Net.run`` on the same inputs on the server's core, in turns with the server. Reported are inputs a
second of both and their ratio, the median of the rounds' own; the times of requests; and, for one client that waits for
each answer, a small network's request beside one that computes nothing. Ends with 1 with ``--check`` where the server
has less than 0.8 of the loop's speed, or a 99th percentile of 10 medians. Needs two cores.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from http.client import HTTPConnection
from pathlib import Path

import numpy as np

from lcnn_engine import Net, write_model

from .networks.model_files import SHIPPED, network
from .utils.machine import allowed, describe, heading, start_clean
from .utils.report import add_name, chosen_name, table, write

ROOT = Path(__file__).parent.parent
CLIENTS = 8
SHARE = 0.8  # of the loop's speed that the server must have
SPREAD = 10  # medians that a 99th percentile must stay below
HEADER = "Inference-Header-Content-Length"
SECONDS = 2.0  # of the loop and of the clients, in each round
MODELS = {
    "accurate": "alexnet-lcnn-accurate",
    "shipped": SHIPPED,
    "small": "cnn28",
}
LOADS = {"accurate": 1, "shipped": 16}  # inputs a request


@dataclass(frozen=True)
class Load:
    """What a server did under a load, beside the loop."""

    model: str
    inputs: int
    """A request."""
    loop: float
    """Inputs a second."""
    served: float
    """Inputs a second."""
    ratio: float
    median: float
    """Seconds of a request."""
    p99: float
    requests: int

    @property
    def holds(self) -> bool:
        return self.ratio >= SHARE and self.p99 < SPREAD * self.median


def write_models(folder: Path) -> dict[str, Path]:
    """Write the networks that are served, under the names that they have here."""
    paths = {name: folder / f"{name}.safetensors" for name in MODELS}
    for name, path in paths.items():
        write_model(*network(MODELS[name]), path)
    return paths


def request_of(net: Net, count: int) -> tuple[np.ndarray, bytes, dict[str, str]]:
    """Make seeded inputs, and the request of them with its headers."""
    x = np.random.default_rng(1).standard_normal((count, *net.input_shape)).astype(np.float32)
    tensor = {"name": net.graph.input.name, "shape": x.shape, "datatype": "FP32"}
    tensor["parameters"] = {"binary_data_size": x.nbytes}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    return x, head + x.tobytes(), {HEADER: str(len(head))}


@contextlib.contextmanager
def server(paths: Sequence[Path], core: int) -> Iterator[int]:
    """Run ``lcnn serve`` on a core; gives its port. Raises RuntimeError where it does not start."""
    command = [
        sys.executable,
        "-m",
        "lcnn_engine",
        "serve",
        *map(str, paths),
        "--port",
        "0",
        "--threads",
        "1",
        "--quiet",
    ]
    process = subprocess.Popen(
        command, cwd=ROOT, stderr=subprocess.PIPE, text=True, preexec_fn=lambda: os.sched_setaffinity(0, {core})
    )
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        if not line.startswith("{"):
            raise RuntimeError(f"expected a server to start, got {line.strip()!r}")
        yield json.loads(line)["port"]
    finally:
        process.terminate()
        process.wait()
        process.stderr.close()


def loop_speed(run: Callable[[], object], seconds: float) -> float:
    """Calls a second."""
    run()
    calls, start = 0, time.perf_counter()
    while (spent := time.perf_counter() - start) < seconds:
        run()
        calls += 1
    return calls / spent


def ask(connection: HTTPConnection, path: str, body: bytes | None, headers: Mapping[str, str]) -> bytes:
    """Send a request and give its answer's body. Raises RuntimeError for another status than 200."""
    connection.request("GET" if body is None else "POST", path, body, dict(headers))
    answer = connection.getresponse()
    content = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"{path}: expected 200, got {answer.status}: {content[:200]!r}")
    return content


def clients(
    port: int, path: str, body: bytes | None, headers: Mapping[str, str], count: int, seconds: float
) -> tuple[float, np.ndarray]:
    """Let ``count`` clients ask, each as soon as it has its answer: requests a second, and the seconds of each."""
    times: list[float] = []
    failures: list[BaseException] = []
    until = time.perf_counter() + seconds

    def work() -> None:
        connection = HTTPConnection("127.0.0.1", port, timeout=60)
        try:
            ask(connection, path, body, headers)
            while (start := time.perf_counter()) < until:
                ask(connection, path, body, headers)
                times.append(time.perf_counter() - start)
        except Exception as error:
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(count)]
    start = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return len(times) / (time.perf_counter() - start), np.array(times)


def measured_load(port: int, name: str, path: Path, count: int, core: int, rounds: int, seconds: float) -> Load:
    """Run the loop and the clients in turns."""
    net = Net.load(path, threads=1)
    x, body, headers = request_of(net, count)
    out = np.empty((count, *net.output_shape), np.float32)
    own = allowed()
    loops, served, times = [], [], []
    for _ in range(rounds):
        os.sched_setaffinity(0, {core})  # where the server is, which sleeps
        loops.append(count * loop_speed(lambda: net.run(x, out=out), seconds))
        os.sched_setaffinity(0, own - {core})
        rate, taken = clients(port, f"/v2/models/{name}/infer", body, headers, CLIENTS, seconds)
        served.append(count * rate)
        times.append(taken)
        os.sched_setaffinity(0, own)
    ratio = float(np.median(np.array(served) / np.array(loops)))
    spread = [np.percentile(taken, (50, 99)) for taken in times]
    median, p99 = np.median(spread, axis=0)
    requests = sum(map(len, times))
    return Load(
        name, count, float(np.median(loops)), float(np.median(served)), ratio, float(median), float(p99), requests
    )


def measured_small(port: int, path: Path, core: int, rounds: int, seconds: float) -> dict[str, float]:
    """Seconds, median, of one client's requests: an empty one, a small network's, and of the network alone."""
    net = Net.load(path, threads=1)
    x, body, headers = request_of(net, 1)
    own = allowed()
    found: dict[str, list[float]] = {"empty": [], "small": [], "alone": []}
    for _ in range(rounds):
        os.sched_setaffinity(0, {core})
        found["alone"].append(1 / loop_speed(lambda: net.run(x), seconds / 4))
        os.sched_setaffinity(0, own - {core})
        for name, request in (
            ("empty", ("/v2/health/live", None, {})),
            ("small", ("/v2/models/small/infer", body, headers)),
        ):
            found[name].append(float(np.median(clients(port, *request, count=1, seconds=seconds / 4)[1])))
        os.sched_setaffinity(0, own)
    return {name: float(np.median(values)) for name, values in found.items()}


def main() -> int:
    """Measure, print and write a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, metavar="N", default=15)
    parser.add_argument("--seconds", type=float, metavar="T", default=SECONDS, help="of each side in a round")
    parser.add_argument("--check", action="store_true", help="end with 1 where the server is too slow")
    add_name(parser, "serving")
    options = parser.parse_args()
    start_clean()
    cores = sorted(allowed())
    if len(cores) < 2:
        print("error: expected two cores, one for the server and one for its clients, found one", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory() as folder:
        paths = write_models(Path(folder))
        with server(list(paths.values()), cores[0]) as port:
            loads = [
                measured_load(port, name, paths[name], count, cores[0], options.rounds, options.seconds)
                for name, count in LOADS.items()
            ]
            small = measured_small(port, paths["small"], cores[0], options.rounds, options.seconds)
    facts = describe()
    rows = [["model", "inputs a request", "served/s", "loop/s", "ratio", "median ms", "p99 ms", "requests"]]
    rows += [
        [load.model, str(load.inputs), f"{load.served:,.0f}", f"{load.loop:,.0f}", f"{load.ratio:.2f}",
         f"{1000 * load.median:.2f}", f"{1000 * load.p99:.2f}", f"{load.requests:,}"]
        for load in loads
    ]  # fmt: skip
    alone = f"a small network's request {1e6 * small['small']:.0f} us, an empty one {1e6 * small['empty']:.0f} us"
    text = (
        f"{table(rows)}\n\none client: {alone}, the network by itself {1e6 * small['alone']:.0f} us\n\n{heading(facts)}"
    )
    print(text)
    whole = options.rounds >= 15 and options.seconds >= SECONDS
    results = {"machine": facts, "loads": [asdict(load) for load in loads], "small": small, "load": os.getloadavg()}
    write(chosen_name(options.name, "serving", whole), text, results)
    return int(options.check and not all(load.holds for load in loads))


if __name__ == "__main__":
    sys.exit(main())
