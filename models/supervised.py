"""Deep VIB: codes z of the pixels of a labelled example (n,) that are to tell its label; nats."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from models.heads import DEFAULT, Heads
from models.likelihoods import Measure, Values
from models.networks import ACTIVATIONS
from models.posteriors import Encoder
from models.precision import through
from models.types import Activation, Count
from models.vae import VAE
from models.weights import glorot

DRAWING = 32  # multiplications that drawing one number costs


class LabelOf(Distribution):
    """p(label|z) of logits (..., C), as a distribution of the examples (n,) whose last C numbers are the one-hot label.

    log p(x|z) is that of the label: nothing is said of the pixels.
    """

    def __init__(self, logits: Tensor, size: int) -> None:
        self.log_probs = logits.log_softmax(-1)
        super().__init__(logits.shape[:-1], torch.Size((size,)), validate_args=False)

    @property
    def probs(self) -> Tensor:
        """The probability of each class, (..., C)."""
        return self.log_probs.exp()

    @property
    def mean(self) -> Tensor:
        """The probabilities in the place of the label, and zeros in that of the pixels, (..., n)."""
        return nn.functional.pad(self.probs, (self.event_shape[0] - self.log_probs.shape[-1], 0))

    def log_prob(self, value: Tensor) -> Tensor:
        """log p(label|z) of examples (..., n), nats."""
        return (value[..., -self.log_probs.shape[-1] :] * self.log_probs).sum(-1)


class LabelDecoder(nn.Module):
    """z (..., D) -> p(label|z), linear in z *(Alemi et al., 2017)*."""

    def __init__(self, latent_dim: int, size: int, classes: int) -> None:
        super().__init__()
        self.network = nn.Linear(latent_dim, classes)
        self.size, self.classes = size, classes

    def forward(self, z: Tensor) -> Distribution:
        """Batch (...), event (n,)."""
        return LabelOf(through(self.network, z), self.size)


class Unlabelled(nn.Module):
    """The pixels of x (B, n) in [0, 1] without the label at its end, as 2 x - 1."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.classes = classes

    def forward(self, x: Tensor) -> Tensor:
        """(B, n - C)."""
        return 2 * x[..., : -self.classes] - 1


class VIB(VAE):
    """The variational information bottleneck *(Alemi et al., 2017)*: q(z|pixels), p(label|z), p(z).

    Its rate is that of every VAE here, an upper bound of I(z; pixels); its distortion is the cross-entropy of the
    label, and H(label) less that a lower bound of I(z; label). With a point posterior it is an ordinary classifier. The
    likelihood is its own: a categorical distribution over the labels.
    """

    measures: ClassVar[Mapping[Values, Measure]] = {"labelled": "counting"}

    def __init__(
        self,
        shape: tuple[int, ...],
        mean: Tensor,
        heads: Heads = DEFAULT,
        *,
        latent_dim: Count = 256,
        hidden: tuple[Count, ...] = (1024, 1024),
        activation: Activation = "relu",
        classes: Count = 10,
    ) -> None:
        if len(shape) != 1 or shape[0] <= classes:
            raise ValueError(f"model=vib needs vectors of pixels and a label of {classes} classes, this data set has "
                             f"shape {shape} (use dataset=mnist_with_labels)")  # fmt: skip
        widths = (shape[0] - classes, *hidden)
        layers: list[nn.Module] = [Unlabelled(classes)]
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), ACTIVATIONS[activation]()]
        encoder = Encoder(nn.Sequential(*layers), heads.posterior(widths[-1], latent_dim))
        decoder = LabelDecoder(latent_dim, shape[0], classes)
        glorot(encoder)
        glorot(decoder)
        super().__init__(encoder, decoder, heads.prior(latent_dim))

    @property
    def multiplications(self) -> int:
        """What one code costs: drawing it is more than decoding it."""
        return super().multiplications + DRAWING * self.prior().event_shape[-1]


def classes_of(model: VAE) -> int:
    """Of how many classes the label is that a model scores; 0 where it scores the values of x."""
    decoder: Any = model.decoder
    return getattr(decoder, "classes", 0)
