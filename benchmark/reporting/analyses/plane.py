"""The rate-distortion plane by families of models: coordinates, frontiers and their areas, all in nats per example."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.reporting.analyses.findings import Findings
from benchmark.reporting.columns import group_titles
from benchmark.reporting.figures.plane import Arrow, Plane, plane_figure
from benchmark.reporting.frontier import areas, distances, vertices
from benchmark.reporting.sections import Section
from benchmark.reporting.statistics import Interval
from benchmark.reporting.study import Study
from benchmark.reporting.tables import labels, short_names, worded
from benchmark.store.curves import read_curves
from benchmark.store.groups import HEADS
from benchmark.store.history import kept_on_validation
from benchmark.store.measured import measured
from benchmark.store.record import Record
from benchmark.store.selection import weight_of_rate
from metrics.core import AMORTISED, Score

ARCHITECTURE = ("model", *HEADS)  # choices that make a family; its members differ in how hard the rate is pressed
OF_HEAD = "model.posterior_scale"  # a head, by the name that identities have; tables call likelihoods by their choice
BY_BETA = ("elbo", "beta_vae", "beta_vae_warmup")  # objectives that are one family: beta weighs the whole rate
TARGETS = ("target", "capacity")  # options of objectives that say a rate
ENTROPIES = ("exact_entropy", "data_entropy")  # scores that say H of the data
OPTIMUM = "blahut_arimoto"  # the curve of a run whose decoder is given
PROBES = ("linear_probe_nats", "mig_hist", "dci_lightgbm_disentanglement")  # what else the plane is coloured by
Dots = pd.DataFrame


def plane(study: Study) -> Findings:
    """Every run on its group's plane with the frontier of its family; plane.csv, frontier.csv, `frontier_distance`.

    A family is what trained runs have in common but for the weight or target of the rate, the seed, and numbers. Its
    frontier is the lower convex hull of its configurations, chosen on the validation split and read on the test split
    (Alemi et al., 2018). `frontier_distance` is how far a run's distortion is above the frontier of all families.
    """
    dots = _dots(study)
    if dots.empty:
        return Findings()
    planes, rows, lines = list[Plane](), list[pd.DataFrame](), list[str]()
    scores = defaultdict[str, list[Score]](list)
    titles, bounds = group_titles(dots["group"].unique()), _bounds(study.table)
    for name, of in dots.groupby("group", sort=False):
        floor, known = _floor(bounds, str(name))
        found, edge = of.reset_index(drop=True), vertices(of)
        for run, distance in zip(found["run"], distances(found), strict=True):
            scores[str(run)] += _distance(float(distance))
        area, span = areas(found, floor)
        if span is not None:
            rows.append(area.assign(group=name, from_rate=span.low, to_rate=span.high, above=floor))
            lines += [f"{titles[str(name)]}: {line}" for line in _told(area, span.low, span.high)]
        more = _optimum(study, found), _arrows(study, found)
        planes.append(Plane(titles[str(name)], found, edge, floor, known, *more))
    columns = ["group", "family", "mean", "low", "high", "n", "from_rate", "to_rate", "above"]
    frontier = pd.concat(rows)[columns] if rows else pd.DataFrame(columns=pd.Index(columns))
    sections = [Section("Frontiers: mean of D(R) + R above the floor (frontier.csv)", lines)] if lines else []
    return Findings(
        scores=scores,
        tables={"plane": dots.drop(columns=["chosen_rate", "chosen_distortion"]), "frontier": frontier},
        figures={"plane": partial(plane_figure, planes)},
        sections=sections,
    )


def _distance(value: float) -> list[Score]:
    note = "vertical, above the hull of all families, which validation chose"
    if np.isfinite(value):
        return [Score("frontier_distance", value, unit="nats", better="lower", reason=note, selector="plane")]
    return [Score("frontier_distance", None, unit="nats", better="lower", reason="no frontier at so low a rate",
                  selector="plane")]  # fmt: skip


def _told(area: pd.DataFrame, low: float, high: float) -> Iterator[str]:
    for family, mean, lower, upper, n in area.to_numpy().tolist():
        value = f"{Interval(mean, lower, upper, n)}" if n > 1 else f"{mean:.3g}"
        yield f"{family}: {value} nats over rates {low:.1f} to {high:.1f} (n = {n})"


def _dots(study: Study) -> Dots:
    """A row per trained run with rate and distortion: what it is, where it is on both splits, and its other scores."""
    table = study.table
    if table.empty:
        return pd.DataFrame()
    of = table[(table["readout"] == AMORTISED) & ~table["reference"] & table["value"].notna()]
    runs = of.drop_duplicates("run")
    named: dict[Any, Any] = runs.assign(label=labels(runs, among=table)).set_index("run").to_dict("index")
    records = {folder.name: (folder, record) for folder, record in study.records if folder.name in named}
    families = _families(
        {run: record for run, (_, record) in records.items()},
        {run: about["options"] for run, about in named.items()},
    )
    values, rows = _values(of), []
    for run, about in named.items():
        if {"rate", "distortion"} <= set(values[run]):
            folder, record = records[run]
            rows.append({"run": run, **_about(about, record, families[run]), **values[run], **_chosen(folder)})
    return pd.DataFrame(rows)


def _values(scores: pd.DataFrame) -> Mapping[str, dict[str, float]]:
    """Run -> rate, distortion and what else colours the plane: of means or of no view, at the most labels."""
    plain = scores[(scores["factor"] == "") & scores["metric"].isin(["rate", "distortion", *PROBES])]
    plain = plain.sort_values("num_labels", na_position="first", kind="stable")
    # on one draw a probe learns no more than the rate, on means any amount
    views = {"linear_probe_nats": "sample"}
    found = defaultdict[str, dict[str, float]](dict)
    for run, metric, view, value in plain[["run", "metric", "representation", "value"]].itertuples(index=False):
        if view in ("", views.get(metric, "mean")):
            found[run][metric] = float(value)
    return found


def _about(row: Mapping[str, Any], record: Record, family: str) -> dict[str, Any]:
    objective = record.config.get("objective") or {}
    beta = weight_of_rate(record)
    target = next((float(objective[key]) for key in TARGETS if key in objective), None)
    return {"group": row["group"], "label": row["label"], "family": family,
            "seed": record.config.get("seed", 0),
            "beta": np.nan if beta is None else beta, "target": np.nan if target is None else target}  # fmt: skip


def _chosen(folder: Path) -> dict[str, float]:
    rate, distortion = kept_on_validation(folder) or (np.nan, np.nan)
    return {"chosen_rate": rate, "chosen_distortion": distortion}


def _families(records: Mapping[str, Record], options: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """Run -> its family: the choices of network and heads that vary, options of the network that do, and the objective
    where it is not the ELBO or a beta-VAE."""
    varying = [key for key in ARCHITECTURE if len({record.choices.get(key, "") for record in records.values()}) > 1]
    return {run: _family(record, varying, options[run]) for run, record in records.items()}


def _family(record: Record, varying: Sequence[str], options: Mapping[str, Any]) -> str:
    words = [record.choices.get(key, "") for key in varying]
    of_network = {key: value for key, value in options.items() if key.startswith("model.") and key != OF_HEAD}
    words += [worded({key: value}, short_names([key])) for key, value in of_network.items()]
    objective = record.choices.get("objective", "")
    words += [] if objective in BY_BETA else [objective]
    return ", ".join(filter(None, words)) or "beta-VAE"


def _bounds(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of H and of what is a bound on log p(x)."""
    names = [name for name in table["metric"].unique() if re.fullmatch(r"iwae_\d+|elbo", name)]
    return table[table["metric"].isin([*ENTROPIES, *names])]


def _floor(rows: pd.DataFrame, group: str) -> tuple[float, bool]:
    """The least that rate + distortion can be: H where it is known; else the best model's, above which H may not be."""
    rows = rows[rows["group"] == group]
    known = rows.loc[rows["metric"].isin(ENTROPIES) & rows["value"].notna(), "value"]
    if len(known):
        return float(known.iloc[0]), True
    of_models = ~rows["metric"].isin(ENTROPIES) & ~rows["reference"]
    return -float(rows.loc[of_models, "value"].max()), False


def _optimum(study: Study, dots: Dots) -> np.ndarray | None:
    """Rates and distortions (n, 2) of the best codes for a decoder that is given, where a run has the curve."""
    for run in dots["run"]:
        if (found := read_curves(study.folder / "runs" / str(run)).get(OPTIMUM)) is not None:
            return found[:, :2]
    return None


def _arrows(study: Study, dots: Dots) -> list[Arrow]:
    """From (rate, distortion) of q to those of q_EW, means over seeds of every configuration that was read by both.

    The distortion of q_EW is measured; -L_K - D is its rate from above, for L_K <= ELBO[q_EW] (Cremer et al., 2017).
    """
    records = {folder.name: (folder, record) for folder, record in study.records}
    rows = []
    for dot in dots.itertuples():
        folder, record = records[str(dot.run)]
        if (ends := _resampled(folder, record)) is not None:
            rows.append((dot.label, dot.rate, dot.distortion, *ends))
    names = ["label", "rate", "distortion", "to_rate", "to_distortion"]
    means = pd.DataFrame(rows, columns=pd.Index(names)).groupby("label")[names[1:]].mean()
    return [Arrow(*(float(number) for number in row)) for row in means.to_numpy(dtype=float)]


def _resampled(folder: Path, record: Record) -> tuple[float, float] | None:
    """Rate (from above) and distortion of q_EW^(K) of a run; None where it was not read so, or L_K is not known."""
    for readout, of in measured(record.config).items():
        samples = of.readout.get("num_samples")
        found = [one.value for one in record.scores if (one.name, one.readout) == ("distortion", readout)]
        if readout == AMORTISED or samples is None or not found or found[0] is None:
            continue
        bounds = {int(count): value for count, value, _ in read_curves(folder).get("iwae", ())}
        if samples in bounds:
            return -bounds[samples] - found[0], found[0]
    return None
