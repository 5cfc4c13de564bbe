"""Do two commits give the same numbers? `python -m tests.slow.parity <base>` scores some forty small runs at both.

Every objective, model, rendered data set and metric is in at least one run; every score must be equal to the last bit,
except those that EXCEPTIONS names. Both commits run one after the other on this machine, one thread each, in minutes.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent.parent
EXCEPTIONS = {  # pattern of "<run>: <score>" -> why it may differ from the base
    "objective autoencoder: *": "its posterior is a point, without an unused spread: other initial weights",
    "objective factor_vae: *": "its discriminator's Adam is fused",
    **{f"*: {score}*": "its log p(x|z) is rounded otherwise" for score in ("distortion", "elbo", "iwae", "effective")},
}
TRAINED = ("trainer.steps=20", "trainer.validations=2", "trainer.epochs=null", "trainer.warmup_steps=2")
SMALL = "metrics=[rate_distortion,evidence,information,linear_probe]"
FEW = ("metrics.evidence.num_samples=5", "metrics.linear_probe.num_labels=[100]")
OBJECTIVES = (
    "annealed_vae", "autoencoder", "beta_tcvae", "beta_vae", "beta_vae_warmup", "dip_vae_i", "dip_vae_ii", "elbo",
    "factor_vae", "info_vae", "iwae", "untrained",
)  # fmt: skip
DATASETS = ("digits", "mnist5k", "sprites", "sprites_correlated", "sprites_full")
PAINTED = ("color_dsprites", "noisy_dsprites", "dsprites_correlated")  # large: their codes are the truth
TRAINERS = ("default", "burda2016", "higgins2017", "locatello2019", "precise", "quick")
REFERENCES = ("pca", "ica", "truth", "rotated_truth", "noise", "pixels")
Scores = dict[str, Any]


def cases() -> dict[str, list[str]]:
    """Name -> overrides of every run."""
    few = [SMALL, *FEW]
    small = [*few, "model.latent_dim=4", *TRAINED]
    objectives = [name for name in OBJECTIVES if name != "untrained"]
    found = {f"objective {name}": ["dataset=digits", f"objective={name}", *small] for name in objectives}
    found["objective autoencoder"] = [  # a point has no evidence
        "dataset=digits", "objective=autoencoder", "metrics=[rate_distortion,information,linear_probe]", FEW[1],
        "model.latent_dim=4", *TRAINED,
    ]  # fmt: skip
    found |= {"objective untrained": ["dataset=digits", "objective=untrained", *few]}
    found |= {f"reference {name}": ["dataset=digits", f"model={name}", *few] for name in REFERENCES}
    found |= {f"dataset {name}": [f"dataset={name}", "model=conv", *small] for name in DATASETS}
    found |= {f"dataset {name}": [f"dataset={name}", "model=truth", *few] for name in PAINTED}
    found |= {f"trainer {name}": ["dataset=digits", f"trainer={name}", *small] for name in TRAINERS}
    models = ("conv", "mlp", "mlp_higgins_small")
    found |= {f"model {name}": ["dataset=sprites", f"model={name}", *small] for name in models}
    found |= {f"seed {seed}": ["dataset=digits", f"seed={seed}", *small] for seed in (1, 2)}
    exact = ["dataset=linear_gaussian", "model=linear", "metrics=[rate_distortion,exact]", *TRAINED]
    found |= {"exact": exact, "exact beta": [*exact, "objective=beta_vae", "objective.beta=2"]}
    everything = ["dataset=sprites", "metrics=auto", "metrics.evidence.num_samples=5"]
    found |= {"every metric": [*everything, "model.latent_dim=5", *TRAINED]}
    found |= {"every metric, truth": [*everything, "model=truth"]}
    return found


def score_all(out: Path, results: Path, cache: Path) -> None:
    """All scores of all cases of the code that is imported here, as one JSON."""
    from benchmark import run

    found: Scores = {}
    for name, overrides in cases().items():
        places = [f"results_dir={results}", f"cache_dir={cache}"]
        print(f"  {name}", flush=True)
        record = run([*overrides, *places])
        for score in record.scores:
            key = f"{name}: {score.name} [{score.representation}] {score.factor or ''} {score.num_labels or ''}"
            found[" ".join(key.split())] = [score.value, score.stderr, score.unit, score.better]
    out.write_text(json.dumps(found, indent=0))


def scores_of(tree: Path, scratch: Path, cache: Path) -> Scores:
    """The scores that the code of a tree gives, in a process of its own."""
    out, results = scratch / "scores.json", scratch / "results"
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    own = [sys.executable, str(Path(__file__).resolve()), "--score", str(out), str(results), str(cache)]
    subprocess.run(own, check=True, cwd=tree, env=environment)
    return dict(json.loads(out.read_text()))


def compare(base: Scores, head: Scores) -> list[str]:
    """One line for each score that is not equal bit for bit and that no exception covers."""
    changed = (key for key in sorted({*base, *head}) if base.get(key) != head.get(key))
    excepted = {key for key in {*base, *head} if any(fnmatch.fnmatch(key, pattern) for pattern in EXCEPTIONS)}
    return [f"{key}: {base.get(key)} -> {head.get(key)}" for key in changed if key not in excepted]


def main() -> int:
    """0 where everything is equal, else 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.slow.parity", description=__doc__)
    parser.add_argument("base", help="the commit to compare the working tree with")
    base = parser.parse_args().base
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        subprocess.run(["git", "worktree", "add", "--detach", scratch / "base", base], check=True, cwd=ROOT)
        try:
            found = []
            for tree, part in ((scratch / "base", "old"), (ROOT, "new")):
                print(f"== {tree}", flush=True)
                (scratch / part).mkdir()
                found.append(scores_of(tree, scratch / part, scratch / "cache"))
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", scratch / "base"], check=True, cwd=ROOT)
    different = compare(*found)
    runs = Counter(key.split(":")[0] for key in found[1])
    print("\n".join(different))
    print(f"{len(runs)} runs, {len(found[1])} scores, {len(different)} differ ({len(EXCEPTIONS)} exceptions are named)")
    return 1 if different else 0


if __name__ == "__main__":
    if sys.argv[1:2] == ["--score"]:
        score_all(*map(Path, sys.argv[2:5]))
    else:
        sys.exit(main())
