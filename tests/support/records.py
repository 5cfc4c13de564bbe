"""Synthetic records, folders of them, and their manifests, for tests and for timing reports."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.reporting.tables import full_table, ranked_board
from benchmark.store.asked import Asked, as_manifest
from benchmark.store.files import write_json
from benchmark.store.manifest import FILE as MANIFEST
from benchmark.store.record import Record, read_folder, write_record
from metrics.core import Score

Runs = list[tuple[Path, Record]]
FACTORS = {"mnist5k": ("label",), "sprites": ("shape", "scale", "orientation", "x", "y")}
OBJECTIVES = {"elbo": {}, "beta_vae": {"beta": 4.0}, "iwae": {"num_samples": 8}}
REFERENCES = (("untrained", "mlp"), ("none", "pca"), ("none", "truth"), ("none", "noise"))
NATS = {"unit": "nats"}


def record(dataset="mnist5k", model="mlp", objective="elbo", seed=0, scores=(), status="finished", **more) -> Record:
    """A record with the given scores; `options` are the objective's own, `config` replaces whole parts."""
    trained = objective not in ("untrained", "none")
    options = more.pop("options", OBJECTIVES.get(objective, {}))
    config = {
        "dataset": {"_target_": f"benchmark.datasets.{dataset}", "size": 5000},
        "model": {"_target_": f"models.{model}", "latent_dim": 10},
        "objective": {"_target_": f"models.objectives.{objective}", **options} if trained else None,
        "trainer": {"epochs": 20, "learning_rate": 1e-3} if trained else None,
        "seed": seed,
        "data_checksum": "ab12",
        "metrics": {"rate_distortion": {}},
        "evaluation_seed": 0,
        **more.pop("config", {}),
    }
    choices = {"dataset": dataset, "model": model, "objective": objective, "trainer": "default", "experiment": "demo"}
    group = more.pop("group", f"{dataset}/dynamic/counting/ab12cd34")
    provenance = {"commit": "0123456789", "dirty": False, "versions": {"torch": "2.9.0"}}
    return Record(status, choices, config, tuple(scores), group, provenance=more.pop("provenance", provenance), **more)


def realistic(dataset: str, model: str, objective: str, seed: int, options=None) -> Record:
    """A record with some 80 scores of a plausible size."""
    options = OBJECTIVES.get(objective, {}) if options is None else options
    noise = np.random.default_rng([seed, sum(map(ord, dataset + objective + model)), int(10 * options.get("beta", 1))])
    scores = [*_bounds(dataset, model, objective, options, noise), *_codes(dataset, model, objective, options, noise)]
    return record(dataset, model, objective, seed, scores, options=options)


def _bounds(dataset, model, objective, options, noise) -> list[Score]:
    if objective == "none":
        why = f"{model} has no density"
        return [Score(name, None, unit="nats", reason=why) for name in ("rate", "distortion", "elbo", "iwae_100")]
    beta = options.get("beta", 1.0)
    best = 98.0 if dataset == "mnist5k" else 31.0
    rate = (21 if dataset == "mnist5k" else 14) * beta**-0.45 + noise.normal(0, 0.3) + (objective == "iwae") * 1.5
    gap = 7 + 3 * abs(np.log(beta)) ** 1.5 + noise.normal(0, 0.3)
    if objective == "untrained":
        rate, gap = 0.4 + noise.normal(0, 0.05), 440 + noise.normal(0, 5)
    rows = [
        Score("rate", rate, 0.05, **NATS),
        Score("distortion", best + gap - rate, 0.3, better="lower", **NATS),
        Score("elbo", -best - gap, 0.3, better="higher", **NATS),
        Score("iwae_100", -best - gap * (0.35 if objective == "iwae" else 0.45), 0.3, better="higher", **NATS),
        Score("effective_sample_size", 12 + noise.normal(), 0.1, "samples", "higher"),
        Score("active_units", float(round(8 - 2 * np.log2(beta)) if beta < 16 else 1), unit="units"),
        Score("mutual_information", min(rate, 6.9), unit="nats", reason="at most log N = 6.9 nats"),
    ]
    return rows


def _codes(dataset, model, objective, options, noise) -> list[Score]:
    level = {"untrained": 0.62, "none": {"pca": 0.8, "truth": 0.99, "noise": 0.11}.get(model, 0.5)}.get(objective)
    level = 0.9 - 0.04 * abs(np.log(options.get("beta", 1.0))) if level is None else level
    rows = []
    for code in ("mean", "sample"):
        if code == "sample" and objective == "none":
            rows.append(Score("linear_probe_accuracy", None, representation=code, reason="the code is deterministic"))
            continue
        for budget in (100, 1000, 4000):
            base = level - 30 / (budget + 100) - 0.1 * (code == "sample")
            for factor in (*FACTORS[dataset], None):
                where = {"representation": code, "factor": factor, "num_labels": budget}
                better = {"better": "higher", **where}
                rows.append(Score("linear_probe_accuracy", base + noise.normal(0, 0.01), 0.01, "accuracy", **better))
                rows.append(Score("linear_probe_nats", 1 - base, 0.01, "nats", better="lower", **where))
                if dataset == "sprites":
                    rows.append(Score("linear_probe_r2", base - 0.2 + noise.normal(0, 0.01), 0.01, "R2", **better))
    if dataset == "sprites":
        for name in ("mig_hist", "dci_lightgbm_disentanglement", "dci_lightgbm_completeness", "beta_vae_score"):
            value = level / (4 if name == "mig_hist" else 2) + noise.normal(0, 0.02)
            rows.append(Score(name, value, 0.01, "score", "higher", "mean"))
    return rows


def slug(made: Record) -> str:
    """A folder name for a synthetic run."""
    options = made.config["objective"] or {}
    words = [made.choices[key] for key in ("dataset", "model", "objective")]
    return "-".join(
        [*words, *(f"{value:g}" for value in options.values() if not isinstance(value, str)), str(made.config["seed"])]
    )


def demo(folder: Path, seeds: int = 3, betas=(4.0,), models=("mlp",)) -> int:
    """Write {elbo, beta_vae, iwae} x {mnist5k, sprites} x seeds with references; returns the number of records."""
    trained = [("elbo", {}), ("iwae", OBJECTIVES["iwae"]), *(("beta_vae", {"beta": beta}) for beta in betas)]
    made = [
        realistic(dataset, model, objective, seed, options)
        for dataset in FACTORS
        for seed in range(seeds)
        for objective, model, options in [
            *((objective, model, options) for objective, options in trained for model in models),
            *((objective, model, {}) for objective, model in REFERENCES),
        ]
    ]
    for one in made:
        write_record(folder / "runs" / slug(one), one)
    return len(made)


BETA_VAE = {"objective": "beta_vae", "objective.beta": 4.0, "model": "mlp"}
ELBO, IWAE = ({"objective": name, "model": "mlp"} for name in ("elbo", "iwae"))
CLAIMS = [
    {"text": "beta-VAE's rate is below the ELBO's", "metric": "rate", "relation": "less",
     "left": BETA_VAE, "right": ELBO},
    {"text": "IWAE's bound is at most 1 nat worse", "metric": "iwae_100", "relation": "not_less", "margin": 1.0,
     "left": IWAE, "right": ELBO},
    {"text": "IWAE's codes are better for a linear probe", "metric": "linear_probe_accuracy", "relation": "greater",
     "representation": "mean", "left": IWAE, "right": ELBO},
]  # fmt: skip


def manifest(folder: Path, claims=CLAIMS, **more) -> None:
    """The experiment.json of a synthetic experiment."""
    runs = {path.name: one for path, one in read_folder(folder)[0]}
    missing = more.pop("missing", {})
    planned = runs | {name: record(objective="dip_vae_i", seed=99) for name in missing if name not in runs}
    content = {
        "experiment": "demo",
        "command": "python -m benchmark experiment=demo",
        "runs": {name: f"python -m benchmark experiment=demo run={name}" for name in runs} | missing,
        "claims": claims,
        "rank_by": "iwae_100",
        **as_manifest(Asked(name, one.choices, one.config) for name, one in planned.items()),
    }
    write_json(folder / MANIFEST, content | more)


CLAIM = {"text": "A is below B", "metric": "rate", "relation": "less",
         "left": {"objective": "beta_vae"}, "right": {"objective": "elbo"}}  # fmt: skip


def asked_of(records: Runs) -> list[Asked]:
    """What an experiment asked for that has just these runs."""
    return [Asked(folder.name, one.choices, one.config) for folder, one in records]


def bound(value: float, name: str = "elbo", better: str = "higher", **more) -> Score:
    """A score in nats."""
    return Score(name, value, 0.1, "nats", better, **more)


def runs(*records: Record) -> Runs:
    """The records in folders run-0, run-1, ..."""
    return [(Path(f"run-{i}"), one) for i, one in enumerate(records)]


def sweep(values, **more) -> list[Record]:
    """objective -> ELBO per seed, as records."""
    return [
        record(objective=o, seed=s, scores=[bound(v)], **more) for o, vs in values.items() for s, v in enumerate(vs)
    ]


def board_of(records, rank_by: str = "elbo") -> pd.DataFrame:
    """The leaderboard of records."""
    return ranked_board(full_table(runs(*records)), rank_by)
