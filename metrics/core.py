"""The types that metrics speak: codes and factors as arrays (N, D) and (N, F), and scores that describe themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from metrics.values import is_circle

if TYPE_CHECKING:
    from metrics.declared import Declared

Array = NDArray[np.float64]
Better = Literal["higher", "lower"]
Density = Literal["diagonal"]  # q(z|x) is a diagonal Gaussian
Prior = Literal["standard_normal"]
VIEWS = (
    "mean", "sample", "optimised_mean", "optimised_sample", "q_ew_mean", "q_ew_sample",
)  # fmt: skip  # names that a view may have, in the order of tables: the point code of a readout, and a draw of it
AMORTISED = "amortised"  # the readout of the encoder itself
Split = Literal["test", "validation"]
LARGEST = 1e15  # of an entry: beyond, neighbouring whole numbers coincide, and further on squares overflow
FEW = 100  # examples, below which whatever is measured is mostly chance
WIDEST = 256  # dimensions of a code beyond which what costs D^2, or a fit per axis, is not worth its wait
FACTOR_TYPES = ("discrete", "continuous", "circular", "label")


class Inapplicable(ValueError):
    """A metric that this data set cannot feed; `metrics=auto` leaves it out and says so, an explicit request fails."""


@dataclass(frozen=True)
class Codes:
    """N examples through an encoder, beside what is known about them."""

    views: Mapping[str, Array]  # name -> (N, D): first the mean of q(z|x), the point code, then one draw if any
    stddev: Array | None = None  # (N, D) standard deviation of q(z|x); None for a point code
    density: Density | None = None  # what a score may assume of q(z|x), beyond its mean and stddev
    factors: Array | None = None  # (N, F): discrete ones as 0..n-1, circular ones as 0..n-1 or in radians
    factor_names: tuple[str, ...] = ()
    factor_types: tuple[str, ...] = ()  # one of FACTOR_TYPES each
    symmetry: Array | None = None  # (N, F) whole n >= 1: 1/n of a turn of that circular factor changes nothing to see
    estimated: bool = False  # the means are averages of draws, and vary by their chance

    def __post_init__(self) -> None:
        _check_codes(self)

    @classmethod
    def points(cls, mean: Array, *known: Any) -> Codes:
        """Codes without a distribution; `known` are factors, factor_names, factor_types and symmetry."""
        return cls({"mean": mean}, None, None, *known)

    @classmethod
    def gaussians(cls, mean: Array, stddev: Array, sample: Array, *known: Any) -> Codes:
        """Diagonal Gaussian posteriors with one draw of each."""
        return cls({"mean": mean, "sample": sample}, stddev, "diagonal", *known)

    def __len__(self) -> int:
        return len(self.mean)

    @property
    def point(self) -> str:
        """The name of the view that is one code of each example, such as mean: what scores of a single code read."""
        return next(iter(self.views))

    @property
    def drawn(self) -> str | None:
        """The name of the view that is one draw of q(z|x), such as sample; None for a point code."""
        return next(iter([*self.views][1:]), None)

    @property
    def mean(self) -> Array:
        """(N, D) mean of q(z|x), the point code."""
        return self.views[self.point]

    @property
    def sample(self) -> Array:
        """(N, D) one draw of q(z|x) each; Inapplicable for point codes."""
        if self.drawn is None:
            raise Inapplicable(self.no_density)
        return self.views[self.drawn]

    @property
    def no_density(self) -> str:
        """Why scores that assume a diagonal Gaussian q(z|x) do not exist here, or nothing."""
        if self.stddev is None and self.drawn is None:
            return "a point code has no density q(z|x)"
        if self.density != "diagonal" or self.stddev is None or self.drawn is None:
            return "q(z|x) is not known to be a diagonal Gaussian, which this assumes"
        return "" if (self.stddev > 0).all() else "stddev is zero somewhere, where q(z|x) has no density"

    def diagonal(self) -> tuple[Array, Array, Array]:
        """Sample, mean and stddev (N, D) of diagonal Gaussian posteriors; Inapplicable where q(z|x) is none."""
        if self.stddev is None or self.no_density:
            raise Inapplicable(self.no_density)
        return self.sample, self.mean, self.stddev


@dataclass(frozen=True)
class Representation:
    """What every metric sees: probes may fit on `train` (images the VAE never saw), reported numbers are of `test`."""

    train: Codes
    test: Codes
    prior: Prior | None = None  # p(z) that the codes were held against, where a score may assume one
    matrices: dict[str, Array] = field(default_factory=dict, compare=False)  # (D, F) each, kept in matrices.npz
    readout: str = AMORTISED  # how the codes were read from the model

    def __post_init__(self) -> None:
        _check_pair(self.train, self.test)

    def matrix(self, name: str, compute: Callable[[], Array]) -> Array:
        """The (codes x factors) matrix of that name: computed by whoever asks first, read by all others."""
        if name not in self.matrices:
            self.matrices[name] = compute()
        return self.matrices[name]

    @property
    def views(self) -> tuple[str, ...]:
        """The names of the views of the codes: a point code has its mean alone."""
        return tuple(self.test.views)

    @property
    def point(self) -> str:
        """The name of the view that `train.mean` and `test.mean` are."""
        return self.test.point

    @property
    def drawn(self) -> str | None:
        """The name of the view that `train.sample` and `test.sample` are; None for point codes."""
        return self.test.drawn


@dataclass(frozen=True)
class Score:
    """One number with everything a table needs to know about it; one that does not exist has a reason."""

    name: str
    value: float | None
    stderr: float | None = None  # over examples (or draws), never over seeds
    unit: str = ""  # nats, accuracy, score, units, ...
    better: Better | None = None  # None: no direction (rate)
    representation: str | None = None  # the view's name
    factor: str | None = None  # None: not per factor, or the mean over factors
    num_labels: int | None = None
    reason: str = ""  # why the value is null, or what limits it (a cap, a sample size)
    selector: str = ""  # the entry of `metrics=[...]` that it came from; filled in by the benchmark, as are:
    readout: str = AMORTISED  # the entry of `readout=[...]` that the codes or densities were read by
    split: Split = "test"  # validation: what settings are chosen by, which no table shows


@dataclass(frozen=True)
class Measurement:
    """What a metric found: scores, and named curves (n, 3) of x, value and its standard error, kept beside them."""

    scores: Sequence[Score]
    curves: Mapping[str, Array] = field(default_factory=dict)


def unusable(array: Array) -> str:
    """Why numbers cannot be measured, or nothing."""
    if not np.isfinite(array).all():
        return "has NaN or infinite entries; remove those rows"
    largest = float(np.abs(array).max(initial=0.0))
    return f"has entries up to {largest:.1e}, at most {LARGEST:g} can be told apart; rescale it" * (largest > LARGEST)


def flagged(scores: Sequence[Score], representation: Representation) -> list[Score]:
    """The scores, each of which says so where a part has fewer than FEW examples and no estimate can be trusted."""
    fitted, scored = len(representation.train), len(representation.test)
    note = f"few examples: {fitted} to fit on, {scored} to score" if min(fitted, scored) < FEW else ""
    return [replace(score, reason=joined(score.reason, note)) for score in scores] if note else list(scores)


def joined(*parts: str) -> str:
    """What a row says, part by part; empty ones are left out."""
    return ", ".join(part for part in parts if part)


def too_wide(representation: Representation, declared: Iterable[Declared]) -> list[Score]:
    """A row with a reason for each score that is declared for narrower codes only (pixels are too wide, for one)."""
    dimensions = representation.test.mean.shape[1]
    return [
        Score(of.name, None, reason=f"{dimensions} dimensions are more than the {of.widest} that this is made for")
        for of in declared
        if of.widest is not None and dimensions > of.widest
    ]


def _check_codes(codes: Codes) -> None:
    arrays = dict(codes.views) if codes.stddev is None else {**codes.views, "stddev": codes.stddev}
    shapes = [array.shape for array in arrays.values()]
    if not any(name.endswith("mean") for name in [*codes.views][:1]) or codes.mean.ndim != 2 or len(set(shapes)) > 1:
        raise ValueError(f"{', '.join(arrays)} must begin with a mean and share one shape (N, D), got {shapes}")
    if codes.factors is not None and codes.factors.shape != (len(codes.mean), len(codes.factor_names)):
        expected = (len(codes.mean), len(codes.factor_names))
        raise ValueError(f"factors have shape {codes.factors.shape}, expected (N, F) = {expected}")
    if codes.factors is None and codes.factor_names:
        raise ValueError(f"factors {codes.factor_names} are named but not given")
    if len(codes.factor_names) != len(codes.factor_types):
        raise ValueError(f"{len(codes.factor_names)} factor names but {len(codes.factor_types)} factor types")
    if wrong := set(codes.factor_types) - set(FACTOR_TYPES):
        raise ValueError(f"unknown factor types {sorted(wrong)}; choose from {FACTOR_TYPES}")
    for name, array in arrays.items() if codes.factors is None else (*arrays.items(), ("factors", codes.factors)):
        if why := unusable(array):
            raise ValueError(f"{name}: {why}")
    if codes.factors is not None:
        _check_circles(codes.factors, codes)
    if codes.stddev is not None and (codes.stddev < 0).any():
        raise ValueError("stddev has negative entries")
    if codes.symmetry is not None:
        _check_symmetry(codes.symmetry, codes)


def _check_circles(factors: Array, codes: Codes) -> None:
    for name, kind, column in zip(codes.factor_names, codes.factor_types, factors.T, strict=True):
        if kind == "circular" and len(column) and not is_circle(column):
            raise ValueError(f"circular factor {name!r} is neither whole numbers 0..n-1 nor in radians")


def _check_symmetry(symmetry: Array, codes: Codes) -> None:
    expected = (len(codes.mean), len(codes.factor_names))
    if symmetry.shape != expected:
        raise ValueError(f"symmetry has shape {symmetry.shape}, expected that of the factors, (N, F) = {expected}")
    if not ((symmetry >= 1) & (symmetry == np.round(symmetry))).all():
        raise ValueError("symmetry has entries that are no whole number from 1 on; write 1 where there is none")
    for name, kind, column in zip(codes.factor_names, codes.factor_types, symmetry.T, strict=True):
        if kind != "circular" and (column != 1).any():
            raise ValueError(
                f"symmetry of factor {name!r} must be 1: it is {kind}, and only circular ones can have any"
            )


def _check_pair(train: Codes, test: Codes) -> None:
    if train.mean.shape[1] != test.mean.shape[1]:
        raise ValueError(f"train has {train.mean.shape[1]} code dimensions, test has {test.mean.shape[1]}")
    if (train.factor_names, train.factor_types) != (test.factor_names, test.factor_types):
        raise ValueError(f"train and test describe different factors: {train.factor_names}, {test.factor_names}")
    if tuple(train.views) != tuple(test.views) or train.density != test.density:
        raise ValueError(f"train and test must have the same views and density: {[*train.views]}, {[*test.views]}")
    for known in ("factors", "symmetry", "stddev"):
        if (getattr(train, known) is None) != (getattr(test, known) is None):
            raise ValueError(f"train and test must both have {known}, or neither")
    if not len(train) or not len(test):
        raise ValueError(f"train has {len(train)} examples and test {len(test)}; both need at least one")
