"""Known answers and invariances of every metric that reads codes: a new metric is one line in ROWS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

import pytest

from benchmark.checks.codes import BASE, CHANGED
from metrics.core import Score
from metrics.declared import Change, declared
from tests.support.metric_cases import QUICK, scores

Interval = tuple[float, float] | float | None
SAME = get_args(Change)


@dataclass(frozen=True)
class Row:
    """A score and what it is of each code: an interval, a number, or None for no value."""

    metric: str
    score: str
    truth: Interval
    noise: Interval
    duplicated: Interval
    rotated: Interval
    outlier: Interval
    one_code: Interval
    one_factor: Interval

    def tolerance(self, case: str) -> float:
        """How far an invariant score may move."""
        return max(TOLERANCE.get(self.metric, 1e-9), CHANGED.get(case, 0.0))


TOLERANCE = {  # of what fits by iterations or breaks ties; others 1e-9
    **dict.fromkeys(("linear_probe", "explicitness", "infomec", "beta_vae_score", "sap"), 1e-3),
    **dict.fromkeys(("dci", "dci_lasso", "dci_es", "knn_probe", "mlp_probe", "boosted_probe"), 0.02),
}
FULL, CHANCE, KEPT, NATS, GAP, NONE = (0.99, 1), (0.2, 0.28), (5.6, 5.9), (1.4, 1.48), (0.24, 0.26), (0, 0.01)
FIFTH, HALF, NONE_HELD = (0.2, 0.35), (0.5, 0.6), (-0.02, 0.01)
# fmt: off
ROWS = (
    # selector, score: truth, noise, duplicated, rotated, outlier (1 in N), one_code, one_factor
    Row("information", "active_units", 4, 4, 8, 4, 4, 1, 4),
    Row("information", "mutual_information", KEPT, (6.5, 7.09), KEPT, KEPT, KEPT, (1.08, 1.1), KEPT),
    Row("information", "total_correlation", (0, .3), NONE, (5.5, 6.5), (5, 7), (0, .3), 0, (0, .3)),
    Row("linear_probe", "linear_probe_accuracy", 1, CHANCE, 1, FULL, FULL, (.35, .45), 1),
    Row("linear_probe", "linear_probe_balanced_accuracy", 1, CHANCE, 1, FULL, FULL, (.35, .45), 1),
    Row("linear_probe", "linear_probe_nats", NATS, (-.03, .01), NATS, NATS, NATS, (.26, .275), (1.07, 1.1)),
    Row("knn_probe", "knn_probe_accuracy", (.9, .93), CHANCE, (.9, .93), (.9, .93), (.9, .93), (.35, .45), 1),
    Row("knn_probe", "knn_probe_nats", (1.1, 1.2), (-.25, -.1), (1.1, 1.2), (1.1, 1.2), (1.1, 1.2), (.1, .2), (1, 1.1)),
    Row("mlp_probe", "mlp_probe_accuracy", FULL, CHANCE, FULL, FULL, FULL, (.35, .45), FULL),
    Row("mlp_probe", "mlp_probe_nats", (1.3, 1.4), (-.06, .01), (1.3, 1.4), (1.3, 1.4), (1.3, 1.4), (.2, .3), (1, 1.1)),
    Row("boosted_probe", "boosted_probe_accuracy", FULL, CHANCE, FULL, (.97, 1), FULL, (.35, .45), FULL),
    Row("boosted_probe", "boosted_probe_nats", NATS, (-.03, .01), NATS, (1.3, 1.4), NATS, (.26, .275), (1.07, 1.1)),
    Row("mig", "mig_hist", FULL, NONE, 0, FIFTH, (.74, .76), GAP, FULL),
    Row("mig", "mig_quantile", FULL, NONE, 0, FIFTH, FULL, GAP, FULL),
    Row("mig", "mig_density", FULL, NONE, NONE, FIFTH, FULL, GAP, FULL),
    Row("own_axes", "own_axes", 4, 0, 4, 1, 3, 1, 1),
    Row("mig_sup", "mig_sup", FULL, NONE, FULL, FIFTH, (.74, .76), FULL, GAP),
    Row("dcimig", "dcimig", FULL, NONE, FULL, FIFTH, (.8, .82), (.18, .19), FULL),
    Row("jemmig", "jemmig", NONE, (3.8, 4.1), (1.4, 1.5), (3.1, 3.3), (.6, .75), (1.95, 2.1), NONE),
    Row("sap", "sap_r2", FULL, NONE, 0, (.4, .5), (.74, .76), GAP, FULL),
    Row("sap", "sap_svc", (.4, .47), NONE, 0, (.1, .2), (.4, .47), (.35, .45), (.6, .7)),
    Row("modularity", "modularity", FULL, (.45, .55), FULL, (.75, .85), (.85, .9), FULL, 1),
    Row("explicitness", "explicitness", FULL, (.47, .53), FULL, FULL, FULL, (.6, .65), FULL),
    Row("irs", "irs", 1, (.1, .2), 1, (.45, .55), (.8, .85), 1, FIFTH),
    Row("infomec", "info_modularity", FULL, (.6, .7), FULL, FIFTH, FULL, 1, GAP),
    Row("infomec", "info_compactness", FULL, (.5, .6), (.42, .43), (.3, .4), FULL, GAP, FULL),
    Row("infomec", "info_explicitness", (.9, .93), NONE_HELD, (.93, .96), (.9, .93), (.89, .92), GAP, (.97, .99)),
    Row("dci", "dci_lightgbm_disentanglement", FULL, (0, .05), FULL, (.2, .6), FULL, 0, 1),
    Row("dci", "dci_lightgbm_completeness", FULL, (0, .05), FULL, (.2, .6), FULL, 1, FULL),
    Row("dci", "dci_lightgbm_informativeness", FULL, CHANCE, FULL, (.9, 1), FULL, (.35, .45), FULL),
    Row("dci_lasso", "dci_lasso_disentanglement", FULL, (.5, .7), FULL, (.2, .25), FULL, 1, 1),
    Row("dci_lasso", "dci_lasso_completeness", FULL, (.5, .7), FULL, (.2, .25), FULL, 1, 1),
    Row("dci_lasso", "dci_lasso_informativeness", FULL, NONE_HELD, FULL, FULL, (.97, 1), GAP, FULL),
    Row("dci_es", "dci_es_explicitness", (.7, .8), (.97, 1), (.7, .8), (.35, .5), (.7, .8), (.95, 1), (.85, .92)),
    Row("dci_es", "dci_es_size", 1, 1, .5, 1, 1, 4, .25),
    Row("beta_vae_score", "beta_vae_score", 1, (.2, .3), 1, (.9, 1), FULL, (.45, .55), None),
    Row("factor_vae_score", "factor_vae_score", 1, (.2, .3), 1, (.9, 1), (.97, 1), CHANCE, None),
    Row("factor_vae_score", "factor_vae_score_robust", 1, (.2, .3), 1, (.9, 1), (.97, 1), CHANCE, None),
    Row("unsupervised", "gaussian_total_correlation", NONE, NONE, (26, 26.5), NONE, NONE, 0, NONE),
    Row("unsupervised", "wasserstein_correlation", NONE, NONE, (.58, .59), NONE, NONE, 0, NONE),
    Row("unsupervised", "pairwise_mutual_information", NONE, (.1, .13), (.2, .22), HALF, NONE, 0, NONE),
)
# fmt: on
CASES = ("truth", "noise", "duplicated", "rotated", "outlier", "one_code", "one_factor")


def test_every_metric_has_a_row():
    assert {row.metric for row in ROWS} == set(QUICK)


def score_of(row: Row, case: str) -> Score:
    """The mean over factors, of means before samples."""
    return next(score for score in scores(row.metric, case) if score.name == row.score and score.factor is None)


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.score)
def test_known_answers(row, case):
    expected, score = getattr(row, case), score_of(row, case)
    if expected is None:
        assert score.value is None
        assert score.reason
        return
    low, high = expected if isinstance(expected, tuple) else (expected - 1e-9, expected + 1e-9)
    assert low <= score.value <= high


@pytest.mark.parametrize("case", SAME)
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.score)
def test_invariances(row, case):
    changed, base = (score_of(row, name).value for name in (case, BASE[case]))
    if case in declared(row.score).changed_by:
        assert abs(changed - base) > row.tolerance(case)
    else:
        assert changed == pytest.approx(base, abs=row.tolerance(case))
