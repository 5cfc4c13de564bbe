"""How well a model of labels tells them: error and information on the test split, of draws of z, shares and nats."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from benchmark.measure.densities import TrainedModel, mean_score, sampled
from metrics.core import AMORTISED, Inapplicable, Score
from models.distributions import has_density
from models.noise import Noise
from models.sampling import draw
from models.supervised import classes_of
from models.types import Count
from models.vae import VAE


def classification(trained: TrainedModel, *, num_samples: Count = 12) -> list[Score]:
    """classification_error by one draw of z for each test example, and classification_error_averaged by the mean of the
    class probabilities over `num_samples` draws *(Alemi et al., 2017, average 12)*, the first of them the same;
    label_information = H(Y) - distortion <= I(z; Y), nats, H(Y) of the test labels.

    Standard errors are over test examples. Of a point posterior there is the one z.
    """
    model = trained.model
    if model is None or not (classes := classes_of(model)):
        raise Inapplicable("there is no model of labels, as model=vib is")
    if trained.readout != AMORTISED:
        return []
    pairs = [_wrong(model, x, posterior, num_samples, trained.noise) for x, posterior in trained.blocks()]
    one, averaged = torch.cat([pair[0] for pair in pairs]), torch.cat([pair[1] for pair in pairs])
    random = not trained.posteriors or has_density(trained.posteriors[0])
    many = f"probabilities averaged over {num_samples} draws" if random else "at the one z of a point posterior"
    found = [
        mean_score("classification_error", one, "lower", "one draw of z per example" if random else many),
        mean_score("classification_error_averaged", averaged, "lower", many),
    ]
    return [*(replace(score, unit="share") for score in found), _information(trained, model, classes)]


@torch.no_grad()
def _wrong(
    model: VAE, x: Tensor, posterior: Distribution | None, num_samples: int, noise: Noise
) -> tuple[Tensor, Tensor]:
    """Whether the likeliest class is not the label's, by the first draw and by the average of all, (B,) each."""
    posterior = model.encoder(x) if posterior is None else posterior
    decoded: Any = model.decoder(draw(posterior, num_samples, noise))
    probs = decoded.probs
    label = x[:, -probs.shape[-1] :].argmax(-1)
    return probs[0].argmax(-1) != label, probs.mean(0).argmax(-1) != label


def _information(trained: TrainedModel, model: VAE, classes: int) -> Score:
    """H(Y) - distortion, of the same draws as the distortion of `rate_distortion`."""
    parts, _ = sampled(trained, model)
    labels = trained.x[:, -classes:].double()
    surprise = -(labels @ labels.mean(0).log().clamp_min(-1e9))  # its mean is the entropy of the labels
    note = f"H(Y) = {float(surprise.mean()):.6g} nats of the test labels, less the distortion"
    distortion = torch.cat([part.distortion for part in parts])
    return mean_score("label_information", surprise - distortion, "higher", note)
