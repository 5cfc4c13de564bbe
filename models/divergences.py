"""KL(q(z|x) || p(z)), (B,) nats: in closed form wherever one is known between our heads, else by Monte Carlo."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Distribution, Independent, MultivariateNormal, Normal, kl_divergence
from torch.distributions.kl import register_kl

from models.distributions import Delta, NoDensity, is_diagonal_normal


@register_kl(MultivariateNormal, Independent)
def _full_from_diagonal(q: MultivariateNormal, p: Independent) -> Tensor:
    """1/2 (tr(S_p^-1 S_q) + (m_p - m_q)^T S_p^-1 (m_p - m_q) - D + log |S_p| / |S_q|) with a diagonal S_p."""
    if not is_diagonal_normal(p):
        raise NotImplementedError
    rows = q.scale_tril / p.stddev[..., None]
    square = rows.square().sum((-1, -2)) + ((p.mean - q.loc) / p.stddev).square().sum(-1)
    log_ratio = p.stddev.log().sum(-1) - q.scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)
    return 0.5 * (square - q.loc.shape[-1]) + log_ratio


@register_kl(Delta, Distribution)
def _of_a_point(q: Delta, p: Distribution) -> Tensor:
    raise NoDensity("a point posterior has no density q(z|x), and so no rate")


def closed_form_kl(posterior: Distribution, prior: Distribution) -> Tensor | None:
    """The KL where it is known in closed form, (B,); NoDensity where there is none at all."""
    try:
        return kl_divergence(posterior, prior)
    except NotImplementedError:
        return None


def kl_per_dimension(posterior: Distribution, prior: Distribution) -> Tensor | None:
    """KL(q(z_d|x) || p(z_d)), (B, D), where both factorise over dimensions; else None."""
    if not (is_diagonal_normal(posterior) and is_diagonal_normal(prior)):
        return None
    return kl_divergence(_axes(posterior), _axes(prior))


def _axes(distribution: Distribution) -> Normal:
    assert isinstance(distribution, Independent)
    base = distribution.base_dist
    assert isinstance(base, Normal)
    return base
