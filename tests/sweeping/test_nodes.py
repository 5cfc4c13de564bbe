"""The same command on two nodes of a cluster that share a folder: here two processes, started at once."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.support.choices import CONF

RUNS = 4
SAME = r"Nothing has changed since this was written to "
WATCH = """
import os, sys

def wrote(event, arguments):
    if event == "os.rename" and str(arguments[1]).endswith("record.json"):
        log = os.open(os.environ["WROTE"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        os.write(log, f"{arguments[1]}\\n".encode())
        os.close(log)

sys.addaudithook(wrote)
"""  # a line for each record that any process writes


def test_two_nodes_share_the_runs_of_one_sweep(tmp_path, cache_dir):
    (tmp_path / "sitecustomize.py").write_text(WATCH)
    places = {"PYTHONPATH": f"{tmp_path}{os.pathsep}{CONF.parent}", "WROTE": str(tmp_path / "wrote")}
    seeds = ",".join(map(str, range(RUNS)))
    runs = ["dataset=digits", "model=noise", "metrics=[information]", f"seed={seeds}", "workers=1"]
    command = [sys.executable, "-m", "benchmark", "-m", *runs, f"results_dir={tmp_path}", f"cache_dir={cache_dir}"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "cwd": tmp_path}
    nodes = [subprocess.Popen(command, env=os.environ | places, **pipes) for _ in range(2)]
    told = [node.communicate(timeout=300) for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], told
    written = Counter(Path(line).parent.name for line in (tmp_path / "wrote").read_text().splitlines())
    assert list(written.values()) == [1] * RUNS
    one, other = (out.partition("\n")[2] for out, _ in told)
    # the second one may find that the first has written the same
    assert re.sub(SAME, "Written to ", one) == re.sub(SAME, "Written to ", other)
    assert re.search(rf"noise +{RUNS}\b", one)
