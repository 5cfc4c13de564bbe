"""Noise: one stream's numbers, draws made ahead, and distributions that others wrote."""

from __future__ import annotations

import pytest
import torch
from torch.distributions import Independent, Laplace, Normal
from torch.func import grad, vmap

from models.distributions import diagonal_normal
from models.noise import Drawn, Each, Placed, Recorded, Stacked, Stream
from models.sampling import draw
from models.vae import Batch

LIKE = torch.zeros(2, dtype=torch.float64)


def test_a_stream_gives_the_numbers_of_its_generator():
    stream, generator = Stream.seeded(3), torch.Generator().manual_seed(3)
    for ask, of_torch in ((stream.normal, torch.randn), (stream.uniform, torch.rand), (stream.normal, torch.randn)):
        found = ask((4, 5), LIKE)
        assert torch.equal(found, of_torch((4, 5), generator=generator, dtype=torch.float64))


def test_recorded_draws_are_given_again_in_their_order():
    recorded = Recorded(Stream.seeded(0))
    first = [recorded.normal((3,), LIKE), recorded.uniform((2, 2), LIKE)]
    again = Drawn(recorded.draws)
    assert torch.equal(again.normal((3,), LIKE), first[0])
    assert torch.equal(again.uniform((2, 2), LIKE), first[1])
    assert again.given == 2


def test_what_was_not_drawn_ahead_is_refused():
    drawn = Drawn([torch.zeros(3)])
    with pytest.raises(ValueError, match=r"^draw 0 that was made ahead has shape \(3,\); noise of shape \(4,\)"):
        drawn.normal((4,), LIKE)
    drawn.normal((3,), LIKE)
    with pytest.raises(ValueError, match=r"^noise of shape \(3,\) is asked for; 1 draws were made ahead, all given$"):
        drawn.uniform((3,), LIKE)
    with pytest.raises(ValueError, match="0 draws were made ahead"):
        Batch(LIKE).noise.normal((1,), LIKE)


def test_a_distribution_of_others_draws_from_a_stream_and_leaves_torch_s_as_it_was():
    foreign = Independent(Laplace(torch.zeros(2, 3), 1.0), 1)
    before = torch.get_rng_state()
    stream = Stream.seeded(1)
    first, second = (draw(foreign, 4, stream) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), before)
    assert first.shape == (4, 2, 3)
    assert not torch.equal(first, second)
    assert torch.equal(draw(foreign, 4, Stream.seeded(1)), first)
    with pytest.raises(ValueError, match=r"^Laplace is drawn by torch alone, .* and Drawn noise has none; give"):
        draw(foreign, 4, Drawn())


def test_a_distribution_s_own_draw_comes_first():
    class Twice(Normal):
        def draw(self, num_samples, noise):
            return 2 * noise.normal((num_samples, *self.loc.shape), self.loc)

    for own in (Twice(torch.zeros(3), 1.0), Independent(Twice(torch.zeros(3), 1.0), 1)):
        plain = draw(diagonal_normal(torch.zeros(3), torch.ones(3), 1), 5, Stream.seeded(2))
        torch.testing.assert_close(draw(own, 5, Stream.seeded(2)), 2 * plain)


def test_stacked_models_draw_from_streams_of_their_own():
    draws_are_those_of_each_stream("cpu")


def draws_are_those_of_each_stream(device):
    """In any order of kinds, whether what the draw is like is mapped or not, drawn then or where draws lie; and no
    gradient goes through a draw."""
    streams, alone, third = ([Stream.seeded(seed, device) for seed in range(3)] for _ in range(3))
    weights = torch.arange(6.0, device=device).reshape(3, 2)

    def values(source):
        def value(weights, place):
            noise = Stacked(place, source)
            return (weights * noise.normal((4, 2), weights) * noise.uniform((4, 1), weights.new_zeros(()))).sum()

        return vmap(grad(value))(weights, torch.arange(3, device=device))

    each = Each(streams)
    placed = None
    for _ in range(3):
        found = values(each)
        expected = [stream.normal((4, 2), weights) * stream.uniform((4, 1), weights) for stream in alone]
        torch.testing.assert_close(found, torch.stack([one.sum(0) for one in expected]))
        placed = placed or Placed(each.asked, 3)
        placed.fill(third)
        assert torch.equal(values(placed), found)
        placed.rewind()
        assert torch.equal(values(placed), found)
    with pytest.raises(ValueError, match=r"asked for, where it was not before$"):
        values(placed)
    with pytest.raises(ValueError, match=r"asked for outside of torch.func.vmap; give it a Stream"):
        Stacked(torch.zeros(()), Each(alone)).normal((2,), weights)
