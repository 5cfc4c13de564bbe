"""What the parts of the rate mean that need a model's densities (benchmark.measure.surgery), in nats."""

from __future__ import annotations

from functools import partial

from metrics.declared import Declared
from metrics.densities import ELBO, LIMITLESS

_nats = partial(Declared, unit="nats", better=None, range=LIMITLESS)
CHANCE = "0 or more but for the chance of its draws; "
GAP = "0: the decoder inverts the encoder; no direction"

SCORES = (
    _nats("index_code_information", "index-code information", "I_q(n; z), what a code tells of which of the N test "
          "examples it is of; at most I(x;z)", f"{CHANCE}at most log N, the cap, reached by any narrow posteriors; 0: "
          "collapsed; no direction"),
    _nats("index_code_information_upper", "index-code information, upper bound", "what index-code information of any "
          "number of examples, I(x;z), is at most", "upper bound: the rate, the rate under the aggregate posterior of "
          "all other examples, or the entropy of the data, the least of them; no direction"),
    _nats("empirical_marginal_kl", "empirical marginal KL", "KL(q(z) || p(z)) of the N test examples: the rate less "
          "index-code information", f"{CHANCE}0: q(z) is the prior; at least that of the population; no direction"),
    _nats("empirical_total_correlation", "empirical total correlation", "KL(q(z) || prod_j q(z_j)) of the N test "
          "examples", f"{CHANCE}grows with D log N where posteriors are narrow for N; no direction"),
    _nats("empirical_dimensionwise_kl", "empirical dimension-wise KL", "sum_j KL(q(z_j) || p(z_j)) of the N test "
          "examples", f"{CHANCE}0: each axis of q(z) is that of the prior; no direction"),
    _nats("aggregate_rate", "rate under the aggregate posterior", "E KL(q(z|x) || q(z)), q(z) of the probe images",
          "at least I(x;z); no direction"),
    _nats("aggregate_elbo", "ELBO under the aggregate posterior", "-(aggregate rate + distortion)", ELBO,
          better="higher"),
    _nats("data_entropy", "entropy of the data", "H(x), the least that rate and distortion sum to",
          "of the data set, not of a model; no direction"),
    _nats("decoder_gap", "decoder gap", "I - (H - D) = E KL(p(x|z) of the encoder || p(x|z) of the decoder)",
          f"lower bound; {GAP}"),
    _nats("decoder_gap_upper", "decoder gap, upper bound", "what the decoder gap is at most", f"upper bound; {GAP}"),
)  # fmt: skip
