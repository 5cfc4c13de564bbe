"""What scores and matrices mean, as plain data beside the function that computes them; here is how it is looked up.

A file of metrics has `SCORES`, a tuple with a Declared for every name that it emits, and may have `MATRICES`. Whoever
shows scores (tables, legends, figures, tests) reads these and keeps no list of its own.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from types import ModuleType
from typing import Any, Literal, TypeVar

from metrics.core import Better

NO_ZERO = "no usable zero"  # stands in the reading of a score of which chance or noise gets something
UNBOUNDED = float("inf")
UNIT = (0.0, 1.0)
BOUND, REPRESENTATION = "bound", "representation"
INFORMATION, PREDICTION, INTERVENTION, DEPENDENCE = (
    f"disentanglement: {how}" for how in ("information", "prediction", "intervention", "dependence of codes")
)  # what stands before the colon shares a block of a table where there is room
TOPICS = (BOUND, REPRESENTATION, INFORMATION, PREDICTION, INTERVENTION, DEPENDENCE)  # in the order of tables
Change = Literal[
    "permuted",  # axes in another order
    "flipped",  # the signs of axes
    "small",  # all axes in units a hundred times as large
    "large",  # or as small
    "shifted",  # all axes moved
    "constant",  # one axis more that is always the same
    "one_axis",  # single axes in other units
    "outlier",  # one example far out on one axis
    "noise_far",  # the same on an axis that knows nothing
]
PACKAGES = ["metrics"]  # whose files are read, and single modules of a user's: see read_also


@dataclass(frozen=True)
class Declared:
    """A score: what it is called, what its numbers mean, what it depends on, and where it is shown.

    `name` may hold a number in capitals, `iwae_<K>`, which then also stands in `title`. What noise scores is held to
    what `reading` says of chance, in the words of `benchmark/checks/declared.py`: "0: chance", or at its end "noise is
    about 0.25". A score that is better higher and of which noise gets more than 0.05 says NO_ZERO there.
    """

    name: str
    title: str
    meaning: str  # what is measured, for a legend
    reading: str  # how to read a value: the range, what 1 and 0 mean, what chance or noise scores (NO_ZERO: not 0)
    unit: str = "score"
    better: Better | None = "higher"  # None: no direction
    range: tuple[float, float] = UNIT
    topic: str = BOUND  # one of TOPICS, or one of its own, which comes last
    column: int = 0  # its place among the columns of its topic; 0: a column only where somebody asks for it
    drawn: bool = False  # a column that figures show too: they have room for the most asked-for scores only
    every_view: bool = False  # a column for each view of the codes, not only for the first that was measured
    unless: str = ""  # the score that makes this column superfluous where a group has both
    related: int = 0  # its place in the figures of many scores (rank correlations, shares of variance); 0: none
    sorts: int = 0  # leaderboards are sorted by the measured score with the least of these; 0: only where asked for
    changed_by: tuple[Change, ...] = ()  # by definition; all other changes leave it as it is
    widest: int | None = None  # dimensions of a code beyond which it is not measured

    @property
    def usable_zero(self) -> bool:
        """Whether chance scores nothing."""
        return NO_ZERO not in self.reading

    @property
    def example(self) -> str:
        """A name that a run could have: iwae_100."""
        return re.sub("<[A-Z]+>", "100", self.name)


@dataclass(frozen=True)
class Matrix:
    """A kind of matrix (D, F): its name in matrices.npz (`<B>` a number, `<word>` a word), its words and its scale."""

    name: str
    title: str
    unit: str
    place: float  # among the panels of a picture
    top: float | None = 1.0  # of the scale; None: the greatest entry


Named = TypeVar("Named", Declared, Matrix)


def scores() -> tuple[Declared, ...]:
    """Every declared score, in the order of tables; those without a column of their own come last in their topic."""
    return _sorted_scores(tuple(PACKAGES))


def matrices() -> tuple[Matrix, ...]:
    """Every declared kind of matrix, in the order of pictures."""
    return _sorted_matrices(tuple(PACKAGES))


def in_order(found: Iterable[Declared]) -> list[Declared]:
    """Scores in the order of tables: by topic and column; equals stay as they are."""
    places = {topic: place for place, topic in enumerate(TOPICS)}
    return sorted(found, key=lambda of: (places.get(of.topic, len(TOPICS)), of.column or UNBOUNDED))


def declared(name: str) -> Declared | None:
    """What is declared of a score, with its number in name and title; None where nothing is."""
    return looked_up(scores(), name)


def declared_matrix(name: str) -> Matrix | None:
    """What is declared of a matrix; None where nothing is."""
    return looked_up(matrices(), name)


def title_of(score: str) -> str:
    """The title of a score, such as IWAE-100; its name without underscores where none is declared."""
    found = declared(score)
    return found.title if found else score.replace("_", " ")


def read_also(module: str) -> None:
    """Read the declarations of a module of somebody else's too, once it has been found fit to be imported."""
    if module not in PACKAGES:
        PACKAGES.append(module)


def modules() -> Iterator[ModuleType]:
    """The files of our package, and the single modules of others."""
    for name in PACKAGES:
        package = importlib.import_module(name)
        yield package
        if name != PACKAGES[0]:
            continue
        for found in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{name}."):
            yield importlib.import_module(found.name)


@cache
def _sorted_scores(packages: tuple[str, ...]) -> tuple[Declared, ...]:
    return tuple(in_order(_all("SCORES")))


@cache
def _sorted_matrices(packages: tuple[str, ...]) -> tuple[Matrix, ...]:
    return tuple(sorted(_all("MATRICES"), key=lambda of: of.place))


def _all(attribute: str) -> list[Any]:
    return [one for module in modules() for one in vars(module).get(attribute, ())]


@lru_cache(maxsize=4096)
def looked_up(among: tuple[Named, ...], name: str) -> Named | None:
    """The entry of that name, with its number in name and title; None where there is none."""
    for one in among:
        if match := re.fullmatch(_pattern(one.name), name):
            title = one.title
            for key, text in match.groupdict().items():
                title = title.replace(f"<{key}>", text)
            return replace(one, name=name, title=title)
    return None


def _pattern(name: str) -> str:
    """The regular expression of a name with places for numbers (<K>) and words (<word>)."""
    return re.sub("<([A-Z]+)>", r"(?P<\1>\\d+)", re.sub("<([a-z]+)>", r"(?P<\1>\\w+)", name))
