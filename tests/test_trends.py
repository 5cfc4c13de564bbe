"""Claims without two sides: known curves over beta, and known causes of a score's variance."""

import numpy as np
import pytest
from bench_report import record
from test_report import CLAIM

from benchmark.claims import check, parse_claims
from metrics.core import Score


def curved(bend, seeds=3, betas=(0.5, 1.0, 2.0, 4.0, 8.0), peak=2.0):
    """Runs whose score is a parabola in log2(beta), the ELBO standing for beta = 1."""
    found = []
    for seed in range(seeds):
        for beta in betas:
            score = 0.5 + (bend + 0.001 * seed) * (np.log2(beta) - np.log2(peak)) ** 2
            made = {"objective": "elbo"} if beta == 1 else {"objective": "beta_vae", "options": {"beta": beta}}
            found.append((None, record(seed=seed, scores=[Score("mig_hist", score, unit="score")], **made)))
    return found


U = {"text": "MIG is an inverted U", "metric": "mig_hist", "relation": "inverted_u"}


def test_an_inverted_u_is_its_quadratic_term():
    [found] = check(curved(-0.02), parse_claims([U]))
    assert found.held
    assert found.n == 3
    assert found.difference == pytest.approx(-0.019)
    assert "curvature over log2(beta) -0.019" in found.line()
    assert "greatest at beta = 2 of 0.5 to 8" in found.line()


@pytest.mark.parametrize(
    ("runs", "why"),
    [
        (curved(0.02), "no maximum of 0.5 to 8; the whole interval is above 0"),
        (curved(-0.02, peak=64.0), "greatest at beta = 64 of 0.5 to 8; not between the betas tried"),
        (curved(-0.02, betas=(1.0, 4.0)), "cannot be checked: n=3, a curve needs three values of beta, there are 2"),
        (curved(-0.02, seeds=1), "cannot be checked: n=1, an interval needs two seeds"),
    ],
)
def test_what_is_no_inverted_u(runs, why):
    [found] = check(runs, parse_claims([U]))
    assert not found.held
    assert why in found.line()


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        ({**U, "left": {"objective": "elbo"}}, "'left', which does not go with relation 'inverted_u'"),
        ({**CLAIM, "runs": {"objective": "elbo"}}, "'runs', which does not go with relation 'less'"),
        ({**U, "runs": {"objectiv": "elbo"}}, "selects runs by 'objectiv'"),
    ],
)
def test_sides_belong_to_comparisons_and_runs_to_trends(claim, why):
    with pytest.raises(ValueError, match=why):
        parse_claims([claim])


def scattered(of_method, of_strength, of_seed, seeds=6, strengths=(1.0, 2.0, 4.0)):
    """Runs of two methods whose score is a sum of three known effects."""
    noise, found = np.random.default_rng(0), []
    for sign, objective in ((-1, "beta_vae"), (1, "beta_tcvae")):
        for place, beta in enumerate(strengths):
            for seed in range(seeds):
                value = of_method * sign + of_strength * (place - 1) + of_seed * noise.normal()
                scores = [Score("mig_hist", value, unit="score")]
                found.append((None, record(objective=objective, options={"beta": beta}, seed=seed, scores=scores)))
    return found


@pytest.mark.parametrize(
    ("relation", "effects", "held", "words"),
    [
        ("configuration_over_seed", (0.0, 1.0, 0.1), True, "the seed's share of the variance 0.0"),
        ("configuration_over_seed", (0.0, 0.1, 1.0), False, "the whole interval is above 0.5"),
        ("seed_over_method", (0.0, 0.1, 1.0), True, "share of the method minus that of the seed -0."),
        ("seed_over_method", (1.0, 0.1, 0.1), False, "the whole interval is above 0"),
    ],
)
def test_what_explains_the_variance(relation, effects, held, words):
    claim = {"text": "what counts", "metric": "mig_hist", "relation": relation}
    [found] = check(scattered(*effects), parse_claims([claim]))
    assert found.held == held
    assert words in found.line()
    assert found.n == 36


def test_shares_of_variance_need_seeds_and_configurations():
    for runs in (scattered(1, 1, 1, seeds=1), scattered(1, 1, 1, strengths=(1.0,))[:6]):
        [found] = check(runs, parse_claims([{"text": "t", "metric": "mig_hist", "relation": "seed_over_method"}]))
        assert not found.held
        assert "cannot be checked" in found.line()
