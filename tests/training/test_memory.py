"""Whether what a step frees is there for the next one."""

from __future__ import annotations

import subprocess
import sys

import pytest

SCRIPT = """
import resource, torch
from benchmark.training.memory import keep_freed_blocks

def faults_of_a_step():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(4):
        activations = [torch.zeros(2**21) for _ in range(8)]  # 8 times 8 MB, 16,384 pages
        del activations
    return (resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before) // 4

mapped = faults_of_a_step()
if not keep_freed_blocks():
    print("elsewhere")
else:
    faults_of_a_step()
    print(mapped, faults_of_a_step())
"""


def test_what_a_step_frees_is_there_for_the_next_one():
    """The system fills fewer pages than before, by far: all but what lies behind a small block that stays."""
    out = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout.strip()
    if out == "elsewhere":
        pytest.skip("no glibc")
    before, after = map(int, out.split())
    assert after <= before / 4
