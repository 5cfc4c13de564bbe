"""What scores may assume of q(z|x) and p(z) is said by the codes: where it is not, there is no number but a reason."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.distributions import MultivariateNormal

from benchmark.measure.encode import encoded
from benchmark.store.codes import assumed, of_a_run, read_test_codes, save_codes
from metrics.arrays import are_drawn, from_arrays
from metrics.core import Codes, Representation
from models.distributions import is_diagonal_normal, is_standard_normal
from models.noise import Stream
from models.priors import StandardNormal
from models.readouts import amortised
from tests.support.metric_cases import METRICS, representation

RHO, N = 0.99, 2000


def correlated(rng: np.random.Generator) -> MultivariateNormal:
    """Posteriors (N,) of two axes with correlation RHO, whose aggregate would be told wrongly axis by axis."""
    cov = 0.1 * torch.tensor([[1.0, RHO], [RHO, 1.0]])
    mean = torch.from_numpy(rng.normal(size=(N, 2))).float()
    return MultivariateNormal(mean, cov.expand(N, 2, 2))


def of_correlated(seed: int) -> Codes:
    """What is encoded of them."""
    posterior = correlated(np.random.default_rng(seed))
    part = encoded([amortised(None, None, posterior, Stream.seeded(seed))])
    factors = np.column_stack([np.arange(N) % 3, np.arange(N) % 5]).astype(float)
    return Codes(part.views, part.stddev, part.density, factors, ("a", "b"), ("discrete",) * 2)


def test_posteriors_with_correlated_axes_are_not_scored_as_if_they_had_none():
    data = Representation(of_correlated(0), of_correlated(1), "standard_normal")
    assert data.test.density is None
    for selector in ("information", "mig"):
        for score in METRICS[selector](data, np.random.default_rng(0)):
            if score.unit == "nats" or score.name == "mig_density":
                assert score.value is None
                assert "diagonal Gaussian" in score.reason
    units = METRICS["information"](data, np.random.default_rng(0))[0]
    assert (units.name, units.value) == ("active_units", 2.0)


@pytest.mark.parametrize("prior", [None, "standard_normal"])
def test_what_is_held_against_a_prior_needs_one(prior):
    data = representation(n=200)
    found = METRICS["information"](Representation(data.train, data.test, prior), np.random.default_rng(0))
    null = {score.name.removesuffix("_upper") for score in found if score.value is None}
    assert null == (set() if prior else {"active_units", "dimensionwise_kl", "marginal_kl"})
    assert all("standard normal" in score.reason for score in found if score.value is None)


def test_a_model_says_what_its_distributions_are():
    prior = StandardNormal(2)
    assert is_standard_normal(prior())
    assert is_diagonal_normal(prior())
    assert not is_diagonal_normal(correlated(np.random.default_rng(0)))
    prior.scale = 2 * prior.scale
    assert not is_standard_normal(prior())
    assert is_diagonal_normal(prior())
    assert not is_standard_normal(MultivariateNormal(torch.zeros(2), torch.eye(2)))


def test_codes_come_back_from_a_file_with_what_is_known_of_them(tmp_path):
    for data in (
        Representation(of_correlated(0), of_correlated(1), "standard_normal"),
        representation(n=40),
        Representation(Codes.points(np.eye(5)), Codes.points(np.eye(5))),
    ):
        save_codes(tmp_path, data)
        with np.load(tmp_path / "codes.npz", allow_pickle=False) as file:
            again = of_a_run(dict(file))
        assert (again.views, again.prior) == (data.views, data.prior)
        assert (again.test.density, again.test.no_density) == (data.test.density, data.test.no_density)
        mean, stddev, known = read_test_codes(tmp_path / "codes.npz")
        np.testing.assert_allclose(mean, data.test.mean, rtol=1e-6)
        assert (stddev is None) == (data.test.stddev is None)
        assert known == (data.test.density, data.prior)


def test_files_of_before_had_diagonal_posteriors_and_a_standard_prior():
    ones = np.ones((3, 2))
    assert assumed({"test_mean": ones, "test_stddev": ones}) == ("diagonal", "standard_normal")
    assert assumed({"test_mean": ones, "test_stddev": 0 * ones}) == (None, None)


def test_samples_that_no_diagonal_gaussian_gives_are_seen():
    rng = np.random.default_rng(0)
    mean, stddev = rng.normal(size=(N, 3)), np.exp(rng.normal(size=(N, 3)))
    noise = rng.normal(size=(N, 3))
    assert are_drawn(mean + stddev * noise, mean, stddev)
    assert not are_drawn(mean + stddev * noise, mean, stddev**2)  # variances in the place of deviations
    assert not are_drawn(mean + stddev * noise[:, [0, 0, 1]], mean, stddev)
    arrays = {"codes": mean, "factors": np.arange(N)[:, None] % 4, "stddev": stddev}
    assert from_arrays({**arrays, "sample": mean + stddev * noise}, 0).test.density == "diagonal"
    turned = from_arrays({**arrays, "sample": mean + stddev * noise[:, [0, 0, 1]]}, 0)
    assert turned.test.density is None


def test_units_of_means_that_vary_by_chance_are_not_counted():
    codes = representation(n=40)
    data = Representation(*(replace(part, estimated=True) for part in (codes.train, codes.test)), "standard_normal")
    [units] = [one for one in METRICS["information"](data, np.random.default_rng(0)) if one.name == "active_units"]
    assert units.value is None
    assert "vary by their chance" in units.reason
