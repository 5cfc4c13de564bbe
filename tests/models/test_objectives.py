"""Known answers of the objectives that look at the aggregate posterior."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from benchmark.training.fit import fit
from benchmark.training.pixels import Pixels
from benchmark.training.setup import build_model, build_objective
from benchmark.training.updates import Update, auxiliary_updates
from models.adversary import permute_dimensions
from models.aggregate import aggregate
from models.disentangling import annealed_vae, beta_tcvae, dip_vae, info_vae, mmd
from models.distributions import diagonal_normal
from models.noise import Stream
from models.objectives import beta_vae, elbo
from models.schedules import ramp
from models.vae import Batch
from tests.support.choices import image_dataset, names_in
from tests.support.composing import compose

SHAPE = (1, 6, 6)


def model_and_batch(size=20, step=0):
    model = build_model(compose(["model.latent_dim=3"]), SHAPE, torch.full(SHAPE, 0.3)).double()
    x = torch.rand((size, *SHAPE), generator=torch.Generator().manual_seed(0)).round().double()
    return model, Batch(x, step, size, Stream.seeded(1), total_steps=100)


def test_the_stratified_aggregate_is_exact_when_the_batch_is_the_data_set():
    model, batch = model_and_batch()
    posterior = model.encoder(batch.x)
    z = posterior.sample()
    found = aggregate(posterior, z, len(z), "stratified")
    mixture = MixtureSameFamily(Categorical(logits=torch.zeros(20)), posterior)
    torch.testing.assert_close(found.log_qz, mixture.log_prob(z))
    marginals = MixtureSameFamily(Categorical(logits=torch.zeros(3, 20)), Normal(posterior.mean.T, posterior.stddev.T))
    torch.testing.assert_close(found.log_qz_product, marginals.log_prob(z).sum(-1))


def test_the_stratified_density_is_unbiased_over_batches():
    generator = torch.Generator().manual_seed(0)
    mean = torch.randn((8, 1), generator=generator, dtype=torch.float64)
    z = mean[:1] + 0.3
    exact = aggregate(diagonal_normal(mean, torch.ones_like(mean), 1), z.expand(8, 1), 8, "stratified").log_qz[0].exp()
    found = []
    for _ in range(4000):
        rows = torch.cat([torch.zeros(1, dtype=torch.long), 1 + torch.randperm(7, generator=generator)[:2]])
        batch = diagonal_normal(mean[rows], torch.ones((3, 1), dtype=torch.float64), 1)
        found.append(aggregate(batch, z.expand(3, 1), 8, "stratified").log_qz[0].exp())
    values = torch.stack(found)
    assert abs(values.mean() - exact) < 4 * values.std() / math.sqrt(len(values))


def test_the_weighted_estimate_differs_by_a_known_constant_at_full_batch():
    model, batch = model_and_batch()
    posterior = model.encoder(batch.x)
    z = posterior.sample()
    exact, weighted = (aggregate(posterior, z, 20, kind) for kind in ("stratified", "weighted"))
    torch.testing.assert_close(weighted.log_qz, exact.log_qz - math.log(20))
    torch.testing.assert_close(weighted.log_qz_product, exact.log_qz_product - 3 * math.log(20))


@pytest.mark.parametrize("kl", ["analytic", "monte_carlo"])
@pytest.mark.parametrize("estimator", ["stratified", "weighted"])
def test_beta_tcvae_with_unit_weights_is_the_elbo(estimator, kl):
    model, batch = model_and_batch()
    found = beta_tcvae(model, batch, alpha=1.0, beta=1.0, gamma=1.0, estimator=estimator, kl=kl)
    model, batch = model_and_batch()
    torch.testing.assert_close(found, elbo(model, batch, kl=kl))


def test_beta_tcvae_weighs_information_correlation_and_marginals_apart():
    model, batch = model_and_batch()
    found = beta_tcvae(model, batch, alpha=0.5, beta=3.0, gamma=2.0)
    inference = model.infer(batch.x, 1, Stream.seeded(1))
    log_qz, product = aggregate(inference.posterior, inference.z[0], 20, "stratified")
    information, marginal = inference.log_qz_x[0] - log_qz, product - inference.log_pz[0]
    torch.testing.assert_close(found, inference.log_px_z[0] - 0.5 * information - 3 * (log_qz - product) - 2 * marginal)


def test_weighted_beta_tcvae_with_the_closed_form_is_that_of_locatello_et_al():
    """Closed-form KL + (beta - 1) TC, TC without its constant (D - 1) log(N B), written out with loops."""
    model, batch = model_and_batch(size=5)
    batch = replace(batch, num_examples=1000)
    found = beta_tcvae(model, batch, beta=4.0, estimator="weighted", kl="analytic").mean()
    inference = model.infer(batch.x, 1, Stream.seeded(1))
    q, z = inference.posterior.base_dist, inference.z[0]
    log_q = torch.stack(
        [torch.stack([Normal(q.loc[m], q.scale[m]).log_prob(z[i]) for m in range(5)]) for i in range(5)]
    )
    correlation = torch.stack([log_q[i].sum(1).logsumexp(0) - log_q[i].logsumexp(0).sum() for i in range(5)])
    kl = 0.5 * (q.loc**2 + q.scale**2 - 2 * q.scale.log() - 1).sum(1)
    loss = (kl - inference.log_px_z[0]).mean() + 3.0 * (correlation.mean() + 2 * math.log(1000 * 5))
    torch.testing.assert_close(found, -loss)


def test_annealed_vae_is_the_elbo_bound_by_its_capacity():
    model, batch = model_and_batch(step=50)
    rate = model.infer(batch.x, 1, Stream.seeded(1)).kl.mean().item()
    at_capacity = annealed_vae(model, batch, gamma=1000.0, capacity=2 * rate, warmup_fraction=1.0)
    _, batch = model_and_batch(step=50)
    without = annealed_vae(model, batch, gamma=0.0, capacity=0.0, warmup_fraction=0.0)
    torch.testing.assert_close(at_capacity, without)


def test_annealed_vae_takes_the_distance_of_the_mean_not_the_mean_distance():
    model, batch = model_and_batch()
    kl = model.infer(batch.x, 1, Stream.seeded(1)).kl
    target = kl.mean().item()
    assert (kl - target).abs().mean() > 1e-3
    base = annealed_vae(model, model_and_batch()[1], gamma=0.0, warmup_fraction=0.0)
    found = annealed_vae(model, model_and_batch()[1], gamma=100.0, capacity=target, warmup_fraction=0.0)
    torch.testing.assert_close(found, base, atol=1e-6, rtol=1e-6)


@pytest.mark.parametrize("kind", ["i", "ii"])
def test_dip_vae_penalises_the_covariance(kind):
    model, batch = model_and_batch()
    posterior = model.encoder(batch.x)
    centred = posterior.mean - posterior.mean.mean(0)
    covariance = centred.T @ centred / 20 + (torch.diag(posterior.variance.mean(0)) if kind == "ii" else 0)
    off = covariance - torch.diag(covariance.diagonal())
    penalty = 3 * off.square().sum() + 5 * (covariance.diagonal() - 1).square().sum()
    found = dip_vae(model, batch, kind=kind, lambda_off_diagonal=3.0, lambda_diagonal=5.0)
    torch.testing.assert_close(found, elbo(model, model_and_batch()[1]).mean() - penalty)


def test_mmd_is_zero_for_equal_samples_and_known_for_gaussians():
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.randn((2000, 2), generator=generator, dtype=torch.float64) for _ in range(2))
    assert mmd(a, a, 4.0).item() == pytest.approx(0.0, abs=1e-12)
    # E exp(-|u - v|^2 / h) of independent N(0, I) and N(m, I) in two dimensions is h / (h + 4) exp(-|m|^2 / (h + 4))
    kernel = 4.0 / 8.0
    expected = 2 * kernel * (1 - math.exp(-2.0 / 8.0))
    assert mmd(a, b + 1.0, 4.0).item() == pytest.approx(expected, abs=0.01)


def test_info_vae_without_mmd_is_a_weighted_elbo():
    model, batch = model_and_batch()
    found = info_vae(model, batch, alpha=1.0, lambda_mmd=0.0)
    inference = model.infer(batch.x, 1, Stream.seeded(1))
    torch.testing.assert_close(found, inference.log_px_z[0].mean())


def test_permuted_dimensions_keep_the_marginals_and_lose_the_dependence():
    z = torch.randn((500, 1), generator=torch.Generator().manual_seed(0)).expand(500, 3)
    shuffled = permute_dimensions(z, Stream.seeded(1))
    assert torch.equal(shuffled.sort(0).values, z.sort(0).values)
    assert torch.corrcoef(shuffled.T)[0, 1].abs() < 0.2


def test_the_discriminator_learns_the_total_correlation_of_a_gaussian():
    """TC of correlation 0.9 is -1/2 log(1 - 0.81) = 0.83 nats; its logit is the estimate of the density ratio."""
    plan = compose(
        ["objective=factor_vae", "model.latent_dim=2", "objective.hidden=[64,64]", "objective.learning_rate=2e-3"]
    )
    model = build_model(plan, SHAPE, torch.full(SHAPE, 0.3))
    adversary = build_objective(plan, model, torch.device("cpu"))
    generator = torch.Generator().manual_seed(0)

    class Correlated(torch.nn.Module):
        def forward(self, x):
            noise = torch.randn((len(x), 2), generator=generator)
            mean = torch.stack([noise[:, 0], 0.9 * noise[:, 0] + math.sqrt(0.19) * noise[:, 1]], 1)
            return Independent(Normal(mean, 1e-4), 1)

    model.encoder = Correlated()
    [discriminator] = auxiliary_updates(adversary, clip_norm=None)
    for _ in range(800):
        discriminator(model, Batch(torch.zeros(500, *SHAPE), noise=Stream(generator)), 2e-3)
    with torch.no_grad():
        z = model.encoder(torch.zeros(5000, *SHAPE)).mean
        assert adversary.logit(z).mean().item() == pytest.approx(-0.5 * math.log(0.19), abs=0.12)


def test_the_discriminator_is_that_of_kim_and_mnih():
    """Six layers of 1,000 leaky rectifiers and two outputs, Glorot weights, zero biases."""
    plan = compose(["objective=factor_vae"])
    adversary = build_objective(plan, build_model(plan, SHAPE, torch.full(SHAPE, 0.3)), torch.device("cpu"))
    layers = [layer for layer in adversary.discriminator if isinstance(layer, torch.nn.Linear)]
    assert [layer.out_features for layer in layers] == [1000] * 6 + [2]
    for layer in layers:
        assert layer.bias.abs().max() == 0
        limit = math.sqrt(6 / (layer.in_features + layer.out_features))
        assert layer.weight.abs().max().item() == pytest.approx(limit, rel=0.01)


def test_the_discriminator_is_trained_as_its_configuration_says():
    """Adam at 1e-4 with betas .5 and .9, fused, clipped as the model is (Kim and Mnih, 2018, appendix)."""
    plan = compose(["objective=factor_vae"])
    adversary = build_objective(plan, build_model(plan, SHAPE, torch.full(SHAPE, 0.3)), torch.device("cpu"))
    [update] = auxiliary_updates(adversary, clip_norm=2.0)
    assert type(update.optimizer) is torch.optim.Adam
    assert {key: update.optimizer.defaults[key] for key in ("lr", "betas", "fused")} == {
        "lr": 1e-4, "betas": (0.5, 0.9), "fused": True,
    }  # fmt: skip
    assert update.clip_norm == 2.0
    assert update.parameters == list(adversary.parameters())


def test_the_update_of_the_model_computes_no_gradient_of_the_discriminator():
    plan = compose(["objective=factor_vae", "model.latent_dim=2", "objective.hidden=[16]"])
    model = build_model(plan, SHAPE, torch.full(SHAPE, 0.3))
    objective = build_objective(plan, model, torch.device("cpu"))
    parameters = list(model.parameters())
    x = torch.rand((5, *SHAPE), generator=torch.Generator().manual_seed(0)).round()

    def batch():
        return Batch(x, noise=Stream.seeded(1))

    objective(model, batch()).mean().neg().backward()
    whole = [parameter.grad.clone() for parameter in parameters if parameter.requires_grad]
    objective.zero_grad()
    parameters = [parameter for parameter in parameters if parameter.requires_grad]
    Update("objective", objective, parameters, torch.optim.SGD(parameters), 0.0)(model, batch(), 0.0)
    assert all(torch.equal(parameter.grad, grad) for parameter, grad in zip(parameters, whole, strict=True))
    assert all(parameter.grad is None for parameter in objective.parameters())


def test_the_trainer_gives_the_adversary_its_turn():
    plan = compose(["objective=factor_vae", "model.latent_dim=2", "objective.hidden=[16]"])
    dataset = image_dataset(SHAPE)
    train, validation = (Pixels(dataset, split, torch.device("cpu")) for split in ("train", "validation"))
    model = build_model(plan, SHAPE, train.mean())
    objective = build_objective(plan, model, torch.device("cpu"))
    before = [parameter.clone() for parameter in objective.parameters()]
    fit(model, objective, train, validation, 0, steps=3, batch_size=5, validations=1)
    assert all(not torch.equal(a, b) for a, b in zip(before, objective.parameters(), strict=True))


def test_warm_ups_end_at_the_objective_itself_and_begin_without_its_cost():
    def at(step, objective, **options):
        torch.manual_seed(0)
        model, batch = model_and_batch()
        return objective(model, replace(batch, step=step), **options)

    free = at(0, beta_vae, beta=0.0)
    for objective in (beta_vae, beta_tcvae):
        assert torch.equal(at(0, objective, beta=4.0, warmup_fraction=0.1), free)
        assert torch.equal(at(10, objective, beta=4.0, warmup_fraction=0.1), at(10, objective, beta=4.0))
    half = at(5, beta_vae, beta=4.0, warmup_fraction=0.1)
    assert torch.allclose(half, at(0, beta_vae, beta=2.0))
    assert [ramp(progress, 0.5) for progress in (0.0, 0.25, 0.5, 0.99)] == [0.0, 0.5, 1.0, 1.0]
    assert ramp(0.0, 0.0) == 1.0


def test_the_capacity_of_annealed_vae_is_reached_in_any_training():
    """A third of it, as 100,000 of 300,000 steps were; then the value is that of the whole capacity."""
    options = compose(["objective=annealed_vae"]).objective.options
    model, batch = model_and_batch()
    rate = model.infer(batch.x, 1, Stream.seeded(1)).kl.mean().item()
    for step, total, capacity in ((0, 5000, 0), (833, 5000, 12.5), (1667, 5000, 25), (4999, 5000, 25), (4, 10, 25)):
        free, bound = (
            annealed_vae(
                model,
                replace(batch, step=step, total_steps=total, noise=Stream.seeded(1)),
                **{**options, "gamma": gamma},
            ).item()
            for gamma in (0.0, options["gamma"])
        )
        assert (free - bound) / options["gamma"] == pytest.approx(abs(rate - capacity), abs=0.01)


@pytest.mark.parametrize("name", names_in("objective"))
def test_every_schedule_has_ended_when_the_training_does(name):
    """Whatever its length: the objective of the last step is the one that validations judge by."""
    plan = compose([f"objective={name}", "model.latent_dim=2"])
    model = build_model(plan, SHAPE, torch.full(SHAPE, 0.3))
    objective = build_objective(plan, model, torch.device("cpu"))
    if objective is None:
        return
    x = torch.rand((5, *SHAPE), generator=torch.Generator().manual_seed(0)).round()
    values = [objective(model, Batch(x, step, 5, Stream.seeded(1), total_steps=50)) for step in (49, 50)]
    assert torch.equal(*values)
