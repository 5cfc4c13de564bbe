"""Objectives that say what the rate is to be: what they are at, below and above it."""

import pytest
import torch

from benchmark.config.components import ConfigurationError
from benchmark.config.compose import compose
from benchmark.sweeping.remarks import _rates_beyond
from benchmark.training.setup import build_model
from models.noise import Stream
from models.objectives import beta_vae, elbo
from models.rates import free_bits, target_rate
from models.vae import Batch

SHAPE = (1, 6, 6)


def model_and_batch(*choices, step=0):
    model = build_model(compose(["model.latent_dim=3", *choices]), SHAPE, torch.full(SHAPE, 0.3)).double()
    x = torch.rand((20, *SHAPE), generator=torch.Generator().manual_seed(0)).round().double()
    return model, Batch(x, step, 20, Stream.seeded(1), total_steps=100)


def rates():
    model, batch = model_and_batch()
    return model.infer(batch.x, 1, Stream.seeded(1)).kl_per_dimension


def test_at_its_target_the_rate_costs_nothing_and_beyond_it_lambda():
    rate = rates().sum(1).mean().item()
    free = beta_vae(*model_and_batch(), beta=0.0).mean()
    at = target_rate(*model_and_batch(), target=rate, weight=3.0)
    below, above = (target_rate(*model_and_batch(), target=rate + by, weight=3.0) for by in (0.5, -0.25))
    torch.testing.assert_close(at, free)
    torch.testing.assert_close(free - below, torch.tensor(1.5, dtype=torch.float64))
    torch.testing.assert_close(free - above, torch.tensor(0.75, dtype=torch.float64))


def test_the_target_rises_with_training():
    rate = rates().sum(1).mean().item()
    halfway = target_rate(*model_and_batch(step=10), target=2 * rate, weight=2.0, warmup_fraction=0.2)
    torch.testing.assert_close(halfway, beta_vae(*model_and_batch(), beta=0.0).mean())


@pytest.mark.parametrize("target", ["-1", ".inf", ".nan", "fast"])
def test_targets_that_are_no_rate_are_refused(target):
    with pytest.raises(ConfigurationError, match="target"):
        compose(["objective=target_rate", f"objective.target={target}"])


def test_a_weight_of_one_is_refused_for_every_rate_above_ties():
    with pytest.raises(ConfigurationError, match="weight"):
        compose(["objective=target_rate", "objective.weight=1"])


def test_free_bits_are_of_the_mean_over_the_batch_not_of_each_example():
    each = rates()
    free = float(each.mean(0).sort().values[1])  # one axis below, one at it, one above
    found = free_bits(*model_and_batch(), free=free)
    distortion = -beta_vae(*model_and_batch(), beta=0.0).mean()
    torch.testing.assert_close(-found - distortion, each.mean(0).clamp(min=free).sum())
    assert (each.clamp(min=free).sum(1).mean() - each.mean(0).clamp(min=free).sum()) > 1e-3  # which would be larger


def test_without_free_bits_it_is_the_elbo():
    torch.testing.assert_close(free_bits(*model_and_batch(), free=0.0), elbo(*model_and_batch()).mean())


def test_free_bits_need_axes():
    with pytest.raises(ValueError, match="independent Gaussians"):
        free_bits(*model_and_batch("posterior=full"), free=0.1)


def test_a_target_beyond_what_an_index_holds_is_remarked():
    beyond = [compose(["dataset=digits", "objective=target_rate", f"objective.target={rate}"]) for rate in (6.7, 6.8)]
    [line] = _rates_beyond(beyond)
    assert line.startswith("objective.target=6.8: more nats than an index of the 847 training examples")
    assert "log N = 6.74" in line
