"""Whether a decoder uses its code: the distortion of every example at its own code, and at another's, in nats."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

from benchmark.measure.densities import TrainedModel, mean_score
from metrics.core import AMORTISED, Inapplicable, Score
from models.noise import Noise
from models.sampling import draw
from models.vae import VAE


def code_use(trained: TrainedModel) -> list[Score]:
    """shuffled_distortion = -E log p(x|z'), z' ~ q(z|x') of another test example x', a draw each, in nats; code_gain is
    what it is above the distortion at z ~ q(z|x).

    A decoder that ignores its code has no gain, whatever its rate is stated to be; one that was made to spend a rate on
    something useful has one of about that rate. It may be larger: a wrong code misleads more than none.
    """
    if trained.model is None:
        raise Inapplicable(f"{trained.no_density}, so no decoder that could use them")
    if trained.readout != AMORTISED:
        return []
    pairs = [_distortions(trained.model, x, q, trained.noise) for x, q in trained.blocks() if len(x) > 1]
    if not pairs:
        raise Inapplicable("one example alone has no other's code")
    own, other = torch.cat([pair[0] for pair in pairs]), torch.cat([pair[1] for pair in pairs])
    note = "the code of another test example, one draw"
    return [
        mean_score("shuffled_distortion", other, None, note),
        mean_score("code_gain", other - own, "higher", note),
    ]


@torch.no_grad()
def _distortions(model: VAE, x: Tensor, posterior: Distribution | None, noise: Noise) -> tuple[Tensor, Tensor]:
    """-log p(x|z) at a draw of the own posterior and at that of the neighbour in the block, (B,) each."""
    posterior = model.encoder(x) if posterior is None else posterior
    z = draw(posterior, 1, noise)
    own, other = (-model.weigh(x, codes, posterior).log_px_z[0].double() for codes in (z, z.roll(1, 1)))
    return own, other
