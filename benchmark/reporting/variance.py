"""What a sweep's scores have to do with each other and with their causes: numbers of many runs, one group at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from benchmark.reporting.statistics import CONFIDENCE, Estimate, Scale
from metrics.core import AMORTISED
from metrics.probing import FEW
from metrics.udr import NAMES as OF_SEVERAL_SEEDS

RESAMPLES, SEED = 1000, 0  # of every bootstrap: a report is the same twice
TAILS = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
ALIVE = 2  # active units, on average over seeds; a configuration with fewer has collapsed, and explains nothing
FEWEST_SEEDS = 10  # of a configuration, for shares that one may rely on
SHARE = Scale(lambda x: np.arcsin(np.sqrt(np.clip(x, 0, 1))), lambda a: np.sin(np.clip(a, 0, np.pi / 2)) ** 2)
GAP = Scale(lambda x: np.arcsin(np.clip(x, -1, 1)), lambda a: np.sin(np.clip(a, -np.pi / 2, np.pi / 2)))
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shares:
    """What part of a score's variance each cause explains; the three parts add up to 1."""

    method: Estimate
    strength: Estimate  # of the methods' hyper-parameter, beyond the method
    seed: Estimate
    method_minus_seed: Estimate
    methods: int
    configurations: int
    seeds: int  # of the configuration that has the fewest
    raw: tuple[float, float]  # R2 of the method, and of method and strength together, as Locatello et al. print them


def methods_of(objectives: Sequence[str]) -> list[str]:
    """The method of each run of a group: the ELBO is the beta = 1 of a beta-VAE where there is one."""
    return ["beta_vae" if name == "elbo" and "beta_vae" in objectives else name for name in objectives]


def trained_scores(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of a full table that are compared: finished trained runs, means over factors, mean codes of
    the encoder's own readout.

    Three columns join: `configuration`, `method`, and `score`, which is the metric with its number of labels (the
    largest and 100).
    """
    rows = table[(table["metric"] != "") & (table["factor"] == "") & ~table["reference"]]
    rows = rows[rows["representation"].isin(["", "mean"]) & (rows["status"] == "finished")]
    rows = rows[rows["readout"] == AMORTISED]
    largest = rows.groupby(["group", "metric"])["num_labels"].transform("max")
    rows = rows[rows["num_labels"].isna() | rows["num_labels"].isin([FEW]) | rows["num_labels"].eq(largest)]
    labels = rows["num_labels"].map(lambda n: "" if pd.isna(n) else f" ({n} labels)")
    several = rows.groupby("group")["model"].transform("nunique") > 1
    text = rows[["metric", "model", "objective", "varied"]].astype(str)  # columns without rows have no type of text
    model = (" " + text["model"]).where(several, "")
    method = rows.groupby("group")["objective"].transform(lambda names: methods_of(list(names))) + model
    configuration = text["objective"] + model + "\n" + text["varied"]
    return rows.assign(method=method, configuration=configuration, score=text["metric"] + labels)


def variance_table(compared: pd.DataFrame) -> pd.DataFrame:
    """A row per group, score and cause (method, strength, seed) of `trained_scores`: share, interval, raw R2, and how
    many runs say so.

    Configurations that have collapsed are left out. UDR has no shares: the seeds of a configuration get it from each
    other, so they cannot differ freely.
    """
    rows = []
    frame = _alive(compared)
    frame = frame[~frame["metric"].isin(OF_SEVERAL_SEEDS)]
    for (group, score), of in frame[frame["value"].notna()].groupby(["group", "score"], sort=False):
        parts = explained(of["value"], of["method"], of["configuration"])
        if parts is None:
            continue
        method, both = parts.raw
        size = (parts.method.n, parts.methods, parts.configurations, parts.seeds)
        for cause, raw in (("method", method), ("strength", both - method), ("seed", 1 - both)):
            found = getattr(parts, cause).interval()
            rows.append((group, score, cause, found.mean, found.low, found.high, raw, *size))
    columns = ("group", "score", "cause", "share", "low", "high", "raw", "runs", "methods", "configurations", "seeds")
    return pd.DataFrame(rows, columns=pd.Index(columns))


def _alive(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of configurations that have ALIVE active units on average, or do not say."""
    units = rows[rows["metric"] == "active_units"].groupby(["group", "configuration"])["value"].mean()
    dead = units.index[units < ALIVE]
    return rows[~pd.MultiIndex.from_frame(rows[["group", "configuration"]]).isin(dead)]


def explained(values: ArrayLike, methods: ArrayLike, configurations: ArrayLike) -> Shares | None:
    """The shares over configurations of two seeds or more; None unless there are two of them, and values differ."""
    rows = pd.DataFrame({"value": values, "method": methods, "configuration": configurations})
    rows = rows[rows["configuration"].map(rows["configuration"].value_counts()) > 1]
    if rows["configuration"].nunique() < 2 or rows["value"].nunique() < 2:
        return None
    return shares(rows["value"], rows["method"], rows["configuration"])


def shares(values: ArrayLike, methods: ArrayLike, configurations: ArrayLike) -> Shares:
    """Nested analysis of variance of N values, two or more of each configuration, each of which has one method.

    The sums of squares of methods and of configurations within methods, less what noise adds to them, and the sum of
    n_c s_c^2 over configurations c of n_c seeds with variance s_c^2, divided by the sum of the three: what R2 tends to
    as seeds grow in number. With few seeds R2 itself, `raw` (Locatello et al., 2019), is far too large: k
    configurations of two seeds explain (k - 1) / (2 k - 1) of pure noise.

    Noise may be unequal and skewed: standard errors are those of a bootstrap within configurations, about effects that
    are freed of noise, on the scale arcsin sqrt(share), with Student's t of n - 1 degrees of freedom. Those of shares
    are widened by 1 + |skewness| of all residuals, for where few seeds have missed the long tail of their noise, both
    the share and its bootstrap are too small. At n = 10 seeds of 6 to 36 configurations a seed's share of 1/2 is put
    below 1/2 in 1 to 5 % of simulations with normal or exponential noise, equal or different by a factor of 49
    (unwidened in up to 14 %); one of 0.28 with 6 configurations in 87 % (normal, equal), 70 % (normal, different) and
    41 % (exponential, different). At n = 5 that error is up to 9 %, so that FEWEST_SEEDS are asked for.
    """
    design, x = _design(values, methods, configurations)
    means, variances = design.moments(x)
    effects, seeds = design.effects(means), float((variances * (design.sizes - 1)).sum())
    raw = effects / (effects.sum() + seeds)
    parts = _fractions(design.parts(means, variances))
    drawn = _fractions(design.parts(*design.moments(_redrawn(design, x, means, variances))))
    scales = (SHARE, SHARE, SHARE, GAP)
    fewest, wider = int(design.sizes.min()), 1 + abs(_skewness(design, x, means, variances))
    method, strength, seed, gap = (
        _estimate(float(part), draws, scale, fewest - 1, len(x), factor)
        for part, draws, scale, factor in zip(parts, drawn.T, scales, (wider, wider, wider, 1.0), strict=True)
    )
    size = (len(design.members), len(design.sizes), fewest)
    return Shares(method, strength, seed, gap, *size, (float(raw[0]), float(raw.sum())))


def _estimate(mean: float, draws: Floats, scale: Scale, df: int, n: int, wider: float) -> Estimate:
    return Estimate(mean, wider * float(np.std(scale.there(draws))), df, n, scale)


def _skewness(design: _Design, x: Floats, means: Floats, variances: Floats) -> float:
    """Of the residuals of all configurations, each divided by the standard deviation of its own; 0 where none vary."""
    spread = np.sqrt(variances)[design.config]
    vary = spread > 0
    return float((((x - means[design.config])[vary] / spread[vary]) ** 3).sum() / max(vary.sum(), 1))


def _fractions(parts: Floats) -> Floats:
    """Shares (..., 4) of method, strength and seed, and method minus seed, of their parts (..., 3) of the variance."""
    positive = np.maximum(parts, 0.0)
    with np.errstate(invalid="ignore"):  # what does not vary has no shares
        found = positive / positive.sum(-1, keepdims=True)
    return np.concatenate([found, found[..., :1] - found[..., 2:]], axis=-1)


@dataclass(frozen=True)
class _Design:
    """Who belongs together among N values that are in order of their k configurations, which are of m methods."""

    config: NDArray[np.intp]  # (N,)
    sizes: NDArray[np.intp]  # (k,)
    method_of: NDArray[np.intp]  # (k,)
    members: Floats  # (m, k), 1 for a configuration of the method

    @property
    def starts(self) -> NDArray[np.intp]:
        return np.cumsum(self.sizes) - self.sizes

    def moments(self, x: Floats) -> tuple[Floats, Floats]:
        """Mean and variance (..., k) of each configuration."""
        means = np.add.reduceat(x, self.starts, axis=-1) / self.sizes
        squares = (x - means[..., self.config]) ** 2
        return means, np.add.reduceat(squares, self.starts, axis=-1) / (self.sizes - 1)

    def of_methods(self, means: Floats) -> tuple[Floats, Floats]:
        """The mean of every configuration's method (..., k), and of all (..., 1)."""
        grand = (means * self.sizes).sum(-1, keepdims=True) / self.sizes.sum()
        return ((means * self.sizes) @ self.members.T / (self.members @ self.sizes))[..., self.method_of], grand

    def effects(self, means: Floats) -> Floats:
        """Sums of squares (..., 2) of methods, and of configurations within them."""
        method, grand = self.of_methods(means)
        return np.stack([((of**2) * self.sizes).sum(-1) for of in (method - grand, means - method)], axis=-1)

    def noise(self, variances: Floats) -> Floats:
        """What noise adds to them on average (..., 2)."""
        total = (self.members @ self.sizes)[self.method_of]
        both = (self.sizes / total * (1 - total / self.sizes.sum()), 1 - self.sizes / total)
        return np.stack([(variances * weights).sum(-1) for weights in both], axis=-1)

    def parts(self, means: Floats, variances: Floats) -> Floats:
        """Parts of the variance (..., 3) of method, strength and seed, unbiased."""
        seed = (variances * self.sizes).sum(-1, keepdims=True)
        return np.concatenate([self.effects(means) - self.noise(variances), seed], axis=-1)


def _design(values: ArrayLike, methods: ArrayLike, configurations: ArrayLike) -> tuple[_Design, Floats]:
    """The design, and the values in its order."""
    names, method, x = (np.asarray(of) for of in (configurations, methods, values))
    order = np.argsort(names.astype(str), kind="stable")
    _, first, config, sizes = np.unique(
        names[order].astype(str), return_index=True, return_inverse=True, return_counts=True
    )
    kinds, method_of = np.unique(method[order].astype(str)[first], return_inverse=True)
    members = (np.arange(len(kinds))[:, None] == method_of).astype(float)
    return _Design(config, sizes, method_of, members), x[order].astype(float)


def _redrawn(design: _Design, x: Floats, means: Floats, variances: Floats) -> Floats:
    """Values (RESAMPLES, N) of new seeds: residuals of each configuration drawn again, about effects without noise."""
    rng = np.random.default_rng(SEED)
    found, added = design.effects(means), design.noise(variances)
    left = np.sqrt(np.maximum(found - added, 0) / np.maximum(found, np.finfo(float).tiny))
    method, grand = design.of_methods(means)
    centres = grand + left[0] * (method - grand) + left[1] * (means - method)
    residuals = (x - means[design.config]) * np.sqrt(design.sizes / (design.sizes - 1))[design.config]
    size, start = design.sizes[design.config], design.starts[design.config]
    chosen = start + (rng.random((RESAMPLES, len(x))) * size).astype(int)
    return np.asarray(centres[design.config] + residuals[chosen])


def sizes_of(rows: pd.DataFrame) -> str:
    """How much the shares of a group come from, and whether that is enough."""
    names = ("methods", "configurations", "runs")
    sizes = ", ".join(f"{rows[name].max()} {name if rows[name].max() > 1 else name[:-1]}" for name in names)
    few = rows["seeds"].median() < FEWEST_SEEDS  # of most scores: some are not there in every run
    return f"{sizes}; fewer than {FEWEST_SEEDS} seeds each, so these shares are rough" if few else sizes
