"""What figures have in common: their style, and a colour and marker for every configuration."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
import seaborn
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.lines import Line2D

from benchmark.drawing.layout import LABEL
from benchmark.reporting.names import spoken
from benchmark.reporting.text import shortened

ENTRIES = 80  # of a legend
MARKERS = "osD^vP*X<>"
GREY = "#949494"  # is for references
PALETTE = tuple(colour for colour in seaborn.color_palette("colorblind").as_hex() if colour != GREY)
STYLE: dict[Any, Any] = {**seaborn.axes_style("whitegrid"), "grid.color": "0.92"}
STYLE |= {
    "axes.titlesize": 10,
    "axes.labelsize": 9,
    "xtick.labelsize": LABEL,
    "ytick.labelsize": LABEL,
    "legend.fontsize": LABEL,
}
STYLE |= {"text.parse_math": False}  # a dollar in the name of a user's option is a dollar
STYLE |= {"axes.titley": 1.0}  # a title whose place is given is not measured again for every facet


class Mark(NamedTuple):
    """How a configuration is drawn: a hue and marker per objective, a shade per configuration."""

    colour: Any
    marker: str


def marks(board: pd.DataFrame) -> dict[str, Mark]:
    """A colour and marker for every label; references are grey."""
    rows = board.drop_duplicates("label")
    found = dict.fromkeys(rows.loc[rows["reference"], "label"], Mark("0.55", "o"))
    for i, (_, of) in enumerate(rows[~rows["reference"]].groupby("objective", sort=True)):
        names = sorted(of["label"], key=_by_number)
        found |= {name: mark_at(i, shade) for name, shade in zip(names, _shades(i, len(names)), strict=True)}
    return found


def mark_at(i: int, colour: Any = None) -> Mark:
    """The i-th hue and marker; both begin anew when they are used up."""
    return Mark(PALETTE[i % len(PALETTE)] if colour is None else colour, MARKERS[i % len(MARKERS)])


def _shades(i: int, count: int) -> Sequence[Any]:
    """From light to dark through the i-th hue."""
    base = to_rgb(PALETTE[i % len(PALETTE)])
    ramp = LinearSegmentedColormap.from_list("", [_mix(base, 1.0), base, _mix(base, 0.0)])
    return [ramp(k / (count - 1)) for k in range(count)] if count > 1 else [base]


def _mix(colour: Iterable[float], towards: float) -> tuple[float, ...]:
    return tuple((part + towards) / 2 for part in colour)


def _by_number(label: str) -> tuple[list[float], str]:
    return [float(number) for number in re.findall(r"\d+\.?\d*(?:e-?\d+)?", label)], label


def caption(name: str) -> str:
    """A configuration as people write it; what is too long for a figure loses its middle."""
    return shortened(spoken(name))


def entries(by_name: Mapping[str, Mark]) -> list[Line2D]:
    """The entries of a legend; the last one counts those that would not fit on a page."""
    found = [
        Line2D([], [], color=mark.colour, marker=mark.marker, linestyle="", label=caption(name))
        for name, mark in list(by_name.items())[:ENTRIES]
    ]
    more = len(by_name) - len(found)
    return [*found, Line2D([], [], linestyle="", label=f"… and {more} more")] if more else found
