"""Claims without two sides: known curves over beta, and known causes of a score's variance."""

from pathlib import Path

import numpy as np
import pytest

from benchmark.reporting.checking import check
from benchmark.reporting.claims import check_planned, parse_claims
from metrics.core import Score
from tests.support.records import CLAIM, asked_of, record

BETAS = (0.5, 1.0, 2.0, 4.0, 8.0)


def over_beta(curve, seeds=5, betas=BETAS, units=6.0, noise=0.01):
    """Runs of beta-VAEs, the ELBO standing for beta = 1, with a MIG for each beta; the last beta has `units` active."""
    rng, found = np.random.default_rng(0), []
    for seed in range(seeds):
        for beta, value in zip(betas, curve, strict=True):
            made = {"objective": "elbo"} if beta == 1 else {"objective": "beta_vae", "options": {"beta": beta}}
            alive = Score("active_units", units if beta == betas[-1] else 9.0, unit="units", representation="mean")
            scores = [Score("mig_hist", value + noise * rng.standard_normal(), unit="score"), alive]
            found.append((Path(f"beta-{beta:g}-{seed}"), record(seed=seed, scores=scores, **made)))
    return found


U = {"text": "MIG is an inverted U", "metric": "mig_hist", "relation": "inverted_u"}


def verdict(records, **changes):
    return check(records, parse_claims([{**U, **changes}]))[0]


def test_an_inverted_u_rises_above_both_ends():
    records = over_beta([0.1, 0.1, 0.2, 0.4, 0.25], noise=0.002)
    found = verdict(records)
    assert (found.verdict, found.n, found.sample) == ("held", 4, "n = 4 seeds; beta* was chosen on seed 0")
    assert "beta* = 4 over beta = " in found.quantity
    assert {round(found.difference, 2), round(float(found.note.split()[4]), 2)} == {0.15, 0.3}
    assert verdict(records, margin=0.1).verdict == "held"
    assert verdict(records, margin=0.2).verdict == "contradicted"


def test_an_inverted_u_starts_where_the_claim_says():
    """At a quarter of the pixels beta = 0.25 presses like beta = 1."""
    records = over_beta([0.1, 0.1, 0.2, 0.4, 0.25], noise=0.002)
    assert verdict(records, from_beta=2.0).quantity.startswith("beta* = 4 over beta = ")
    assert "beta = 2" in verdict(records, from_beta=2.0).evidence
    assert verdict(records, from_beta=0.75).note.startswith("it needs beta = 0.75 and two greater ones; there are 1,")
    for wrong, why in ((0, "it must be a number above 0"), (True, "it must be a number above 0")):
        with pytest.raises(ValueError, match=why):
            parse_claims([{**U, "from_beta": wrong}])
    with pytest.raises(ValueError, match="'from_beta', which does not go with relation 'less'"):
        parse_claims([{"text": "a", "metric": "b", "relation": "less", "left": {}, "right": {}, "from_beta": 2}])


def test_ten_seeds_choose_with_two():
    found = verdict(over_beta([0.1, 0.1, 0.2, 0.4, 0.2], seeds=10))
    assert found.sample == "n = 8 seeds; beta* was chosen on seeds 0, 1"


@pytest.mark.parametrize(
    ("curve", "expected", "why"),
    [
        ([0.0, 0.1, 0.2, 0.3, 0.4], "contradicted", "over beta = 8: difference -0.099"),
        ([0.4, 0.3, 0.2, 0.1, 0.0], "contradicted", "over beta = 1: difference -0."),
        ([0.2, 0.2, 0.2, 0.2, -0.5], "undecided", "over beta = 1: difference"),  # flat, then worse
        ([0.0, 0.1, 0.3, 0.35, 0.35], "undecided", "over beta = 8: difference"),  # saturated
    ],
)
def test_what_is_no_inverted_u(curve, expected, why):
    found = verdict(over_beta(curve))
    assert found.verdict == expected
    assert why in found.evidence


def test_a_collapse_is_no_decline():
    peak = [0.1, 0.1, 0.2, 0.4, 0.0]
    assert verdict(over_beta(peak, units=2.0)).verdict == "held"
    found = verdict(over_beta(peak, units=1.4))
    assert (found.verdict, found.note.split(":")[0]) == ("unchecked", "beta = 8 has collapsed (1.4 active units)")
    assert verdict(over_beta([0.4, 0.3, 0.2, 0.1, 0.0], units=0.0)).verdict == "contradicted"
    unmeasured = [(folder, record(seed=one.config["seed"], objective=one.choices["objective"], scores=one.scores[:1],
                                  options=one.config["objective"])) for folder, one in over_beta(peak)]  # fmt: skip
    assert "is not known: it needs metrics=[information]" in verdict(unmeasured).note


@pytest.mark.parametrize(
    ("runs", "why"),
    [
        (over_beta([0.1, 0.2], betas=(1.0, 4.0)), "it needs beta = 1 and two greater ones; there are 1, 4"),
        (over_beta([0.1, 0.2, 0.3], betas=(2.0, 4.0, 8.0)), "there are 2, 4, 8"),
        (over_beta([0.1, 0.1, 0.2, 0.4, 0.2], seeds=2), "every beta has 2 seeds; one chooses beta*"),
    ],
)
def test_what_cannot_be_an_inverted_u(runs, why):
    found = verdict(runs)
    assert found.verdict == "unchecked"
    assert why in found.note


def test_a_beta_of_several_configurations_is_refused():
    wide = [(Path(f"wide-{folder.name}"), record(seed=one.config["seed"], objective=one.choices["objective"],
                                                 scores=one.scores, options=one.config["objective"],
                                                 config={"model": {"_target_": "models.mlp", "latent_dim": 32}}))
            for folder, one in over_beta([0.1, 0.1, 0.2, 0.4, 0.2])]  # fmt: skip
    records = [*over_beta([0.1, 0.1, 0.2, 0.4, 0.2]), *wide]
    why = "beta = 0.5 is 2 configurations, not one (model.latent_dim=10; model.latent_dim=32)"
    assert verdict(records).note.startswith(why)
    with pytest.raises(ValueError, match=r"beta = 0\.5 is 2 configurations"):
        check_planned(parse_claims([U]), asked_of(records))
    assert verdict(records, runs={"model.latent_dim": 10}).verdict == "held"


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


def scattered(
    of_method, of_strength, of_seed, seeds=10, strengths=(1.0, 2.0, 4.0), methods=("dip_vae_i", "beta_tcvae")
):
    """Runs of two methods whose score is a sum of three known effects."""
    noise, found = np.random.default_rng(0), []
    for sign, objective in zip((-1, 1), methods, strict=True):
        for place, beta in enumerate(strengths):
            for seed in range(seeds):
                value = of_method * sign + of_strength * (place - 1) + of_seed * noise.normal()
                made = record(objective=objective, options={"beta": beta}, seed=seed,
                              scores=[Score("mig_hist", value, unit="score")])  # fmt: skip
                found.append((Path(f"{objective}-{beta:g}-{seed}"), made))
    return found


def share(records, relation="seed_over_method"):
    return check(records, parse_claims([{"text": "what counts", "metric": "mig_hist", "relation": relation}]))[0]


@pytest.mark.parametrize(
    ("relation", "effects", "expected", "words"),
    [
        ("configuration_over_seed", (0.0, 1.0, 0.1), "held", "the seed's share of the variance 0.0"),
        ("configuration_over_seed", (0.0, 0.1, 1.0, 20), "contradicted", "the whole interval is above 0.5"),
        ("configuration_over_seed", (0.0, 1.0, 0.85), "undecided", "the interval includes 0.5"),
        ("seed_over_method", (0.0, 0.1, 1.0), "held", "share of the method minus that of the seed -"),
        ("seed_over_method", (1.0, 0.1, 0.1), "contradicted", "the whole interval is above 0"),
    ],
)
def test_what_explains_the_variance(relation, effects, expected, words):
    found = share(scattered(*effects), relation)
    assert found.verdict == expected
    assert words in found.line()
    assert found.n == 6 * (effects[3] if len(effects) > 3 else 10)
    assert f"n = {found.n} runs of 6 configurations of 2 methods" in found.sample


def test_shares_of_variance_need_seeds_and_configurations():
    for runs in (scattered(1, 1, 1, seeds=1), scattered(1, 1, 1, strengths=(1.0,))[:10]):
        assert "shares of variance need two configurations of two seeds each" in share(runs).note
    few = share(scattered(0.0, 0.1, 1.0, seeds=9))
    assert (few.verdict, few.note) == (
        "unchecked",
        "9 seeds of a configuration are planned, and shares of variance need 10",
    )
    assert few.difference is not None


def test_the_elbo_is_the_beta_vae_at_one_and_no_method_of_its_own():
    made = scattered(1.0, 0.1, 0.1, methods=("elbo", "beta_vae"), strengths=(1.0, 2.0))
    found = share(made)
    assert found.note == "all runs are of one method (the ELBO is the beta = 1 of a beta-VAE)"
    assert "of one method" in share(made, "configuration_over_seed").sample
    assert "of 2 methods" in share(scattered(1.0, 0.1, 0.1, methods=("elbo", "iwae"), strengths=(1.0, 2.0))).sample


def test_configurations_that_have_collapsed_explain_nothing():
    alive = Score("active_units", 7.0, unit="units", representation="mean")
    made = [(folder, record(seed=one.config["seed"], objective=one.choices["objective"], scores=[*one.scores, alive],
                            options=one.config["objective"])) for folder, one in scattered(0.0, 0.0, 1.0)]  # fmt: skip
    dead = [Score("mig_hist", -99.0, unit="score"), Score("active_units", 0.0, unit="units", representation="mean")]
    collapsed = [(Path(f"dead-{s}"), record(objective="beta_vae", options={"beta": 32.0}, seed=s, scores=dead))
                 for s in range(10)]  # fmt: skip
    with_them, without = share([*made, *collapsed]), share(made)
    assert (with_them.difference, with_them.verdict) == (without.difference, "held")
    assert with_them.note == "left out as collapsed: objective=beta_vae, objective.beta=32.0"
