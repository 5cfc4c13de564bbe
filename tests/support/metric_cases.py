"""Codes whose scores are known, and every metric that reads codes, with options small enough for tests."""

from __future__ import annotations

import importlib
from functools import cache, partial
from pathlib import Path

import numpy as np
import yaml

from benchmark.checks.codes import (
    NAMES,
    SIZES,
    N,
    gaussian,
    linear,
    representation,
    true_codes,
    with_constant,
    with_outlier,
)
from metrics.core import Score


def located(target):
    """The function of a dotted name."""
    module, _, name = target.rpartition(".")
    return getattr(importlib.import_module(module), name)


FOLDER = Path(__file__).parents[2] / "conf" / "metrics"
YAMLS = {path.stem: yaml.safe_load(path.read_text())[path.stem] for path in sorted(FOLDER.glob("*.yaml"))}
METRICS = {name: located(node["_target_"]) for name, node in YAMLS.items() if node["_target_"].startswith("metrics.")}
QUICK = {
    **METRICS,
    "linear_probe": partial(METRICS["linear_probe"], num_labels=(1000,), strengths=(0.03, 30.0)),
    "dci": partial(METRICS["dci"], rounds=20),
    "dci_lasso": partial(METRICS["dci"], estimator="lasso"),
    "beta_vae_score": partial(METRICS["beta_vae_score"], num_train=2000, num_test=1000),
    "factor_vae_score": partial(METRICS["factor_vae_score"], num_train=2000, num_test=1000),
}


def located_in(metric: str) -> str:
    """The module of a metric."""
    return METRICS[metric.replace("dci_lasso", "dci")].__module__


PROBES = ("boosted_probe", "knn_probe", "linear_probe", "mlp_probe")
UNSUPERVISED = ("information", "unsupervised")
SUPERVISED = tuple(name for name in METRICS if name not in UNSUPERVISED)
__all__ = (  # the codes are those of the laws that a user's metric is held to as well
    "METRICS", "NAMES", "PROBES", "QUICK", "SIZES", "SUPERVISED", "UNSUPERVISED", "YAMLS", "N", "gaussian", "linear",
    "located", "representation", "scores", "true_codes", "with_constant", "with_outlier",
)  # fmt: skip


@cache
def scores(metric: str, case: str) -> tuple[Score, ...]:
    """All scores of a metric on a case, computed once for all tests."""
    return tuple(QUICK[metric](representation(case), np.random.default_rng(0)))
