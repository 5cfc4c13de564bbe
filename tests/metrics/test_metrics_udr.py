"""Unsupervised disentanglement ranking: models that find the same axes agree, whatever their order, sign and scale."""

from __future__ import annotations

import numpy as np
import pytest

from metrics.udr import lasso_weights, one_to_one, udr

N, D = 3000, 5


@pytest.fixture
def axes():
    return np.random.default_rng(0).normal(size=(N, D))


def rates(*codes):
    return [np.ones(part.shape[1]) for part in codes]


def turned(codes, seed):
    return codes @ np.linalg.qr(np.random.default_rng(seed).normal(size=(codes.shape[1],) * 2))[0]


def test_the_same_axes_in_any_order_sign_and_scale_agree(axes):
    codes = [axes, -3 * axes[:, ::-1], 0.01 * axes[:, [2, 0, 4, 1, 3]]]
    found = udr(codes, rates(*codes), np.random.default_rng(0))
    assert found["udr_lasso"].scores == pytest.approx([0.9] * 3, abs=0.02)  # what shrinkage by alpha = 0.1 leaves
    assert found["udr_spearman"].scores == pytest.approx([0.93] * 3, abs=0.05)
    assert (np.diag(found["udr_lasso"].matrix) == 0).all()


def test_rotated_axes_and_noise_agree_less(axes):
    rng = np.random.default_rng(1)
    codes = [axes, axes.copy(), turned(axes, 1), turned(axes, 2), rng.normal(size=(N, D))]
    for name, found in udr(codes, rates(*codes), np.random.default_rng(0)).items():
        same, rotated, noise = found.matrix[0, 1], found.matrix[2, 3], found.matrix[0, 4]
        assert same > rotated + 0.3 > noise + 0.3, name
        assert noise < 0.05


def test_the_median_over_partners_forgives_one_bad_model(axes):
    codes = [axes, axes[:, ::-1], -axes, np.random.default_rng(3).normal(size=(N, D))]
    scores = udr(codes, rates(*codes), np.random.default_rng(0))["udr_spearman"].scores
    assert (scores[:3] > 0.85).all()
    assert scores[3] < 0.1


def test_axes_without_a_rate_do_not_count(axes):
    noise = np.random.default_rng(4).normal(size=(N, 3))
    codes, kl = [np.hstack([axes, noise]), np.hstack([noise[::-1], axes])], [np.ones(8), np.ones(8)]
    kl[0][5:], kl[1][:3] = 0.009, 0.009
    assert udr(codes, kl, np.random.default_rng(0))["udr_lasso"].scores == pytest.approx([0.9, 0.9], abs=0.02)
    kl[1][:] = 0
    assert udr(codes, kl, np.random.default_rng(0))["udr_lasso"].scores.tolist() == [0, 0]


@pytest.mark.parametrize(
    ("similarity", "expected"),
    [
        (np.eye(3), 1),
        (np.zeros((2, 2)), 0),
        (np.ones((2, 2)), 0.5),
        (np.array([[1.0], [1]]), (0.5 + 1 + 1) / 3),
        (np.zeros((0, 2)), 0),
    ],
)
def test_one_to_one_in_closed_form(similarity, expected):
    assert one_to_one(similarity) == pytest.approx(expected)


def test_lasso_weights_are_soft_thresholded_correlations_of_independent_axes(axes):
    white = axes - axes.mean(axis=0)
    white = white @ np.linalg.inv(np.linalg.cholesky(white.T @ white / N)).T
    target = 0.5 * white[:, :1] - 0.05 * white[:, 1:2]
    assert lasso_weights(white, target, 0.1)[:, 0] == pytest.approx([0.4, 0, 0, 0, 0], abs=1e-3)


def test_mistakes_are_refused(axes):
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="at least 2 models with a rate each, got 1 codes"):
        udr([axes], rates(axes), rng)
    with pytest.raises(ValueError, match="same examples"):
        udr([axes, axes[:10]], rates(axes, axes), rng)
    with pytest.raises(ValueError, match="finite"):
        udr([axes, axes * np.nan], rates(axes, axes), rng)


def test_the_same_seed_repeats_and_few_examples_do(axes):
    codes = [axes, turned(axes, 1)]
    first, second = (udr(codes, rates(*codes), np.random.default_rng(5), num_examples=100) for _ in range(2))
    assert all((first[name].matrix == second[name].matrix).all() for name in first)
    few = udr([part[:5] for part in codes], rates(*codes), np.random.default_rng(0))
    assert all(np.isfinite(found.scores).all() for found in few.values())


def test_lasso_weights_are_those_of_scikit_learn(axes):
    from sklearn.linear_model import Lasso

    rng = np.random.default_rng(0)
    mixed = axes @ rng.normal(size=(D, D))
    mixed[:, 0] = 0.0
    mixed /= np.maximum(mixed.std(axis=0), 1e-9)
    target = mixed @ rng.normal(size=(D, 3)) + rng.normal(size=(N, 3))
    expected = Lasso(0.1, fit_intercept=False, tol=1e-8, max_iter=10_000).fit(mixed, target).coef_
    assert lasso_weights(mixed, target, 0.1) == pytest.approx(np.abs(expected.T), abs=1e-4)


def test_units_a_shift_and_one_outlier_change_next_to_nothing(axes):
    far = axes * [1000, 1, 0.001, 1, 1] + 1e6
    far[5, 1] = 1e9
    plain, changed = (udr([axes, part], rates(axes, axes), np.random.default_rng(0)) for part in (-axes, far))
    for name, found in changed.items():
        assert found.scores == pytest.approx(plain[name].scores, abs=0.01), name
