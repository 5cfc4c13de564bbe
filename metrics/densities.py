"""What the scores mean that need a model's densities: bounds on log p(x) and their parts, and closed forms, in nats.

They are computed where there is a model (benchmark.measure.densities), which arrays of codes have none of.
"""

from __future__ import annotations

from functools import partial

from metrics.declared import UNBOUNDED, Declared

LIMITLESS = (-UNBOUNDED, UNBOUNDED)  # of densities
_nats = partial(Declared, unit="nats", range=LIMITLESS)
OPTIMUM = "the closed form at the optimum"
RATE = "from 0 nats; 0: the code knows nothing of the example; no direction"
DISTORTION = "lower is better; the data's entropy is the floor at an unlimited rate"
ELBO = "higher is better; at most log p(x), and so minus the data's entropy on average"
EVIDENCE = "higher is better; iwae_K is at most log p(x), between ELBO and evidence"

SCORES = (
    _nats("rate", "rate", "E KL(q(z|x) || p(z)), what the code costs per example", RATE, better=None,
          column=1, drawn=True, related=180),
    _nats("exact_rate", "exact rate", OPTIMUM, RATE, better=None, range=(0, UNBOUNDED), column=2, drawn=True),
    _nats("distortion", "distortion", "-E log p(x|z), what the decoder still misses", DISTORTION, better="lower",
          column=3, drawn=True),
    _nats("exact_distortion", "exact distortion", OPTIMUM, DISTORTION, better="lower", column=4, drawn=True),
    _nats("elbo", "ELBO", "-(rate + distortion), a lower bound on log p(x)", ELBO, column=5, drawn=True,
          related=190, sorts=2),
    _nats("exact_elbo", "exact ELBO", OPTIMUM, ELBO, column=6, drawn=True),
    _nats("iwae_<K>", "IWAE-<K>", "log-mean of that many importance weights, a tighter bound on log p(x)", EVIDENCE,
          column=7, drawn=True, related=200, sorts=1),
    _nats("exact_log_evidence", "exact log evidence", "E log p(x) of this model in closed form, which its bounds "
          "exceed by chance only", EVIDENCE, column=8, drawn=True),
    Declared("exact_active_units", "exact active units", OPTIMUM, "0..D; 0: collapsed; says used, not useful: noise "
             "of unit variance counts", "units", None, (0, UNBOUNDED), column=10, drawn=True),
    _nats("exact_entropy", "exact entropy", "H(x) of the data's distribution", "from 0 nats; a property of the data",
          better=None, range=(0, UNBOUNDED)),
    _nats("exact_information", "exact information", "I(x;z) under the encoder, an exact sum", "from 0 nats, at most "
          "the rate; no direction", better=None, range=(0, UNBOUNDED), column=12, drawn=True),
    _nats("exact_marginal_gap", "exact marginal gap", "R - I = KL(e(z) || m(z))", "from 0 nats; 0: the marginal is "
          "that of the codes; no direction", better=None, range=(0, UNBOUNDED)),
    _nats("exact_decoder_gap", "exact decoder gap", "I - (H - D) = E KL(p_e(x|z) || d(x|z))", "lower is better; 0: the "
          "decoder inverts the encoder", better="lower", range=(0, UNBOUNDED)),
    _nats("shuffled_distortion", "shuffled distortion", "-E log p(x|z) at the code of another example", "from the "
          "distortion of a decoder without code; no direction", better=None),
    _nats("code_gain", "code gain", "what the distortion is at the code of another example above that at the own one",
          "higher is better; 0: the decoder ignores its code"),
    _nats("rate_train", "rate on training images", "the rate of images that the model was trained on", RATE,
          better=None),
    _nats("distortion_train", "distortion on training images", "the distortion of images that the model was trained on",
          DISTORTION, better="lower"),
    _nats("distortion_gap", "train-test gap", "the distortion on test images above that on training images",
          "0: training images are nothing special; no direction", better=None, column=13),
    _nats("frontier_distance", "distance to the frontier", "how far the distortion is above the frontier of all "
          "families at this rate", "lower is better; 0: on the frontier", better="lower", range=LIMITLESS),
    Declared("bits_per_dimension", "bits per dimension", "minus the ELBO over the numbers of an example, in base 2",
             "lower is better; of discrete data alone", "bits", "lower", (0, UNBOUNDED)),
    Declared("effective_sample_size", "effective sample size", "how many of the importance samples count",
             "1..K; K: every importance weight alike; 1: one sample decides", "samples", range=(1, UNBOUNDED)),
)  # fmt: skip
