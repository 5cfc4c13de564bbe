"""Two settings that a claim holds to be alike: their means side by side, and pictures where runs have left some."""

from __future__ import annotations

import numpy as np
from matplotlib.image import imsave

from benchmark.reporting.analyses.pairs import pairs
from benchmark.reporting.study import Study
from metrics.core import Score
from tests.support.records import CLAIM, record, runs

WITHIN = {**CLAIM, "relation": "within", "metric": "elbo", "margin": 1.0}


def study(tmp_path, claims=(WITHIN,)):
    scored = {"beta_vae": [8.0, 10.0], "elbo": [0.0, 0.2]}
    records = [
        record(objective=name, seed=seed, scores=[Score("rate", rate, 0.1, "nats"), Score("elbo", -90.0, 0.1, "nats")])
        for name, rates in scored.items() for seed, rate in enumerate(rates)
    ]  # fmt: skip
    found = [(tmp_path / "runs" / folder.name, one) for folder, one in runs(*records)]
    return Study(tmp_path, found, {"claims": list(claims)})


def test_sides_are_means_over_seeds(tmp_path):
    table = pairs(study(tmp_path)).tables["pairs"]
    assert table["rate"].tolist() == [9.0, 0.1]
    assert table["elbo"].tolist() == [-90.0, -90.0]
    assert table["n"].tolist() == [2, 2]


def test_other_claims_have_no_pairs(tmp_path):
    assert pairs(study(tmp_path, [CLAIM])).tables["pairs"].empty
    assert pairs(study(tmp_path, [{"text": "broken"}])).tables["pairs"].empty


def test_pictures_stand_beside_each_other(tmp_path):
    of = study(tmp_path)
    assert pairs(of).figures["pairs"]() is None
    for folder, _ in of.records:
        folder.mkdir(parents=True)
        image = np.ones((60, 200, 3))
        image[20:55, 5:195] = 0.0
        imsave(folder / "prior_samples.png", image)
    figure = pairs(of).figures["pairs"]()
    assert figure is not None
    assert [ax.images[0].get_array().shape[:2] for ax in figure.axes] == [(35, 190), (35, 190)]
