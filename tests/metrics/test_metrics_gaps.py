"""Kernels on matrices (codes x factors) against closed forms: modularity, gaps, shares, areas; dependence of axes."""

from __future__ import annotations

import numpy as np
import pytest

from metrics.core import Codes, Representation
from metrics.dci_es import area_score
from metrics.factor_vae_score import still_axis
from metrics.infomec import even_share, infomec
from metrics.information_gaps import exclusive_information, joint_minus_gap, supervised_gap
from metrics.irs import irs_matrix
from metrics.mig import gaps, mig_hist, mig_quantile
from metrics.modularity import modular_share, ranking_quality
from metrics.mutual_information import mutual_information_hist
from metrics.nearest_neighbours import mutual_information_nearest
from metrics.own_axes import own_axes, owned
from metrics.sap import explained_share
from metrics.unsupervised import gaussian_total_correlation, pairwise_mutual_information, wasserstein_correlation

EYE, CLASSES = np.eye(5), np.zeros((4, 1), dtype=int)


@pytest.mark.parametrize(
    ("information", "expected"),
    [
        (np.diag([3.0, 1, 2]), 1),
        (np.array([[1.0, 0], [0, 1], [0, 0]]), 2 / 3),
        (np.zeros((5, 5)), 0),
        (np.ones((4, 3)), 0),
        (np.vstack([5 * EYE, 5 * EYE]), 1),
        (5 * EYE[:2], 1),
        (np.hstack([5 * EYE, 5 * EYE]), 8 / 9),
        (np.array([[1.0], [0]]), 0.5),
    ],
)
def test_modularity_in_closed_form(information, expected):
    assert modular_share(information) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        (np.eye(3), [True, True, True]),
        (0.1 * np.eye(3), [True, True, True]),
        (0.099 * np.eye(3), [False, False, False]),
        (np.vstack([np.eye(3), np.eye(3)]), [True, True, True]),  # another axis that knows the same is another matter
        (np.array([[0.4, 0.2, 0.0], [0.1, 0.3, 0.0]]), [True, True, False]),
        (np.array([[0.4, 0.21, 0.0], [0.1, 0.2, 0.0]]), [False, False, False]),  # the first axis is of two factors
        (np.array([[0.8], [0.9]]), [True]),
        (np.ones((4, 3)), [False, False, False]),
        (np.zeros((4, 3)), [False, False, False]),
    ],
)
def test_factors_that_have_an_axis_of_their_own(shares, expected):
    assert owned(shares).tolist() == expected


def test_two_factors_held_and_five_held_in_part_are_told_apart():
    """Whose MIG is the same."""
    two, five = np.eye(5) * [1, 1, 0, 0, 0], 0.4 * np.eye(5)
    assert gaps(two, np.ones(5)).mean() == pytest.approx(gaps(five, np.ones(5)).mean())
    assert (owned(two).sum(), owned(five).sum()) == (2, 5)


@pytest.mark.parametrize(("n", "sizes"), [(300, (3, 32)), (500, (3, 32)), (1000, (3, 100)), (1000, (3, 6, 40))])
def test_no_factor_has_an_axis_of_noise_however_few_the_examples(n, sizes):
    """What histograms seem to know is taken off: without that noise would have one in most of these."""
    found = []
    for seed in range(5):
        rng = np.random.default_rng(seed)
        factors = np.column_stack([rng.integers(0, size, n) for size in sizes])
        codes = Codes.points(rng.normal(size=(n, 10)), factors, tuple("abc"[: len(sizes)]), ("discrete",) * len(sizes))
        found.append(next(s for s in own_axes(Representation(codes, codes), rng) if s.factor is None).value)
    assert found == [0.0] * 5


@pytest.mark.parametrize(("true", "expected"), [(0, 0.68), (5, 0.84)])
def test_modularity_of_noise_is_far_from_zero(true, expected):
    rng = np.random.default_rng(0)
    factors = np.column_stack([rng.integers(0, size, 10000) for size in (3, 6, 40, 32, 32)])
    codes = np.hstack([factors[:, :true], rng.normal(size=(10000, 5))])
    information = mutual_information_hist(codes, factors)
    assert modular_share(information) == pytest.approx(expected, abs=0.05)
    assert information[true:].max() < 0.05


def test_gaps_seen_from_codes_and_from_factors_differ():
    merged = np.array([[1.0, 1], [0, 0]])  # one axis knows both factors
    doubled = np.array([[1.0, 0], [1, 0], [0, 1]])  # two axes know one factor
    entropy = np.ones(2)
    assert [supervised_gap(matrix, entropy) for matrix in (np.eye(2), merged[:1], doubled)] == [1, 0, 1]
    assert [exclusive_information(matrix, entropy) for matrix in (np.eye(2), merged, doubled)] == [1, 0, 1]
    assert exclusive_information(np.array([[1.0, 0.25], [0.5, 0]]), entropy) == pytest.approx(0.75 / 2)
    assert supervised_gap(np.array([[0.5]]), np.array([2.0])) == 0.25


def test_joint_entropy_minus_gap_counts_what_an_axis_holds_besides():
    entropy = np.array([1.0, 1.0])
    assert joint_minus_gap(np.eye(2), entropy, entropy).tolist() == [0, 0]
    assert joint_minus_gap(np.eye(2), np.array([1.5, 1]), entropy).tolist() == [0.5, 0]
    assert joint_minus_gap(np.ones((2, 1)), entropy, entropy[:1]).tolist() == [1]  # duplicated
    assert joint_minus_gap(np.zeros((1, 2)), np.zeros(1), entropy).tolist() == [1, 1]


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        (np.eye(3), 1),
        (np.ones((2, 3)), 0),
        (np.array([[1.0, 1, 0, 0]]), 1 / 3),
        (np.array([[1.0, 0], [0, 0]]), 0.5),
        (np.array([[2.0], [0]]), 0.5),
        (np.zeros((0, 3)), 0),
    ],
)
def test_share_of_the_greatest_in_closed_form(matrix, expected):
    assert even_share(matrix) == pytest.approx(expected)


def test_areas_under_the_curve_of_losses():
    capacity = np.array([0.0, 1, 2, 3, 4])
    assert area_score(np.zeros(5), capacity) == 1
    assert area_score(np.ones(5), capacity) == 1  # noise: no capacity helps
    assert area_score(np.linspace(1, 0, 5), capacity) == pytest.approx(0)
    assert area_score(np.array([1.0, 1, 1, 1, 0]), capacity) == pytest.approx(1 - 2 * 3.5 / 4)
    assert area_score(np.array([0.5, 7, 0, 3, 9]), capacity) == pytest.approx(1 - 2 * 0.75 / 4)


def test_nearest_neighbours_agree_with_scikit_learn_and_with_the_plug_in_on_ties():
    from sklearn.feature_selection import mutual_info_classif

    rng = np.random.default_rng(0)
    classes = rng.integers(0, 6, 1500)
    codes = np.column_stack([classes + 0.4 * rng.normal(size=1500), rng.normal(size=1500)])
    expected = mutual_info_classif(codes, classes, n_neighbors=10, random_state=0)
    found = mutual_information_nearest(codes, classes[:, None])
    assert found[:, 0] == pytest.approx(expected, abs=2e-3)
    for scale in (1e-3, -1.0, 1e3):
        assert mutual_information_nearest(codes * scale, classes[:, None]) == pytest.approx(found, abs=1e-9)
    share = np.bincount(classes) / 1500
    assert mutual_information_nearest(classes[:, None].astype(float), classes[:, None])[0, 0] == pytest.approx(
        -(share * np.log(share)).sum(), abs=2e-3
    )
    assert mutual_information_nearest(np.ones((1500, 1)), classes[:, None])[0, 0] < 2e-3
    assert mutual_information_nearest(np.arange(3.0)[:, None], np.arange(3)[:, None]) == 0


def test_areas_under_roc_equal_scikit_learn():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    true, scores = rng.integers(0, 4, 300), np.round(rng.normal(size=(300, 4)), 1)
    scores[np.arange(300), true] += 0.5
    expected = [roc_auc_score(true == value, scores[:, value]) for value in range(4)]
    assert ranking_quality(scores, true) == pytest.approx(np.mean(expected))
    assert ranking_quality(scores, np.zeros(300, dtype=int)) == 0.5


def test_quantile_bins_keep_what_one_outlier_takes_from_equal_width():
    factors = np.random.default_rng(0).integers(0, 10, (10000, 2))
    codes = factors.astype(float)
    codes[0, 0] = 1e4
    assert mig_hist(codes, factors) == pytest.approx(0.5, abs=0.01)
    assert mig_quantile(codes, factors) == pytest.approx(1, abs=0.01)


def test_explicitness_of_noise_does_not_gain_from_its_own_examples():
    from tests.support.metric_cases import representation

    scores = infomec(representation("noise", n=300), np.random.default_rng(0))
    assert next(score.value for score in scores if score.name == "info_explicitness" and not score.factor) < 0.01


def test_gaussian_dependence_in_closed_form():
    rng = np.random.default_rng(0)
    codes = rng.normal(size=(2000, 2))
    codes -= codes.mean(axis=0)
    white = codes @ np.linalg.inv(np.linalg.cholesky(codes.T @ codes / 2000)).T
    mixed = white @ np.linalg.cholesky(np.array([[1, 0.9], [0.9, 1]])).T
    assert gaussian_total_correlation(white) == pytest.approx(0, abs=1e-9)
    assert gaussian_total_correlation(mixed * [1e-3, 1e3]) == pytest.approx(-0.5 * np.log(1 - 0.81))
    assert wasserstein_correlation(white) == pytest.approx(0, abs=1e-9)
    assert wasserstein_correlation(7 * mixed) == pytest.approx(2 - np.sqrt(1.9) - np.sqrt(0.1))


@pytest.mark.parametrize("times", [2, 10])
def test_repeated_and_constant_axes_give_finite_dependence(times):
    axis = np.random.default_rng(0).normal(size=(500, 1))
    same = np.tile(axis, times)
    assert gaussian_total_correlation(same) == pytest.approx(
        -0.5 * (np.log(times) + (times - 1) * np.log(1e-6)), abs=1e-6
    )
    assert wasserstein_correlation(same) == pytest.approx(2 * (1 - 1 / np.sqrt(times)), abs=1e-6)
    constant = np.hstack([axis, np.full((500, times), 0.1)])
    assert [gaussian_total_correlation(constant), wasserstein_correlation(constant)] == pytest.approx([0, 0], abs=1e-12)
    assert pairwise_mutual_information(constant) == pairwise_mutual_information(axis) == 0
    two_values = np.tile(np.arange(500)[:, None] % 2, times).astype(float)
    assert pairwise_mutual_information(two_values) == pytest.approx(np.log(2))


@pytest.mark.parametrize(
    "kernel",
    [
        modular_share,
        gaussian_total_correlation,
        wasserstein_correlation,
        pairwise_mutual_information,
        lambda bad: mig_quantile(bad, CLASSES),
        lambda bad: mutual_information_nearest(bad, CLASSES),
        lambda bad: irs_matrix(bad, CLASSES),
        lambda bad: explained_share(bad, bad),
        lambda bad: still_axis(bad, CLASSES, np.ones(2, dtype=bool)),
        lambda bad: area_score(bad[0], np.arange(2.0)),
    ],
)
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_kernels_refuse_what_is_not_finite(kernel, value):
    with pytest.raises(ValueError, match="finite"):
        kernel(np.full((4, 2), value))
