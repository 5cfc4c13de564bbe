"""Better Bound: does a better bound make a better representation?

`from benchmark import run` gives one run from Python: `run(["objective=iwae", "objective.num_samples=50"], seed=3)`.
"""
