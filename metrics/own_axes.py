"""Which factors have an axis of their own? A count, of the information that codes (N, D) hold about factors (N, F)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from metrics.core import Array, Representation, Score
from metrics.declared import INFORMATION, UNBOUNDED, Declared
from metrics.factors import factor_rows, generative_factors, require_finite, varying_mask
from metrics.mutual_information import class_matrix, entropies, histogram_matrix
from metrics.options import Several

KNOWN, TIMES = 0.1, 2.0  # of a factor's entropy, by its axis; and how many times the share of any other factor

SCORES = (
    Declared("own_axes", "own axes", "factors of which one axis knows a tenth, and twice what it knows of any other",
             "0 to the number of factors, which the ground truth reaches; 0: chance", "factors",
             range=(0.0, UNBOUNDED), topic=INFORMATION, changed_by=("outlier",)),
)  # fmt: skip


def own_axes(representation: Representation, rng: np.random.Generator, *, bins: Several = 20) -> list[Score]:
    """How many factors have an axis of their own among the test means (see `owned`), from 20-bin histograms.

    A row for each factor, 1 or 0, and their sum, 0..F. Averages over factors, as MIG's, rise as far by two factors that
    axes hold entirely as by five that they hold in part: a representation that holds position alone is told from one
    that holds shape and scale too. What histograms of N independent values seem to know, (bins - 1)(K - 1) / 2N nats
    of a factor of K values, is taken off. Invariant to permutation, sign, scale and shift of an axis; one outlier ruins
    its axis, as in mig_hist.
    """
    factors = generative_factors(representation, "own_axes", bins)
    varies, kept = varying_mask(factors), [factor for factor in factors if factor.varies]
    classes = class_matrix(factors, bins)[:, varies]
    values = np.array([len(np.unique(column)) for column in classes.T])
    seeming = (bins - 1) * (values - 1) / (2 * len(classes))
    information = histogram_matrix(representation, factors, bins)[:, varies]
    held = owned(np.maximum(information - seeming, 0.0) / entropies(classes)).astype(float)
    blank = Score("own_axes", None, None, "factors", "higher", representation.point)
    *each, _ = factor_rows(blank, factors, held, "")
    return [*each, replace(blank, value=float(held.sum()), reason=f"of {len(kept)} factors")]


def owned(shares: Array) -> Array:
    """Whether each factor has an axis of its own (F,), of S_jk = I(z_j; v_k) / H(v_k) in nats over nats, (D, F).

    With j the axis that knows the greatest share of factor k: S_jk >= 0.1 and S_jk >= 2 S_jl for every other factor l.
    An axis is one factor's at most.
    """
    require_finite(shares)
    best = shares[shares.argmax(axis=0)]  # (F, F): what the best axis of each factor knows of all factors
    own = np.diagonal(best)
    others = np.where(np.eye(len(own), dtype=bool), 0.0, best).max(axis=1, initial=0.0)
    return np.asarray((own >= KNOWN) & (own >= TIMES * others))
