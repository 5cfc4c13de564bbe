"""The name of a score as people ask for it, with the view of the codes in brackets."""

from __future__ import annotations


def metric_and_code(name: str) -> tuple[str, str]:
    """A score as people ask for it: "mig_hist[mean]" is ("mig_hist", "mean"), "elbo" is ("elbo", "")."""
    metric, _, code = name.removesuffix("]").partition("[")
    return metric, code
