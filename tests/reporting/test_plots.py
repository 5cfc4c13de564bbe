"""Figures: what covers what, legends that say something, and paper that is not left white."""

from functools import partial
from itertools import combinations, pairwise
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from benchmark.reporting.columns import headline_rows
from benchmark.reporting.figures.leaderboard import leaderboard_figure
from benchmark.reporting.figures.options import option_figures
from benchmark.reporting.figures.rate_distortion import rate_distortion_figure
from benchmark.reporting.figures.style import STYLE
from benchmark.reporting.names import spoken
from benchmark.reporting.tables import full_table, ranked_board
from metrics.core import Score
from tests.support.records import realistic, record


def figures(records):
    """Name of a file -> what draws it."""
    table = full_table([(Path(f"run-{i}"), one) for i, one in enumerate(records)])
    both = headline_rows(table), headline_rows(ranked_board(table))
    return {
        "rate_distortion": partial(rate_distortion_figure, *both),
        "leaderboard": partial(leaderboard_figure, *both),
        **option_figures(Path("nowhere"), *both),
    }


def drawn(name, records):
    """A figure with its renderer, drawn once so that everything has its place."""
    with mpl.rc_context(STYLE):
        figure = figures(records)[name]()
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    return figure, canvas


def sweep(betas=(4.0,), models=("mlp",)):
    trained = [realistic("mnist5k", m, "beta_vae", s, {"beta": b}) for m in models for b in betas for s in range(3)]
    return trained + [realistic("mnist5k", m, "elbo", s) for m in models for s in range(3)]


def scattered(seed, spread):
    """Runs all over the panel, so that many are in the way of a label."""
    places = np.random.default_rng(seed).normal([10, 90], spread, (40, 2))
    return [
        record(seed=i, scores=[Score("rate", r, unit="nats"), Score("distortion", d, unit="nats"),
                               Score("iwae_5", 9.0 - r - d, unit="nats", better="higher")])
        for i, (r, d) in enumerate(places)
    ]  # fmt: skip


@pytest.mark.parametrize("spread", [(1, 1), (0.1, 20), (20, 0.1), (5, 20)])
@pytest.mark.parametrize("seed", [0, 1])
def test_labels_of_equal_bounds_cover_nothing(seed, spread):
    figure, canvas = drawn("rate_distortion", scattered(seed, spread))
    ax = figure.axes[0]
    labels = [text for text in ax.texts if text.get_text().startswith("ELBO")]
    boxes = [text.get_window_extent(canvas.get_renderer()) for text in labels]
    assert labels
    assert all(text.get_bbox_patch().get_facecolor() == (1, 1, 1, 1) for text in labels)
    dots = np.concatenate(
        [ax.transData.transform(dots.get_offsets()) for dots in ax.collections if len(dots.get_sizes())]
    )
    for box in boxes:
        assert not any(box.contains(x, y) for x, y in dots)
        assert ax.bbox.x0 <= box.x0 < box.x1 <= ax.bbox.x1
        assert ax.bbox.y0 <= box.y0 < box.y1 <= ax.bbox.y1
    texts = [*boxes, *(text.get_window_extent() for text in ax.texts if text not in labels)]
    assert not any(a.overlaps(b) for i, a in enumerate(texts) for b in texts[:i])


def test_the_shaded_region_says_what_it_is():
    figure, _ = drawn("rate_distortion", sweep())
    [ax] = figure.axes
    assert ax.get_title() == "mnist5k, dynamic binarisation, counting measure"
    assert any(text.get_text().startswith("below the best model found\n(log p(x) bound -1") for text in ax.texts)


def test_a_panel_of_pseudo_nats_never_speaks_of_a_likelihood():
    records = [record(seed=i, scores=one.scores, group="m/none/pseudo-nats/a") for i, one in enumerate(sweep())]
    [ax] = drawn("rate_distortion", records)[0].axes
    assert ax.get_ylabel() == "distortion (pseudo-nats)"
    assert "pseudo-nats: no likelihood of these data" in ax.get_title().replace("\n", " ")
    assert not any("log p(x)" in text.get_text() for text in ax.texts)


def test_a_legend_has_several_entries_or_is_not_there():
    one, several = (drawn("beta", sweep((2.0, 4.0), models))[0] for models in (("mlp",), ("mlp", "conv")))
    assert not one.legends
    assert "(beta-VAE)" in one.get_suptitle()
    assert len(several.legends[0].get_texts()) == 2
    assert several.get_figheight() > one.get_figheight()


@pytest.mark.parametrize("name", ["beta", "leaderboard"])
def test_no_stripe_of_paper_is_left_white(name):
    _, canvas = drawn(name, sweep((2.0, 4.0)))
    inked = np.flatnonzero((np.asarray(canvas.buffer_rgba())[..., :3] < 255).any(axis=(1, 2)))
    empty = max(below - above for above, below in pairwise([0, *inked, canvas.get_width_height()[1]]))
    assert empty / canvas.figure.dpi < 0.35  # inches


@pytest.mark.parametrize("name", ["beta", "leaderboard", "rate_distortion"])
def test_nothing_is_cut_off_and_no_panel_reaches_into_another(name):
    figure, canvas = drawn(name, sweep((2.0, 4.0), ("mlp", "conv", "mlp_higgins_small")))
    paper, boxes = figure.bbox, [ax.get_tightbbox(canvas.get_renderer()) for ax in figure.axes]
    words = [*figure.texts, *figure.legends]
    for box in [*boxes, *(one.get_window_extent(canvas.get_renderer()) for one in words)]:
        assert 0 <= box.x0 < box.x1 <= paper.x1
        assert 0 <= box.y0 < box.y1 <= paper.y1
    assert not any(
        one.overlaps(other) for one, other in combinations([*boxes, *(t.get_window_extent() for t in words)], 2)
    )


def titles(figure):
    return [ax.get_title().replace("\n", ", ") for ax in figure.axes]


def test_a_score_that_no_run_with_a_beta_has_gets_no_facet():
    probe = Score("linear_probe_accuracy", 0.8, 0.01, "accuracy", "higher", "mean", num_labels=100)
    iwae = record(objective="iwae", scores=[*realistic("mnist5k", "mlp", "iwae", 0).scores[:3], probe])
    betas = [("elbo", {}), ("beta_vae", {"beta": 2.0}), ("beta_vae", {"beta": 4.0})]
    records = [record(objective=o, options=b, scores=realistic("mnist5k", "mlp", o, 0, b).scores[:3]) for o, b in betas]
    assert titles(drawn("beta", [*records, iwae])[0]) == ["rate", "distortion ↓", "ELBO ↑"]
    records[0] = record(scores=[*records[0].scores, probe])  # at one beta only
    assert titles(drawn("beta", [*records, iwae])[0]) == ["rate", "distortion ↓", "ELBO ↑"]


def test_without_two_betas_of_one_score_there_is_no_figure():
    rate, elbo = Score("rate", 1.0, unit="nats"), Score("elbo", -9.0, unit="nats", better="higher")
    runs = [record(objective=o, scores=[of]) for o, of in (("elbo", rate), ("beta_vae", elbo))]
    assert figures(runs)["beta"]() is None


def test_a_score_of_hidden_configurations_alone_gets_no_facet():
    elbo = [Score("elbo", -float(place), unit="nats", better="higher") for place in range(20)]
    runs = [record(objective="beta_vae", options={"beta": 1.0 + i}, scores=[one]) for i, one in enumerate(elbo)]
    runs[-1] = record(objective="beta_vae", options={"beta": 50.0}, scores=[elbo[-1], Score("rate", 1.0, unit="nats")])
    assert titles(drawn("leaderboard", runs)[0]) == ["ELBO ↑"]


def test_a_reference_without_a_density_leaves_no_gap_among_the_bounds():
    runs = [*sweep(), *(realistic("mnist5k", model, "none", 0) for model in ("pca", "noise"))]
    figure, _ = drawn("leaderboard", runs)
    named = {ax.get_title().split("\n")[0]: [t.get_text() for t in ax.get_yticklabels()] for ax in figure.axes}
    assert named["rate"] == ["ELBO", "beta-VAE beta=4"]
    assert any({"PCA", "noise"} <= set(names) for names in named.values())


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("beta_vae beta=4, latent_dim=10", "beta-VAE beta=4, D=10"),
        ("dip_vae_ii", "DIP-VAE-II"),
        ("factor_vae gamma=5", "FactorVAE gamma=5"),
        ("untrained mlp_higgins", "untrained MLP higgins"),
        ("rotated_truth", "rotated truth"),
        ("iwae", "IWAE"),
    ],
)
def test_figures_call_configurations_as_people_do(label, words):
    assert spoken(label) == words


def test_many_configurations_and_long_names_fit_on_a_page():
    """Agg draws at most 2^16 pixels; a dollar in an option is no formula."""
    scores = realistic("mnist5k", "mlp", "elbo", 0).scores[:4]
    options = [{"beta": 1.0 + i, "kind": "$x" * (1 if i > 1 else 5000)} for i in range(90)]
    runs = [record(objective="beta_vae", options=one, scores=scores) for one in options]
    for name, last in (("rate_distortion", "… and 10 more"), ("beta", "beta-VAE kind=$x"), ("leaderboard", None)):
        figure, canvas = drawn(name, runs)
        assert max(canvas.get_width_height()) < 4000
        ends = [legend.get_texts()[-1].get_text() for legend in figure.legends]
        assert [end[: len(last)] for end in ends] == [last] if last else not ends
