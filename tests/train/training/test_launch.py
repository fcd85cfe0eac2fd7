"""The launcher: what it tells its workers, and that none of them is left when one dies, or the launcher itself."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

from lcnn_train.training.launch import launch

LIMIT = 60.0


def program(text):
    """A worker of a few lines, without TensorFlow; it knows its `index` and its `task`."""
    head = "import json, os, sys, time\ntask = json.loads(os.environ['TF_CONFIG'])\nindex = task['task']['index']\n"
    return [sys.executable, "-S", "-c", head + textwrap.dedent(text)]


def test_workers_know_each_other_and_write_their_logs(tmp_path):
    said = []
    text = "print(json.dumps(task), os.environ['CUDA_VISIBLE_DEVICES'])"
    assert launch(program(text), 3, tmp_path / "logs", gpus_per_worker=2, say=said.append) == 0
    tasks = []
    for number in range(3):
        line = (tmp_path / "logs" / f"worker-{number}.log").read_text().strip()
        task, devices = line.rsplit(" ", 1)
        tasks.append(json.loads(task))
        assert devices == f"{2 * number},{2 * number + 1}"
    addresses = tasks[0]["cluster"]["worker"]
    assert len(set(addresses)) == 3
    assert all(address.startswith("127.0.0.1:") for address in addresses)
    assert [task["task"] for task in tasks] == [{"type": "worker", "index": number} for number in range(3)]
    assert [task["cluster"] for task in tasks] == [tasks[0]["cluster"]] * 3
    assert sum(line.startswith('{"cluster"') for line in said) == 1  # only the chief's log is shown


def test_one_that_fails_ends_all_with_its_status(tmp_path):
    said = []
    text = """
        if index == 1:
            print("no such data", flush=True)
            sys.exit(2)
        time.sleep(600)
    """
    started = time.monotonic()
    assert launch(program(text), 2, tmp_path, restarts=3, say=said.append) == 2
    assert time.monotonic() - started < LIMIT
    assert any("worker 1 ended with status 2" in line and "no such data" in line for line in said)
    assert not any("again" in line for line in said)  # another start would not help bad input


def test_one_that_is_killed_starts_all_again(tmp_path):
    said = []
    text = f"""
        path = {str(tmp_path / "killed")!r}
        if index == 0 and not os.path.exists(path):
            open(path, "w").close()
            os.kill(os.getpid(), 9)
        while not os.path.exists(path):
            time.sleep(0.01)
        if len(sys.argv) > 1:
            time.sleep(600)
    """
    assert launch(program(text), 2, tmp_path / "logs", restarts=1, say=said.append) == 0
    assert sum("worker 0 was killed by SIGKILL" in line for line in said) == 1
    assert any("starting all 2 workers again (1 of 1)" in line for line in said)
    (tmp_path / "killed").unlink()
    assert launch([*program(text), "wait"], 2, tmp_path / "logs", say=said.append) == 128 + signal.SIGKILL


def test_a_signal_is_passed_on(tmp_path):
    text = """
        import signal
        def polite(*_):
            open(sys.argv[1] + str(index), "w").close()
            sys.exit(130)
        signal.signal(signal.SIGINT, polite)
        print("ready", flush=True)
        time.sleep(600)
    """
    timer = threading.Timer(0.1, lambda: None)

    def say(line):
        if line == "ready" and not timer.is_alive():
            timer.start()
            os.kill(os.getpid(), signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    assert launch([*program(text), str(tmp_path / "polite")], 2, tmp_path / "logs", restarts=2, say=say) == 130
    assert signal.getsignal(signal.SIGINT) is before
    assert (tmp_path / "polite0").exists()


def test_no_worker_outlives_a_launcher_that_is_killed(tmp_path):
    script = f"""
        import sys
        from pathlib import Path
        from lcnn_train.training.launch import launch
        launch([sys.executable, "-S", "-c", "import time; time.sleep(600)"], 2, Path({str(tmp_path)!r}),
               say=lambda line: print(line, flush=True))
    """
    launcher = subprocess.Popen([sys.executable, "-c", textwrap.dedent(script)], stdout=subprocess.PIPE, text=True)
    numbers = [int(launcher.stdout.readline().split()[5].rstrip(",")) for _ in range(2)]
    launcher.kill()
    launcher.communicate(timeout=LIMIT)
    end = time.monotonic() + LIMIT
    while any(alive(number) for number in numbers) and time.monotonic() < end:
        time.sleep(0.02)
    assert not any(alive(number) for number in numbers)


def alive(number):
    try:
        return Path(f"/proc/{number}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
