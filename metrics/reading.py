"""How to read each score: its range, its best value, and what chance or noise scores, in one sentence by its name."""

from __future__ import annotations

import re
from collections.abc import Mapping

NO_ZERO = "no usable zero"
CHANCE: Mapping[str, str] = {  # pattern of a score's whole name -> sentence; the first that matches counts
    "rate|exact_rate": "from 0 nats; 0: the code knows nothing of the example; no direction",
    "distortion|exact_distortion": "lower is better; the data's entropy is the floor at an unlimited rate",
    "elbo|exact_elbo": "higher is better; at most log p(x), and so minus the data's entropy on average",
    r"iwae_\d+|exact_log_evidence": "higher is better; iwae_K is at most log p(x), between ELBO and evidence",
    "effective_sample_size": "1..K; K: every importance weight alike; 1: one sample decides",
    "active_units|exact_active_units": "0..D; 0: collapsed; says used, not useful: noise of unit variance counts",
    "mutual_information": "lower bound, 0..log N, the cap, reached by any narrow posteriors; 0: collapsed",
    "total_correlation": "lower bound, from 0 nats; 0: none found, as of collapsed or independent axes; no direction",
    "dimensionwise_kl|marginal_kl": "lower bound, from 0 nats; 0: q(z) (of each axis) may be the prior; no direction",
    r"(mutual_information|total_correlation|dimensionwise_kl|marginal_kl)_upper": "upper bound of the score without "
    "_upper, nats; the truth lies between the two; no direction",
    r"\w+_probe_accuracy": f"0..1; 1: always right; {NO_ZERO}: chance is the majority class's share",
    r"\w+_probe_balanced_accuracy": f"0..1; 1: always right; {NO_ZERO}: chance is 1/K of K classes",
    r"\w+_probe_nats": "up to H(Y); 0: chance, no more than the labels' frequencies; below 0: overconfident",
    r"\w+_probe_r2": "up to 1; 0: chance, as good as the mean; below 0: worse",
    r"\w+_probe_efficiency": f"from 0; 1: few labels do as well as many; {NO_ZERO}: noise scores about 1",
    "mig_hist|mig_quantile|mig_density": "0..1; 1: one axis alone knows each factor; 0: chance, or two axes alike",
    "mig_sup": "0..1; 1: each active axis knows one factor and no other; 0: chance",
    "dcimig": "0..1; 1: each factor has an axis of its own; 0: chance",
    "jemmig": "lower is better; 0: one axis is the factor and no other knows of it; noise is near H(v) + log bins",
    "sap_r2": "0..1; 1: one axis alone is the factor up to a line; 0: chance, or two axes alike",
    "sap_svc": "0..1, but the true factors stay far below 1: compare with their row; 0: chance, or two axes alike",
    "dci_es_explicitness": f"-1..1; 1: the least capacity does as well as any; {NO_ZERO}: noise scores 1",
    "dci_es_size": f"factors / axes; 1: as wide as there are factors; {NO_ZERO}: whatever the axes hold",
    "dci_lasso_(disentanglement|completeness)": "0..1; 1: one factor per axis (one axis per factor); "
    f"{NO_ZERO}: of noise few coefficients are left, about 0.4 to 0.7",
    "dci_lasso_informativeness": "up to 1; 0: chance, as good as the mean; below 0: worse",
    r"dci_\w+_(disentanglement|completeness)": "0..1; 1: one factor per axis (one axis per factor); 0: chance",
    r"dci_\w+_informativeness": f"up to 1; 1: always right; {NO_ZERO}: chance is the majority class's share (0 for R2)",
    "beta_vae_score": f"0..1; 1: every factor leaves its own trace; {NO_ZERO}: chance is 1/F of F factors",
    "factor_vae_score|factor_vae_score_robust": f"0..1; 1: an axis of its own stands still for each factor; "
    f"{NO_ZERO}: chance is 1/F of F factors, 0 only where no axis is above the threshold",
    "modularity": f"0..1; 1: each axis informs on a single factor; {NO_ZERO}: noise scores about 0.5 to 0.7",
    "explicitness": f"0..1; 1: perfect ranking; {NO_ZERO}: chance is 0.5",
    "irs": f"0..1; 1: an axis stands still while its factor does; {NO_ZERO}: noise scores above 0, about 0.2",
    "info_modularity|info_compactness": "0..1; 1: one factor per axis (one axis per factor); "
    f"{NO_ZERO}: noise scores about 0.4 to 0.7",
    "info_explicitness": "up to 1, kept below it by the penalty; 0: chance",
    "gaussian_total_correlation": "from 0 nats; 0: no linear dependence, also of a collapsed code; no direction",
    "wasserstein_correlation": "0..2; 0: no correlation, also of a collapsed code; no direction",
    "pairwise_mutual_information": f"0..log bins; {NO_ZERO}: independent axes score up to the bias; no direction",
    "udr_lasso|udr_spearman": f"0..1; 1: every axis has one counterpart in other models; {NO_ZERO}: noise is above 0",
}


def reading(score_name: str) -> str:
    """The sentence of CHANCE for a score, or an empty one for a name that it does not know."""
    return next((words for pattern, words in CHANCE.items() if re.fullmatch(pattern, score_name)), "")
