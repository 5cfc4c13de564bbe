"""The few scores that pages and figures show, their words, and what comparison groups are called there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from benchmark.reporting.ranking import WHICH, natural
from benchmark.reporting.tables import labels
from benchmark.reporting.text import shortened
from benchmark.store.names import metric_and_code
from metrics.reading import reading

INFORMATION, PREDICTION, INTERVENTION, DEPENDENCE = (
    f"disentanglement: {how}" for how in ("information", "prediction", "intervention", "dependence of codes")
)  # topics: what stands before the colon shares a block where there is room
PSEUDO = "no likelihood of these data"


class Headline(NamedTuple):
    """A metric that deserves a column: its name as a pattern, its words, and when it is shown."""

    pattern: str
    title: str
    meaning: str
    topic: str
    main: bool = True  # drawn in figures too, which have room for the most asked-for scores only
    every_code: bool = False  # a column for mean and sample codes each, not only for the first that was measured
    unless: str = ""  # the metric that makes this one superfluous where a group has both

    def matches(self, metric: str) -> bool:
        return re.fullmatch(self.pattern, metric) is not None


HEADLINES = (
    Headline("rate", "rate", "E KL(q(z|x) || p(z)), what the code costs per example", "bound"),
    Headline("exact_rate", "exact rate", "the closed form at the optimum", "bound"),
    Headline("distortion", "distortion", "-E log p(x|z), what the decoder still misses", "bound"),
    Headline("exact_distortion", "exact distortion", "the closed form at the optimum", "bound"),
    Headline("elbo", "ELBO", "-(rate + distortion), a lower bound on log p(x)", "bound"),
    Headline("exact_elbo", "exact ELBO", "the closed form at the optimum", "bound"),
    Headline(r"iwae_(\d+)", "IWAE", "log-mean of that many importance weights, a tighter bound on log p(x)", "bound"),
    Headline("exact_log_evidence", "exact log evidence", "E log p(x) of this model in closed form, which its bounds "
             "exceed by chance only", "bound"),
    Headline("active_units", "active units", "latent dimensions with Var_x E[z|x] > 0.01", "bound"),
    Headline("exact_active_units", "exact active units", "the closed form at the optimum", "bound"),
    Headline("mutual_information", "mutual information", "I(x;z) under the encoder; a lower bound from N "
             "points, at most log N", "bound"),
    Headline("linear_probe_accuracy", "linear probe accuracy", "test accuracy of a linear classifier on the codes, "
             "mean over factors", "representation", every_code=True),
    Headline("linear_probe_r2", "linear probe R2", "explained variance of a linear regression from the codes, "
             "mean over factors", "representation", every_code=True, unless="linear_probe_accuracy"),
    Headline("knn_probe_accuracy", "k-NN probe accuracy", "test accuracy of nearest neighbours in the codes, mean over "
             "factors", "representation", main=False),
    Headline("mlp_probe_accuracy", "MLP probe accuracy", "test accuracy of a small neural network on the codes, mean "
             "over factors", "representation", main=False),
    Headline("boosted_probe_accuracy", "boosted probe accuracy", "test accuracy of boosted trees on the codes, mean "
             "over factors", "representation", main=False),
    Headline("linear_probe_efficiency", "statistical efficiency", "linear probe accuracy with 100 labels as a share of "
             "that with the most", "representation", main=False),
    Headline("mig_hist", "MIG", "gap between the two codes that know most about each factor", INFORMATION),
    Headline("mig_quantile", "MIG, quantile bins", "as MIG, and one outlier cannot ruin it", INFORMATION, main=False),
    Headline("mig_density", "MIG, density", "as MIG, of the noisy code by its aggregate posterior", INFORMATION,
             main=False),
    Headline("mig_sup", "MIG-sup", "gap between the two factors that each active code knows most about", INFORMATION,
             main=False),
    Headline("dcimig", "DCIMIG", "information that codes hold on one factor alone, as a share of all there is",
             INFORMATION, main=False),
    Headline("jemmig", "JEMMIG", "joint entropy of the best code and its factor less the gap", INFORMATION, main=False),
    Headline("modularity", "modularity", "how few factors each code informs on", INFORMATION),
    Headline("info_modularity", "InfoM", "how few factors each code informs on, by nearest neighbours", INFORMATION,
             main=False),
    Headline("info_explicitness", "InfoE", "share of a factor's entropy that a linear map of all codes finds",
             INFORMATION, main=False),
    Headline("info_compactness", "InfoC", "how few codes inform on each factor, by nearest neighbours", INFORMATION,
             main=False),
    Headline(r"dci_(\w+)_disentanglement", "DCI disentanglement", "how few factors each code matters for", PREDICTION),
    Headline(r"dci_(\w+)_completeness", "DCI completeness", "how few codes matter for each factor", PREDICTION,
             main=False),
    Headline(r"dci_(\w+)_informativeness", "DCI informativeness", "how well all codes together predict the factors",
             PREDICTION, main=False),
    Headline("dci_es_explicitness", "DCI-ES explicitness", "how little capacity a probe needs to do its best",
             PREDICTION, main=False),
    Headline("dci_es_size", "DCI-ES size", "factors per code dimension", PREDICTION, main=False),
    Headline("sap_r2", "SAP, R2", "gap between the two codes that predict each factor best by a line", PREDICTION),
    Headline("sap_svc", "SAP, SVM", "gap between the two codes that tell each factor's values best by a linear SVM",
             PREDICTION, main=False),
    Headline("explicitness", "explicitness", "area under ROC of a linear classifier of each factor's values",
             PREDICTION, main=False),
    Headline("beta_vae_score", "beta-VAE score", "accuracy of naming the factor held fixed from differences of codes",
             INTERVENTION),
    Headline("factor_vae_score", "FactorVAE score", "accuracy of naming the factor held fixed from the code that moves "
             "least", INTERVENTION),
    Headline("factor_vae_score_robust", "FactorVAE score, robust", "as FactorVAE score, blind to scale, dead codes and "
             "outliers", INTERVENTION, main=False),
    Headline("irs", "IRS", "how little a code moves while its factor stands still", INTERVENTION, main=False),
    Headline("gaussian_total_correlation", "Gaussian TC", "linear dependence among all codes", DEPENDENCE, main=False),
    Headline("wasserstein_correlation", "Wasserstein corr.", "the same in bounded units", DEPENDENCE, main=False),
    Headline("pairwise_mutual_information", "pairwise information", "mean information between two codes", DEPENDENCE,
             main=False),
    Headline("udr_lasso", "UDR, lasso", "how well codes pair up with those of other seeds", DEPENDENCE, main=False),
    Headline("udr_spearman", "UDR, Spearman", "the same by rank correlation", DEPENDENCE, main=False),
)  # fmt: skip
MEASURES = {"counting": "counting measure", "lebesgue": "Lebesgue measure", "pseudo-nats": f"pseudo-nats: {PSEUDO}"}


def title_of(metric: str) -> str:
    """The words of a score, such as IWAE-100; its name without underscores where it has none."""
    for headline in HEADLINES:
        if match := re.fullmatch(headline.pattern, metric):
            return headline.title + "".join(f"-{part}" for part in match.groups() if part != "lightgbm")
    return metric.replace("_", " ")


@dataclass(frozen=True)
class Column:
    """One headline column of one comparison group."""

    headline: Headline
    metric: str
    representation: str
    num_labels: int | None
    unit: str
    better: str

    @property
    def title(self) -> str:
        arrow = {"higher": " ↑", "lower": " ↓"}.get(self.better, "")
        return title_of(self.metric) + arrow

    @property
    def detail(self) -> str:
        codes = f"{self.representation} codes" if self.representation else ""
        labels = f"{self.num_labels} labels" if self.num_labels else ""
        return ", ".join(filter(None, (codes, labels)))

    @property
    def shown_unit(self) -> str:
        """The unit, unless the title has said it."""
        return "" if self.unit.lower() in self.headline.title.lower() else self.unit

    @property
    def legend(self) -> str:
        direction = {"higher": "higher is better", "lower": "lower is better"}.get(self.better, "no direction")
        meaning, unit = self.headline.meaning, self.unit
        if unit == "pseudo-nats":  # the formula holds, what it says about log p(x) does not
            meaning, unit = meaning.split(", ")[0], f"{unit}: {PSEUDO}"
        said = f"`{self.metric}`: {meaning or self.headline.title} ({', '.join(filter(None, (unit, direction)))})"
        how = "" if unit.startswith("pseudo") else reading(self.metric)
        how = how.removeprefix(f"{direction}; ").removesuffix(f"; {direction}")
        return f"{said}; {how}" if how else said

    def of(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The rows of a tidy table or leaderboard that belong to this column."""
        same = (frame["metric"] == self.metric) & (frame["representation"] == self.representation)
        budget = frame["num_labels"].isna() if self.num_labels is None else frame["num_labels"].eq(self.num_labels)
        return frame[same & budget.fillna(False).astype(bool) & (frame["factor"] == "")]


def headline_rows(frame: pd.DataFrame, main: bool = False, chosen: Sequence[str] = ()) -> pd.DataFrame:
    """What pages (or with `main` figures) show of a full table or leaderboard, with a column `label`.

    `chosen` names scores ("elbo", "linear_probe_accuracy[mean]") that are shown instead.
    """
    shown = [headline for headline in HEADLINES if headline.main or not main]
    known = [name for name in frame["metric"].unique() if any(headline.matches(name) for headline in shown)]
    known = [metric_and_code(name)[0] for name in chosen] or known
    rows = frame[frame["metric"].isin(known) & (frame["factor"] == "")]
    return rows.assign(label=labels(frame[frame["metric"] != ""])[rows.index])


def columns(board: pd.DataFrame, chosen: Sequence[str] = ()) -> list[Column]:
    """The headline columns that the rows of one comparison group have, at the largest number of labels.

    With `chosen` those of these scores alone, in their order; one without a headline is called by its name.
    """
    if chosen:
        return [column for name in chosen for column in _chosen(board, name)]
    names, measured = sorted(board["metric"].unique(), key=natural), set(board.loc[board["mean"].notna(), "metric"])
    return [
        _column(headline, metric, code, rows)
        for headline in HEADLINES
        if headline.unless not in measured
        for metric in filter(headline.matches, names)
        for rows in [board[board["metric"] == metric]]
        for code in _codes(headline, rows)
    ]


def check_chosen(frame: pd.DataFrame, chosen: Sequence[str]) -> None:
    """ValueError for a chosen column that no run has."""
    known = set(frame.loc[frame["factor"] == "", "metric"]) - {""}
    for name in chosen:
        if metric_and_code(name)[0] not in known:
            raise ValueError(
                f"columns={name}: no run has this score; there are {', '.join(sorted(known, key=natural))}"
            )


def _chosen(board: pd.DataFrame, name: str) -> list[Column]:
    metric, code = metric_and_code(name)
    rows = board[board["metric"] == metric]
    if rows.empty:
        return []
    headline = next((of for of in HEADLINES if of.matches(metric)), Headline(metric, title_of(metric), "", "chosen"))
    codes = [code] if code else _codes(headline._replace(every_code=True), rows)
    return [_column(headline, metric, of, rows) for of in codes if of in set(rows["representation"])]


def _codes(headline: Headline, rows: pd.DataFrame) -> list[str]:
    """Every code that was measured, or only the first: a null row alone makes no column of its own."""
    measured = rows[rows["mean"].notna()]
    present = [code for code in WHICH if code in set((measured if len(measured) else rows)["representation"])]
    return present if headline.every_code else present[:1]


def _column(headline: Headline, metric: str, code: str, rows: pd.DataFrame) -> Column:
    rows = rows[rows["representation"] == code]
    budget = rows["num_labels"].max()
    unit, better = str(rows["unit"].max()), str(rows["better"].max())
    pseudo = unit == "nats" and better and is_pseudo(rows["group"].iloc[0])
    number = None if pd.isna(budget) else int(budget)
    return Column(headline, metric, code, number, "pseudo-nats" if pseudo else unit, better)


def is_pseudo(group: str) -> bool:
    """True where the decoder's density is no likelihood of the data, such as a Bernoulli on grey values."""
    return "/pseudo-nats/" in group


def group_titles(groups: Iterable[str]) -> dict[str, str]:
    """Group -> what people call it; the checksum of the data joins only where two groups would share a name."""
    titles = {group: _group_title(group) for group in groups}
    count = Counter(titles.values())
    return {group: shortened(_group_title(group, count[title] > 1), 120) for group, title in titles.items()}


def _group_title(group: str, checksum: bool = False) -> str:
    if group.count("/") < 3:
        return group
    dataset, binarisation, measure, digest = group.rsplit("/", 3)
    pixels = "no binarisation" if binarisation == "none" else f"{binarisation} binarisation"
    return ", ".join((f"{dataset} ({digest})" if checksum else dataset, pixels, MEASURES.get(measure, measure)))
