"""What holds of every posterior, prior and likelihood: densities integrate to one, samples and moments agree (nats)."""

from __future__ import annotations

import contextlib
import itertools
import math
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from benchmark.checks.laws import Broken, hold
from models.distributions import NoDensity, has_density
from models.divergences import closed_form_kl
from models.examples import Examples
from models.gradients import detached
from models.likelihoods import Likelihood
from models.noise import Stream
from models.posteriors import Diagonal, Encoder, PosteriorHead
from models.sampled import Sampled
from models.sampling import draw

FEATURES, SAMPLES = 6, 20_000
POINTS = {1: 4001, 2: 401}  # of a grid along each axis
REACH = 9.0  # standard deviations to either side that a grid covers
SURE = 5.0  # standard errors
Build = Callable[..., Any]  # a head, its options filled in


def posterior_laws(build: Build) -> None:
    """q(z|x) of one and two latents, for features of several sizes."""
    for latents, scale in itertools.product((1, 2), (0.3, 1.0)):
        head = _built(build, FEATURES, latents)
        hold(isinstance(head, PosteriorHead), f"gives {type(head).__name__}, expected models.posteriors.PosteriorHead")
        h = scale * torch.randn((3, FEATURES), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
        q = head.distribution(head(h))
        hold(tuple(q.batch_shape) == (3,), f"q(z|x) of 3 examples has batch shape {tuple(q.batch_shape)}")
        hold(tuple(q.event_shape) == (latents,), f"q(z|x) of {latents} latents has event shape {tuple(q.event_shape)}")
        _samples_have_gradients(q, head)
        z = _drawn(q)
        _held_fixed(q, z[:5])
        for one in range(3):
            log_prob = partial(_of_one, q, one) if has_density(q) else None
            _density_and_samples_agree(log_prob, z[:, one], q.mean[one], q.variance[one], _chance(q))


def prior_laws(build: Build) -> None:
    """p(z) of one and two latents, as it starts and with its parameters elsewhere."""
    for latents, moved in itertools.product((1, 2), (False, True)):
        prior = _prior(build, latents)
        if moved:
            _move(prior)
        p = prior()
        hold(isinstance(p, Distribution), f"gives {type(p).__name__}, expected a torch distribution")
        shapes = tuple(p.batch_shape), tuple(p.event_shape)
        hold(shapes == ((), (latents,)), f"p(z) of {latents} latents has batch and event shapes {shapes}")
        _density_and_samples_agree(p.log_prob, _drawn(p), p.mean, p.variance, _chance(p))


def likelihood_laws(build: Build) -> None:
    """p(x|z) of one and two pixels: normalised over what its values are, and a bias that predicts the mean.

    Where a picture that stands for it is drawn, also for 2x3 pixels whose draws are as often as their density says.
    """
    for pixels in (1, 2):
        shape, head = _of_pixels(build, pixels)
        hold(isinstance(head, Likelihood), f"gives {type(head).__name__}, expected models.likelihoods.Likelihood")
        noise = torch.Generator().manual_seed(1)
        output = torch.randn((3, head.outputs, *shape), generator=noise, dtype=torch.float64)
        p = head(output)
        shapes = tuple(p.batch_shape), tuple(p.event_shape)
        hold(shapes == ((3,), shape), f"p(x|z) of 3 codes has batch and event shapes {shapes}, expected (3,), {shape}")
        hold(head.predict(p).shape == (3, *shape), f"a predicted picture has shape {tuple(head.predict(p).shape)}")
        _normalised_over_values(head, p)
        mean = torch.linspace(0.2, 0.7, pixels, dtype=torch.float64)
        p = head(head.bias(mean).reshape(1, head.outputs, *shape))
        # what is drawn pixel by pixel has a known mean for the first one alone, and starts near that
        found, most = (_first_pixel(p), 0.05) if head.draws else (head.predict(p)[0].flatten(), 1e-5)
        mean = mean[: len(found)]
        hold(_near(found, mean, most), f"with the bias of a mean {mean.tolist()} it predicts {found.tolist()}")
    if head.draws:
        _draws_have_their_density(build)


def _of_pixels(build: Build, pixels: int) -> tuple[tuple[int, ...], Any]:
    """A likelihood of a vector, or of an image where it is of images alone, and the shape."""
    try:
        return (pixels,), _built(build, (pixels,))
    except ValueError:
        return (1, 1, pixels), _built(build, (1, 1, pixels))


def divergence_laws(posterior: Build, prior: Build) -> None:
    """A KL in closed form is that of the draws; it is never negative."""
    head = _built(posterior, FEATURES, 2)
    h = torch.randn((3, FEATURES), generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    q = head.distribution(head(h))
    if not has_density(q):
        return
    p = _prior(prior, 2, posterior)
    _move(p)
    if (exact := closed_form_kl(q, p())) is None:
        return
    z = _drawn(q)
    ratios = q.log_prob(z) - p().log_prob(z)
    stderr = ratios.std(0) / math.sqrt(SAMPLES)
    near = (ratios.mean(0) - exact).abs() <= SURE * stderr + 1e-9
    hold(near.all(), f"the closed form of KL(q || p) is {exact.tolist()}, of draws {ratios.mean(0).tolist()}")
    hold((exact >= -1e-9).all(), f"KL(q || p) is negative: {exact.tolist()}")


def _built(build: Build, *given: Any) -> Any:
    """A head with weights of a fixed seed, in double precision."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return build(*given).double()


def _prior(build: Build, latents: int, posterior: Build = Diagonal) -> nn.Module:
    """A prior, attached to an encoder where it is made of one: a linear map of few features."""

    def built(latents: int) -> nn.Module:
        prior = build(latents)
        if hasattr(prior, "attach"):
            encoder = Encoder(nn.Identity(), posterior(FEATURES, latents)).double()
            prior.attach(encoder, Examples(None, lambda rows: torch.randn(len(rows), FEATURES).double(), bounded=False))
        return prior

    return _built(built, latents)


@torch.no_grad()
def _move(module: nn.Module) -> None:
    noise = torch.Generator().manual_seed(2)
    for parameter in module.parameters():
        parameter.add_(torch.randn(parameter.shape, generator=noise, dtype=parameter.dtype), alpha=0.3)


def _drawn(distribution: Distribution) -> Tensor:
    return draw(distribution, SAMPLES, Stream.seeded(3))


def _samples_have_gradients(q: Distribution, head: nn.Module) -> None:
    z = draw(q, 2, Stream.seeded(4))
    hold(z.requires_grad, "draws of q(z|x) have no gradient: an encoder cannot learn from them")
    names, parameters = zip(*head.named_parameters(), strict=True)
    found = torch.autograd.grad(z.square().sum(), parameters, retain_graph=True, allow_unused=True)
    for name, gradient in zip(names, found, strict=True):
        hold(gradient is not None and gradient.isfinite().all(), f"draws of q(z|x) have no finite gradient to {name}")


def _held_fixed(q: Distribution, z: Tensor) -> None:
    """Detached, q has the same density without a gradient to its parameters; without a density it refuses."""
    if not has_density(q):
        with contextlib.suppress(NoDensity):
            detached(q)
            raise Broken("a posterior without a density can be detached")
        return
    held, z = detached(q).log_prob(z.detach()), z.detach()
    hold(torch.equal(held, q.log_prob(z)), "detached, q(z|x) has another density")
    hold(not held.requires_grad, "detached, the density of q(z|x) still has a gradient to its parameters")


def _chance(distribution: Distribution) -> float:
    """The standard error of stated means, in standard deviations: zero unless they are of draws."""
    return 1 / math.sqrt(distribution.moment_draws) if isinstance(distribution, Sampled) else 0.0


def _of_one(q: Distribution, one: int, z: Tensor) -> Tensor:
    """log q(z|x) of one example's z (n, D), (n,)."""
    return q.log_prob(z[:, None].expand(-1, *q.batch_shape, -1))[:, one]


@torch.no_grad()
def _density_and_samples_agree(
    log_prob: Callable[[Tensor], Tensor] | None, z: Tensor, mean: Tensor, variance: Tensor, chance: float
) -> None:
    """Draws z (n, D) against the stated moments, and both against the density on a grid."""
    of_stated = chance * variance.sqrt()
    _same_moments("draws", z.mean(0), z.var(0), mean, variance, variance.sqrt() / math.sqrt(len(z)) + of_stated)
    if log_prob is None:
        return
    grid, volume = _grid(mean, variance)
    weight = torch.cat([log_prob(part) for part in grid.split(20_000)]).exp() * volume
    hold(abs(float(weight.sum()) - 1) < 1e-3, f"the density integrates to {float(weight.sum()):.4f}")
    first = (weight[:, None] * grid).sum(0)
    second = (weight[:, None] * (grid - first).square()).sum(0)
    _same_moments("the density", first, second, mean, variance, 1e-4 + of_stated)


def _same_moments(what: str, mean: Tensor, variance: Tensor, stated: Tensor, spread: Tensor, error: Tensor) -> None:
    hold(((mean - stated).abs() <= SURE * error + 1e-3 * spread.sqrt() + 1e-9).all(),
         f"the mean of {what} is {mean.tolist()}, stated is {stated.tolist()}")  # fmt: skip
    hold(((variance - spread).abs() <= 0.1 * spread + 1e-9).all(),
         f"the variance of {what} is {variance.tolist()}, stated is {spread.tolist()}")  # fmt: skip


def _grid(mean: Tensor, variance: Tensor) -> tuple[Tensor, float]:
    """Points (n, D) around a mean, and the volume of each."""
    spread = variance.sqrt()
    axes = [m + s * torch.linspace(-REACH, REACH, POINTS[len(mean)], dtype=torch.float64)
            for m, s in zip(mean, spread, strict=True)]  # fmt: skip
    return torch.cartesian_prod(*axes).reshape(-1, len(mean)), math.prod(float(axis[1] - axis[0]) for axis in axes)


@torch.no_grad()
def _normalised_over_values(head: Likelihood, p: Distribution) -> None:
    total = None
    if head.measures.get("binary") == "counting":
        total = _sum_over(p, _pictures(p.event_shape.numel()))
    elif head.measures.get("grey") == "counting":
        total = _sum_over(p, _pictures(p.event_shape.numel(), levels=256))
    elif head.measures.get("real") == "lebesgue":
        total = torch.stack(list(_integrals(p)))
    if total is None:
        raise Broken("says no values (binary, grey or real) over which its density is normalised; see `measures`")
    hold(_near(total, torch.ones_like(total), 1e-3), f"p(x|z) sums to {total.tolist()} over all x")


def _pictures(pixels: int, levels: int = 2) -> Tensor:
    """All pictures of pixels of so many levels from 0 to 1, (levels^n, n)."""
    values = torch.arange(levels, dtype=torch.float64) / (levels - 1)
    return torch.cartesian_prod(*[values] * pixels).reshape(-1, pixels)


def _sum_over(p: Distribution, pictures: Tensor) -> Tensor:
    """The sum of the probabilities of all pictures (N, n), for each code of a batch (B,)."""
    parts = (part.reshape(-1, 1, *p.event_shape) for part in pictures.split(20_000))
    return torch.stack([p.log_prob(part).exp().sum(0) for part in parts]).sum(0)


def _first_pixel(p: Distribution) -> Tensor:
    """The probability, (1,), that the first one is lit."""
    pictures = _pictures(p.event_shape.numel())
    return (p.log_prob(pictures.reshape(-1, 1, *p.event_shape)).exp()[:, 0] * pictures[:, 0]).sum()[None]


@torch.no_grad()
def _draws_have_their_density(build: Build) -> None:
    """A chi-square test over all pictures of 2x3 binary pixels, whose probabilities add up to one."""
    shape = (1, 2, 3)
    head = _built(build, shape)
    _move(head)
    p = head(torch.randn((1, head.outputs, *shape), generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    pictures = _pictures(6)
    expected = p.log_prob(pictures.reshape(-1, 1, *shape)).exp()[:, 0]
    hold(abs(float(expected.sum()) - 1) < 1e-9, f"p(x|z) sums to {float(expected.sum()):.6f} over all 2x3 pictures")
    numbers = (_drawn(p).reshape(SAMPLES, 6) @ 2.0 ** torch.arange(5, -1, -1, dtype=torch.float64)).long()
    counts = torch.bincount(numbers, minlength=len(pictures))
    off = float(((counts - SAMPLES * expected).square() / (SAMPLES * expected)).sum())
    most = 63 + SURE * math.sqrt(2 * 63)
    hold(off < most, f"draws of p(x|z) are not as often as it says: chi-square {off:.0f} of 63 degrees of freedom")


def _integrals(p: Distribution) -> Iterator[Tensor]:
    for one in range(p.batch_shape[0]):
        grid, volume = _grid(p.mean[one], p.variance[one])
        yield p.log_prob(grid[:, None])[:, one].exp().sum() * volume


def _near(found: Tensor, expected: Tensor, tolerance: float) -> bool:
    return bool((found - expected).abs().max() <= tolerance)


LAWS = {"posterior": posterior_laws, "prior": prior_laws, "likelihood": likelihood_laws}
