"""Claims that are no comparison of two sides: an inverted U over beta, and what explains a score's variance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmark.reporting.claims import Unchecked
from benchmark.reporting.findings import Finding, require_all, value_of, values_of
from benchmark.reporting.statistics import Estimate, of_values
from benchmark.reporting.variance import ALIVE, FEWEST_SEEDS, Shares, explained, methods_of
from benchmark.store.selection import beta_of, told_apart

if TYPE_CHECKING:
    from benchmark.reporting.claims import Claim
    from benchmark.store.asked import Asked

CHOOSING = 5  # one of so many seeds chooses beta*, at least one; the others test it
BySeed = Mapping[int, float]


def inverted_u(claim: Claim, sides: Sequence[Sequence[Asked]]) -> Finding:
    """Whether a beta* between that of `from_beta` and the greatest scores higher than both, by the margin; a side for
    each beta.

    What is printed is the less certain of its two differences. The claim is contradicted if no beta in between passes.
    A collapse is no decline: the greatest beta must have ALIVE active units for the claim to hold.
    """
    strengths = [(beta, side) for side in sides for beta in {beta_of(run) for run in side} if beta]
    by_beta = {beta: side for beta, side in strengths if beta >= claim.from_beta}
    if len(by_beta) < 3 or claim.from_beta not in by_beta:
        there = ", ".join(f"{beta:g}" for beta in by_beta)
        raise Unchecked(f"it needs beta = {claim.from_beta:g} and two greater ones; there are {there or 'none'}")
    found = peak({beta: values_of(claim, side) for beta, side in by_beta.items()}, claim.margin)
    (weaker, estimate), (other, second) = found.differences[found.beta].items()
    last = max(by_beta)
    return Finding(
        estimates=tuple(next(iter(pair.values())) for pair in found.differences.values()),
        bound=claim.margin,
        above=True,
        quantity=f"beta* = {found.beta:g} over beta = {weaker:g}: difference",
        unit=None,
        sample=f"n = {estimate.n} seeds; beta* was chosen on {_seeds(found.chosen_on)}",
        used=tuple(run for side in by_beta.values() for run in side),
        notes=(f"over beta = {other:g}: {second.interval()}",),
        doubts=_collapsed_end(last, by_beta[last]),
    )


@dataclass(frozen=True)
class Peak:
    """The beta* that some seeds chose, and on the others its differences to both ends, the less certain one first."""

    beta: float
    chosen_on: Sequence[int]
    differences: Mapping[float, Mapping[float, Estimate]]  # beta (beta* first) -> end -> difference


def peak(values: Mapping[float, BySeed], margin: float = 0.0) -> Peak:
    """beta -> seed -> score: the best beta between the least and the greatest one, tested on seeds that did not choose.

    The first fifth of the seeds, at least one, chooses: a beta that is chosen and tested on the same seeds wins where
    nothing does (in 9 % of simulations with six betas in between that are all alike), and a greater part that chooses
    leaves less power to the test.
    """
    one, *inner, last = sorted(values)
    seeds = sorted(set.intersection(*(set(of) for of in values.values())))
    few = max(1, len(seeds) // CHOOSING)
    if len(seeds) - few < 2:
        raise Unchecked(f"every beta has {len(seeds)} seeds; one chooses beta*, and an interval needs two others")
    best = max(inner, key=lambda beta: sum(values[beta][seed] for seed in seeds[:few]))
    ends, testing = {end: values[end] for end in (one, last)}, seeds[few:]
    return Peak(best, seeds[:few], {beta: _over(values[beta], ends, testing, margin) for beta in (best, *inner)})


def _over(values: BySeed, ends: Mapping[float, BySeed], seeds: Sequence[int], margin: float) -> dict[float, Estimate]:
    found = {end: of_values(values[seed] - of[seed] for seed in seeds) for end, of in ends.items()}
    return dict(sorted(found.items(), key=lambda pair: _certainty(pair[1], margin)))


def _certainty(estimate: Estimate, bound: float) -> float:
    """Student's t."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(np.nan_to_num(np.float64(estimate.mean - bound) / estimate.stderr))


def _seeds(seeds: Sequence[int]) -> str:
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {', '.join(map(str, seeds))}"


def _collapsed_end(beta: float, runs: Iterable[Asked]) -> tuple[str, ...]:
    units = _active_units(runs)
    if units is None:
        return (f"whether beta = {beta:g} has {ALIVE} active units is not known: it needs metrics=[information]",)
    if units < ALIVE:
        return (f"beta = {beta:g} has collapsed ({units:.1f} active units): its fall is no decline",)
    return ()


def _active_units(runs: Iterable[Asked]) -> float | None:
    """The mean number of active units; None where no run says."""
    scores = (score for run in runs if run.record for score in run.record.scores if score.name == "active_units")
    found = [score.value for score in scores if score.value is not None]
    return float(np.mean(found)) if found else None


def of_shares(claim: Claim, runs: Sequence[Asked]) -> Finding:
    """What explains the metric's variance over runs.

    `configuration_over_seed`: method and strength together explain more than the seed does, whose share is below 1/2.
    `seed_over_method`: the method explains less than the seed does *(Locatello et al., 2019)*.
    Configurations with fewer than ALIVE active units do not count.
    """
    alive, dead = _alive(runs)
    values = {run.name: value_of(claim, run) for run in alive}
    require_all(claim, [run for run in alive if values[run.name] is None], len(alive))
    found = _explained(alive, [value for value in values.values() if value is not None])
    if claim.relation == "seed_over_method" and found.methods < 2:
        raise Unchecked("all runs are of one method (the ELBO is the beta = 1 of a beta-VAE)")
    estimate, bound, quantity = {
        "configuration_over_seed": (found.seed, 0.5, "the seed's share of the variance"),
        "seed_over_method": (found.method_minus_seed, 0.0, "share of the method minus that of the seed"),
    }[claim.relation]
    few = f"{found.seeds} seeds of a configuration are planned, and shares of variance need {FEWEST_SEEDS}"
    return Finding(
        estimates=(estimate,),
        bound=bound,
        above=False,
        quantity=quantity,
        unit="",
        sample=f"n = {estimate.n} runs of {found.configurations} configurations of {_methods(found.methods)}",
        used=tuple(alive),
        notes=(f"left out as collapsed: {'; '.join(dead)}",) if dead else (),
        reasons=(few,) if found.seeds < FEWEST_SEEDS else (),
    )


def _methods(number: int) -> str:
    return "one method" if number == 1 else f"{number} methods"


def _alive(runs: Sequence[Asked]) -> tuple[list[Asked], list[str]]:
    """The runs of configurations that have not collapsed, or do not say; what to call the others."""
    by_configuration: dict[str, list[Asked]] = defaultdict(list)
    for run in runs:
        by_configuration[run.configuration].append(run)
    units = {name: _active_units(of) for name, of in by_configuration.items()}
    names = dict(zip(by_configuration, told_apart([of[0] for of in by_configuration.values()]), strict=True))
    dead = {name for name, number in units.items() if number is not None and number < ALIVE}
    return [run for run in runs if run.configuration not in dead], [names[name] for name in sorted(dead)]


def _explained(runs: Sequence[Asked], values: Sequence[float]) -> Shares:
    methods = methods_of([run.choices.get("objective", "") for run in runs])
    names = [f"{method} {run.choices.get('model')}" for method, run in zip(methods, runs, strict=True)]
    found = explained(values, names, [run.configuration for run in runs])
    if found is None:
        raise Unchecked("shares of variance need two configurations of two seeds each that differ")
    return found
