"""ELBO surgery: parts that sum to the rate for every head, and known answers of information, gaps and divergences."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.config.compose import compose
from benchmark.datasets import Dataset
from benchmark.measure import densities
from benchmark.measure import surgery as module
from benchmark.measure.densities import TrainedModel, rate_distortion
from benchmark.measure.encode import encode
from benchmark.measure.surgery import surgery
from benchmark.training.setup import build_model
from models.distributions import Delta, FullGaussian, GaussianMixture, diagonal_normal
from models.likelihoods import Bernoulli
from models.mixtures import EXP
from models.noise import Stream
from models.vae import VAE, Decoder
from tests.support.choices import names_in

SURE = 4.5  # standard errors


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(densities, "RATE_WORK", 2**18)


def dataset(shape, exact=None):
    """Black and white images, of which no more is asked."""
    return Dataset("given", np.zeros((1, 1), np.uint8), shape, "bits", "static", {}, exact=exact or {})


class Given(nn.Module):
    """What gives the same distribution of any number of arguments."""

    def __init__(self, distribution):
        super().__init__()
        self.distribution = distribution
        self.weight = nn.Parameter(torch.zeros((), dtype=torch.double))

    def forward(self, *_):
        return self.distribution


def trained(posterior, prior=None, *, weight=0.0, x=None, exact=None, probe=()):
    """A model whose decoder's logits are `weight` times z, one pixel for each latent."""
    n, axes = posterior.batch_shape[0], posterior.event_shape[0]
    x = (torch.zeros(n, axes) if x is None else x).double()
    prior = normal(torch.zeros(axes), 1.0) if prior is None else prior
    network = nn.Linear(axes, axes).double()
    with torch.no_grad():
        network.weight.copy_(weight * torch.eye(axes))
        network.bias.zero_()
    model = VAE(Given(posterior), Decoder(network, (axes,), Bernoulli((axes,))), Given(prior))
    data = Dataset(
        "given", np.packbits(x.numpy().astype(np.uint8), 1), (axes,), "bits", "static", {}, exact=exact or {}
    )
    plan = SimpleNamespace(
        heads={}, model=SimpleNamespace(options={}, function=None), settings=SimpleNamespace(evaluation_seed=0)
    )
    posteriors = in_blocks(posterior)
    return TrainedModel(plan, data, model, x, posteriors, Stream.seeded(0), probe=probe or posteriors)


def in_blocks(posterior, size=200):
    """As an encoder gives them."""
    if isinstance(posterior, FullGaussian):
        return [
            FullGaussian(*parts)
            for parts in zip(posterior.loc.split(size), posterior.scale_tril.split(size), strict=True)
        ]
    return [normal(*parts) for parts in zip(posterior.mean.split(size), posterior.stddev.split(size), strict=True)]


def rows_of(model, **options):
    return {score.name: score for score in surgery(model, **options)}


def normal(mean, stddev):
    mean = torch.as_tensor(mean, dtype=torch.double)
    return diagonal_normal(mean, torch.as_tensor(stddev, dtype=torch.double).expand_as(mean), 1)


def total(rows, *names):
    return sum(rows[name].value for name in names)


def holds(rows):
    """What is true of any model with densities."""
    rate = float(rows["empirical_marginal_kl"].reason.split("a rate of ")[1].split(" nats")[0])
    assert total(rows, "index_code_information", "empirical_marginal_kl") == pytest.approx(rate, rel=1e-5, abs=1e-5)
    if rows["empirical_dimensionwise_kl"].value is not None:
        parts = total(rows, "empirical_total_correlation", "empirical_dimensionwise_kl")
        assert parts == pytest.approx(rows["empirical_marginal_kl"].value, rel=1e-12, abs=1e-9)
    return rate


CHOICES = [
    *(f"posterior={name}" for name in names_in("posterior")),
    *(f"prior={name}" for name in names_in("prior")),
]


@pytest.mark.parametrize("choice", CHOICES)
def test_parts_sum_to_the_rate_whatever_the_heads(choice, cache_dir):
    plan = compose(["dataset=digits", "model.latent_dim=3", choice, f"cache_dir={cache_dir}"])
    torch.manual_seed(0)
    model, x = build_model(plan, (1, 8, 8), torch.full((1, 8, 8), 0.3)), (torch.rand(60, 1, 8, 8) < 0.3).float()
    known = TrainedModel(plan, dataset((1, 8, 8)), model, x, encode(model, x), Stream.seeded(0))
    rows = rows_of(known)
    if rows["index_code_information"].value is None:
        assert rows["index_code_information"].reason
        return
    rate = holds(rows)
    measured = rate_distortion(known)[0]
    closed = "Monte Carlo" not in measured.reason
    assert rate == pytest.approx(measured.value, rel=1e-5 if closed else 0.5, abs=1e-5 if closed else 0.5)
    assert rows["aggregate_rate"].reason == "there are no posteriors of probe images"


@pytest.mark.parametrize("axes", [1, 3])
@pytest.mark.parametrize("n", [2, 5, 250])
@pytest.mark.parametrize("family", ["diagonal", "full"])
def test_posteriors_that_are_apart_tell_log_n_and_equal_ones_nothing(n, axes, family):
    for distance, known in ((1e4, math.log(n)), (0.0, 0.0)):
        mean = distance * torch.arange(n, dtype=torch.double)[:, None].expand(n, axes)
        unit = torch.ones(n, axes, dtype=torch.double)
        rows = rows_of(trained(FullGaussian(mean, torch.diag_embed(unit)) if family == "full" else normal(mean, unit)))
        assert rows["index_code_information"].value == pytest.approx(known, abs=1e-9)
        assert rows["aggregate_rate"].value == pytest.approx(known, abs=1e-8)  # the probe images are these very ones
        assert rows["index_code_information_upper"].value >= known - 1e-9
        if family == "diagonal":  # along a line of N places each axis knows log N, all of them no more
            assert rows["empirical_total_correlation"].value == pytest.approx((axes - 1) * known, abs=1e-8)
        if not distance:
            assert rows["empirical_marginal_kl"].value == pytest.approx(0, abs=1e-9)
        holds(rows)


def test_one_example_has_a_reason_and_no_value():
    rows = rows_of(trained(normal([[0.0, 1.0]], 1.0)))
    assert {score.value for score in rows.values()} == {None}
    assert "one example alone" in rows["index_code_information"].reason


def test_a_linear_gaussian_model_has_its_rate_as_information_and_no_gap():
    """20 axes at the optimum: the aggregate posterior is the prior, I(x; z) = R."""
    rng, axes, n = np.random.default_rng(0), 20, 1500
    share = np.linspace(0.02, 0.15, axes)  # of the variance of z that x tells
    rate = -0.5 * np.log1p(-share).sum()
    part = lambda: normal(rng.standard_normal((n, axes)) * np.sqrt(share), np.sqrt(1 - share))  # noqa: E731
    rows = rows_of(trained(part(), probe=[part()]))
    near = {
        "index_code_information": rate,
        "index_code_information_upper": rate,
        "aggregate_rate": rate,
        "empirical_marginal_kl": 0.0,
        "empirical_total_correlation": 0.0,
        "empirical_dimensionwise_kl": 0.0,
    }
    for name, known in near.items():
        assert abs(rows[name].value - known) < SURE * rows[name].stderr + 0.01, name
    holds(rows)


def test_the_information_of_the_population_lies_between_the_bounds_where_n_cannot_hold_it():
    rng, axes, n = np.random.default_rng(0), 10, 1000
    stddev = math.exp(-0.9)  # I(x; z) = 9 nats of an aggregate posterior N(0, I)
    part = lambda: normal(rng.standard_normal((n, axes)) * math.sqrt(1 - stddev**2), stddev)  # noqa: E731
    rows = rows_of(trained(part(), prior=normal(torch.zeros(axes), 1.3), probe=[part()]))
    low, high = rows["index_code_information"].value, rows["index_code_information_upper"].value
    assert math.log(n) - 1 < low < math.log(n)
    assert low < 9 < high
    assert rows["aggregate_rate"].value > 9 - 0.1
    assert high <= holds(rows) + 1e-5


def test_a_full_covariance_and_a_prior_that_is_no_product_by_quadrature():
    mean = torch.tensor([[0.0, 0.0], [1.5, 0.5], [-1.0, 2.0]], dtype=torch.double)
    lower = torch.tensor([[[1.0, 0], [0.8, 0.5]], [[0.7, 0], [-0.4, 0.9]], [[0.5, 0], [0.2, 0.4]]], dtype=torch.double)
    posterior = FullGaussian(mean, lower)
    prior = GaussianMixture(torch.tensor([0.3, -0.2]).double(), torch.tensor([[0.0, 1], [1, -1]]).double(),
                            torch.tensor([[1.0, 2], [1.5, 1]]).double())  # fmt: skip
    line = torch.linspace(-9, 10, 700, dtype=torch.double)
    z = torch.cartesian_prod(line, line)
    each, area = posterior.log_prob(z[:, None]), (line[1] - line[0]) ** 2
    mixture = each.logsumexp(1) - math.log(3)
    information = ((each - mixture[:, None]) * each.exp()).sum() * area / 3
    gap = ((mixture - prior.log_prob(z)) * mixture.exp()).sum() * area
    rows = rows_of(trained(posterior, prior), num_samples=20_000)
    values = [rows[name].value for name in ("index_code_information", "empirical_marginal_kl")]
    assert values == pytest.approx([information.item(), gap.item()], abs=0.02)
    assert "not known to be independent" in rows["empirical_total_correlation"].reason
    diagonal = rows_of(trained(normal(mean, 1.0), prior))
    assert diagonal["empirical_total_correlation"].value is not None
    assert "not known to be a product" in diagonal["empirical_dimensionwise_kl"].reason


def test_units_and_outliers_change_no_information():
    rng = np.random.default_rng(0)
    mean, stddev = rng.standard_normal((300, 3)), rng.uniform(0.1, 0.5, (300, 3))
    plain = rows_of(trained(normal(mean, stddev)))
    units = np.array([1000.0, 1.0, 1e-4])
    scaled = rows_of(trained(normal(mean * units + 7, torch.as_tensor(stddev * units))))
    mean[3, 0] = 1e7
    outlier = rows_of(trained(normal(mean, stddev)))
    for name in ("index_code_information", "empirical_total_correlation", "aggregate_rate"):
        assert scaled[name].value == pytest.approx(plain[name].value, abs=1e-7)
        assert outlier[name].value == pytest.approx(plain[name].value, abs=0.05)


def test_a_model_that_inverts_its_codes_has_no_decoder_gap_and_one_that_ignores_them_none_either():
    x = torch.tensor([[0.0], [1.0]])
    known = {"entropy": math.log(2)}
    perfect = rows_of(trained(normal([[-9.0], [9.0]], 0.1), weight=50.0, x=x, exact=known))
    ignored = rows_of(trained(normal([[0.0], [0.0]], 1.0), weight=0.0, x=x, exact=known))
    for rows in (perfect, ignored):
        assert rows["data_entropy"].value == math.log(2)
        assert rows["decoder_gap"].value == pytest.approx(0, abs=1e-6)
        assert rows["decoder_gap_upper"].value == pytest.approx(0, abs=1e-6)
    assert "entropy of the data" in perfect["index_code_information_upper"].reason  # the rate is 40 nats
    lost = rows_of(trained(normal([[-9.0], [9.0]], 0.1), weight=0.0, x=x, exact=known))
    assert lost["decoder_gap"].value == pytest.approx(math.log(2), abs=1e-6)  # the code tells, the decoder is deaf


def test_an_entropy_that_is_not_known_or_in_another_measure_has_a_reason():
    rows = rows_of(trained(normal([[0.0], [0.0]], 1.0)))
    assert rows["data_entropy"].value is None
    assert rows["decoder_gap"].reason == rows["data_entropy"].reason != ""
    other = trained(normal([[0.0], [0.0]], 1.0), exact={"entropy": 1.0})
    other.plan.model.options["likelihood"] = "gaussian"
    assert "does not compare with a likelihood in pseudo-nats" in rows_of(other)["data_entropy"].reason


def test_codes_without_a_density_have_reasons_and_the_entropy_of_their_data():
    known = trained(normal([[0.0], [0.0]], 1.0), exact={"entropy": 1.0})
    point = TrainedModel(known.plan, known.dataset, known.model, known.x, [Delta(torch.zeros(2, 1))])
    for rows in (rows_of(point), rows_of(TrainedModel(known.plan, known.dataset, None, known.x, []))):
        assert rows.pop("data_entropy").value == 1.0
        assert all(score.value is None and score.reason for score in rows.values())


def test_what_is_not_affordable_is_of_fewer_draws_or_of_a_stratified_minibatch(monkeypatch):
    rng = np.random.default_rng(0)
    mean = rng.standard_normal((600, 2))
    known = trained(normal(mean, 0.05))
    whole = rows_of(known)
    pair = 2 * (2 * 2 + EXP) + 2 * (2 + EXP)
    monkeypatch.setattr(module, "FEWEST", 100)
    monkeypatch.setattr(module, "WORK", 600 * 350 * pair)
    fewer = rows_of(known)
    assert "all N = 600 test examples at draws of the first 200" in fewer["index_code_information"].reason
    value = whole["index_code_information"].value
    assert fewer["index_code_information"].value == pytest.approx(
        value, abs=SURE * fewer["index_code_information"].stderr
    )
    monkeypatch.setattr(module, "WORK", 450**2 * pair // 5)
    stratified = rows_of(known)
    assert "stratified minibatch of 200 of N = 600" in stratified["index_code_information"].reason
    assert value - 0.1 < stratified["index_code_information"].value < math.log(600)
    for rows in (whole, fewer, stratified):
        holds(rows)
