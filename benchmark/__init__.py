"""Better Bound: does a better bound make a better representation?

The Python face, each part imported when it is asked for:

    from benchmark import load, results, run, score, sweep

    record = run(["objective=iwae", "objective.num_samples=50"], seed=3)    # one run
    frame = sweep(["objective=elbo,beta_vae", "seed=0,1,2"])                # a grid of them, on all cores
    trained = load("results/single/runs/...")                               # its model: encode, decode, sample
    frame = results("results/quickstart")                                   # a row per score, a column per option
    scores = score({"codes": codes, "factors": factors})                    # codes from anywhere
"""

from importlib import import_module
from typing import Any

_FACE = {
    "load": "benchmark.trained",
    "results": "benchmark.reporting.frames",
    "run": "benchmark.experiment",
    "score": "benchmark.notebook",
    "sweep": "benchmark.notebook",
}


def __getattr__(name: str) -> Any:
    if name not in _FACE:
        raise AttributeError(f"module 'benchmark' has no attribute {name!r}")
    return getattr(import_module(_FACE[name]), name)
