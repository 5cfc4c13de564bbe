"""Models over few states: exact sums agree with draws and with Blahut-Arimoto, and refuse what needs draws."""

import numpy as np
import pytest
import torch

from benchmark.datasets.alemi_toy import alemi_toy, joint
from metrics.blahut_arimoto import blahut_arimoto, entropy, information
from models.enumerable import Bins, enumerable
from models.evidence import rates_and_distortions
from models.noise import Stream
from models.objectives import beta_vae, iwae
from models.rates import target_rate
from models.sampling import draw
from models.vae import Batch


def toy(form="quadratic", **options):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = enumerable((30,), torch.zeros(30), states=5, form=form, **options).double()
    data = alemi_toy(None, num_examples=1000)
    return model, torch.from_numpy(data.decoded(data.splits["train"])).double()


def test_the_data_have_the_information_that_the_toy_is_made_for():
    p = joint()
    assert entropy(p.sum(0)) == pytest.approx(3.2989182997, abs=1e-9)
    known = entropy(p.sum(0)) + entropy(p.sum(1)) - entropy(p.ravel())
    assert known == pytest.approx(0.5, abs=1e-9)
    data = alemi_toy(None)
    counts = data.decoded(data.splits["test"]).mean(0)
    assert entropy(counts.astype(np.float64)) == pytest.approx(3.29892, abs=5e-5)
    states = data.factors_of(data.splits["test"])
    assert states is not None
    assert states.mean() == pytest.approx(0.7, abs=1e-4)


def test_the_given_decoder_is_the_one_that_the_data_are_from():
    p = joint()
    found = Bins((0.25, 0.75), 0.1499911825, 30)().exp().numpy()
    np.testing.assert_allclose(found, p / p.sum(1, keepdims=True), rtol=1e-5)


@pytest.mark.parametrize("form", ["quadratic", "table"])
def test_exact_sums_are_what_draws_tend_to(form):
    model, x = toy(form)
    x = x[:20]
    posterior = model.encoder(x)
    found = rates_and_distortions(model, x, num_samples=1, noise=Stream.seeded(0))
    z = draw(posterior, 20_000, Stream.seeded(1))
    assert bool((z.sum(-1) == 1).all())
    sampled = model.decode(x, z, posterior)
    for exact, draws in ((found.rate, sampled.log_qz_x - sampled.log_pz), (found.distortion, -sampled.log_px_z)):
        assert ((draws.mean(0) - exact).abs() < 5 * draws.std(0) / 20_000**0.5 + 1e-9).all()


def test_rate_and_distortion_stand_to_information_as_the_identities_say():
    model, x = toy()
    found = rates_and_distortions(model, x, num_samples=1, noise=Stream.seeded(0))
    sums = {name: value.numpy() for name, value in model.sums(x).items()}
    known = information(sums["p"], sums["encoder"])
    rate, distortion = float(found.rate.mean()), float(found.distortion.mean())
    assert entropy(sums["p"]) - distortion <= known <= rate
    marginal = sums["p"] @ sums["encoder"]
    assert rate - known == pytest.approx((marginal * np.log(marginal / sums["prior"])).sum(), abs=1e-9)


def test_blahut_arimoto_has_the_slope_minus_beta_and_no_marginal_gap():
    p = joint()
    distortions = -np.log(p / p.sum(1, keepdims=True)).T
    truth = blahut_arimoto(p.sum(0), distortions, 1.0)
    assert (truth.rate, truth.distortion) == pytest.approx((0.5, 2.7989182997), abs=1e-6)
    for beta in (0.3, 0.8, 1.3):
        low, high = (blahut_arimoto(p.sum(0), distortions, beta * side) for side in (0.999, 1.001))
        slope = (high.distortion - low.distortion) / (high.rate - low.rate)
        assert slope == pytest.approx(-beta, rel=1e-4)


def test_blahut_arimoto_is_below_every_other_encoder():
    rng = np.random.default_rng(0)
    p, distortions = rng.dirichlet(np.ones(6)), rng.exponential(size=(6, 4))
    best = blahut_arimoto(p, distortions, 0.7)
    least = best.distortion + 0.7 * best.rate
    for _ in range(50):
        other = rng.dirichlet(np.ones(4), 6)
        assert least <= p @ (other * distortions).sum(1) + 0.7 * information(p, other) + 1e-9


def test_blahut_arimoto_knows_the_curve_of_a_symmetric_binary_source():
    for wrong in (0.05, 0.2):  # Hamming distortion w: R = log 2 - h(w) at beta = 1 / log((1 - w) / w)
        beta = 1 / np.log((1 - wrong) / wrong)
        found = blahut_arimoto(np.array([0.5, 0.5]), 1 - np.eye(2), beta)
        expected = np.log(2) - entropy(np.array([wrong, 1 - wrong]))
        assert (found.rate, found.distortion) == pytest.approx((expected, wrong), abs=1e-9)


def test_blahut_arimoto_refuses_what_is_no_source():
    with pytest.raises(ValueError, match="beta=0"):
        blahut_arimoto(np.array([0.5, 0.5]), np.eye(2), 0)
    with pytest.raises(ValueError, match="distribution"):
        blahut_arimoto(np.array([0.5, 0.7]), np.eye(2), 1)


def test_a_fixed_decoder_trains_to_blahut_arimoto():
    model, x = toy("table", true_means=(0.25, 0.75))
    values, counts = torch.unique(x, dim=0, return_counts=True)
    optimizer = torch.optim.Adam([one for one in model.parameters() if one.requires_grad], 0.1)
    for _ in range(1000):
        value = beta_vae(model, Batch(values), beta=0.6)
        loss = -(value * counts).sum() / counts.sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    found = rates_and_distortions(model, x, num_samples=1, noise=Stream.seeded(0))
    p = (counts / counts.sum()).numpy().astype(np.float64)
    best = blahut_arimoto(p, -(values @ model.decoder.table().T).numpy(), 0.6)
    assert float(found.rate.mean()) == pytest.approx(best.rate, abs=3e-3)
    least = best.distortion + 0.6 * best.rate
    assert least - 1e-6 <= loss.item() <= least + 2e-3


def test_objectives_that_weigh_draws_are_refused():
    model, x = toy()
    with pytest.raises(ValueError, match="no importance weights"):
        iwae(model, Batch(x, noise=Stream.seeded(0)))
    assert target_rate(model, Batch(x), target=0.5, weight=2.0).isfinite()


def test_images_are_refused():
    with pytest.raises(ValueError, match="alemi_toy"):
        enumerable((1, 8, 8), torch.zeros(1, 8, 8))
