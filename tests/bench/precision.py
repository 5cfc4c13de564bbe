"""Are runs in bf16 those in float32, up to a seed's own spread? `python -m tests.bench.precision [folder [overrides]]`.

Trains each of five seeds in both precisions, on rendered sprites and on real digits, and writes the mean paired
difference of every score with its 95 % interval beside the standard deviation over float32 seeds: `agreement.csv`.
Runs that are finished are not repeated; in all they take some ten minutes of one core.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from benchmark import run

SEEDS = range(5)
FEW = ("metrics.evidence.num_samples=50", "metrics.evidence.num_examples=1000")
PROBE = ("metrics.linear_probe.num_labels=[1000]", "metrics.linear_probe.draws=1")
STUDIES = {
    "sprites": (
        "dataset=sprites", "model=mlp_higgins_small", "model.latent_dim=10", "trainer=quick",
        "metrics=[rate_distortion,evidence,linear_probe,mig,dci,factor_vae_score]", *FEW, *PROBE,
    ),
    "mnist5k": (
        "dataset=mnist5k", "model=mlp", "model.latent_dim=10", "trainer=quick",
        "metrics=[rate_distortion,evidence,linear_probe]", *FEW, *PROBE,
    ),
}  # fmt: skip
SHOWN = (
    "rate", "distortion", "elbo", "iwae_50", "linear_probe_accuracy", "linear_probe_nats", "mig_hist",
    "dci_lightgbm_disentanglement", "dci_lightgbm_completeness", "factor_vae_score",
)  # fmt: skip


def values(study: str, seed: int, precision: str) -> Iterator[dict[str, object]]:
    """The scores of one run over all factors, of posterior means where they are of codes."""
    record = run([*STUDIES[study], f"trainer.precision={precision}", *sys.argv[2:]], seed=seed)
    for score in record.scores:
        whole = score.factor is None and score.representation in (None, "mean")
        if whole and score.name in SHOWN and score.value is not None:
            yield {"study": study, "score": score.name, "seed": seed, "precision": precision, "value": score.value}


def agreement(rows: pd.DataFrame) -> pd.DataFrame:
    """One line for each score: bf16 minus float32, paired by seed."""
    found = []
    for (study, score), part in rows.groupby(["study", "score"], sort=False):
        wide = part.pivot(index="seed", columns="precision", values="value").dropna()
        difference, spread = wide["bf16"] - wide["fp32"], wide["fp32"].std()
        count = len(wide)
        half = stats.t.ppf(0.975, count - 1) * difference.std() / np.sqrt(count)
        found.append(
            {
                "study": study,
                "score": score,
                "seeds": count,
                "fp32": wide["fp32"].mean(),
                "bf16": wide["bf16"].mean(),
                "difference": difference.mean(),
                "low": difference.mean() - half,
                "high": difference.mean() + half,
                "stddev_over_seeds": spread,
                "of_stddev": difference.mean() / spread if spread > 0 else np.nan,
            }
        )
    return pd.DataFrame(found)


def main() -> None:
    """Every run, then the table."""
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "results/precision/laptop")
    rows = []
    for study in STUDIES:
        for seed in SEEDS:
            for precision in ("fp32", "bf16"):
                rows += values(study, seed, precision)
                print(study, seed, precision, file=sys.stderr, flush=True)
    table = agreement(pd.DataFrame(rows))
    folder.mkdir(parents=True, exist_ok=True)
    table.to_csv(folder / "agreement.csv", index=False, float_format="%.5g")
    print(table.to_string(index=False, float_format=lambda number: f"{number:.4g}"))


if __name__ == "__main__":
    main()
