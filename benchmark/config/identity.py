"""The frozen canonical form of a choice: what identities and records call it, wherever its code has moved since.

A run's identity is a hash of these names. Code may move and gain options; runs that are finished stay finished.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

# Where a function lives now -> the name that identities have known it by since it first ran.
MOVED: Mapping[str, str] = {
    "benchmark.measure.densities.evidence": "benchmark.evidence.evidence",
    "benchmark.measure.densities.exact": "benchmark.evidence.exact",
    "benchmark.measure.densities.rate_distortion": "benchmark.evidence.rate_distortion",
    "benchmark.measure.references.ica": "benchmark.references.ica",
    "benchmark.measure.references.noise": "benchmark.references.noise",
    "benchmark.measure.references.pca": "benchmark.references.pca",
    "benchmark.measure.references.pixels": "benchmark.references.pixels",
    "benchmark.measure.references.rotated_truth": "benchmark.references.rotated_truth",
    "benchmark.measure.references.truth": "benchmark.references.truth",
    "benchmark.training.fit.fit": "benchmark.train.fit",
    "metrics.factor_vae_score.factor_vae_score": "metrics.votes.factor_vae_score",
    "metrics.information_gaps.dcimig": "metrics.gaps.dcimig",
    "metrics.information_gaps.jemmig": "metrics.gaps.jemmig",
    "metrics.information_gaps.mig_sup": "metrics.gaps.mig_sup",
    "metrics.irs.irs": "metrics.robustness.irs",
    "metrics.nonlinear_probes.boosted_probe": "metrics.predictors.boosted_probe",
    "metrics.nonlinear_probes.knn_probe": "metrics.predictors.knn_probe",
    "metrics.nonlinear_probes.mlp_probe": "metrics.predictors.mlp_probe",
    "models.objectives.autoencoder": "models.objectives.Autoencoder",
}

# Frozen name -> options that came later, each with the value that does what was done before there was the option.
LATER: Mapping[str, Mapping[str, Any]] = {
    "benchmark.train.fit": {
        "shuffle": True,
        "initial_second_moment": 0.0,
        "phases": None,
        "precision": "fp32",
        "channels_last": False,
    },
    "models.objectives.iwae": {"gradient": "plain"},
}

# Frozen name -> options that say how something is done, never what: no part of an identity, whatever their value.
SETTINGS: Mapping[str, frozenset[str]] = {"benchmark.train.fit": frozenset({"stack", "compile"})}


def frozen(target: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """A target and its options (JSON values, cast to their types) under frozen names, less later ones at their default,
    and less settings.

    Nothing here depends on the order of options, and nothing is left out that a result could depend on.
    """
    name = MOVED.get(target, target)
    later = LATER.get(name, {})
    said = {key: value for key, value in options.items() if key not in SETTINGS.get(name, ())}
    kept = {key: value for key, value in said.items() if key not in later or value != later[key]}
    return {"_target_": name, **kept}


def current(target: str) -> str:
    """Where a target lives now: a frozen name, as records have it, or the present one."""
    now = {known: moved for moved, known in MOVED.items()}
    return now.get(target, target)
