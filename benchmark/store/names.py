"""Names as people ask for things by them: a score with its view of the codes, or its readout, in brackets; files."""

from __future__ import annotations

from metrics.core import AMORTISED, Score


def metric_and_code(name: str) -> tuple[str, str]:
    """A score as people ask for it: "mig_hist[mean]" is ("mig_hist", "mean"), "elbo" is ("elbo", "")."""
    metric, _, code = name.removesuffix("]").partition("[")
    return metric, code


def is_called(name: str, score: Score) -> bool:
    """Whether a score, mean over factors, has that name. Brackets hold a view of the codes, or a readout; without them
    it is of the encoder's own readout, of its point codes if of any."""
    metric, code = metric_and_code(name)
    if score.name != metric or score.factor is not None:
        return False
    if not code:
        return score.readout == AMORTISED and score.representation in (None, "mean")
    return code in (score.representation, score.readout)


def file_of(name: str, readout: str) -> str:
    """The file of a readout in a run's folder: codes.npz, or codes_<readout>.npz of others than the encoder's own."""
    stem, dot, kind = name.rpartition(".")
    return name if readout == AMORTISED else f"{stem}_{readout}{dot}{kind}"


def of_other_readouts(name: str) -> str:
    """What matches such files of all others."""
    return file_of(name, "*")
