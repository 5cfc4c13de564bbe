"""Folders of the user's that hide our packages: `python -m` looks into the current folder first."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

NAMES = ("models", "metrics", "conf")


def hidden(here: Path = Path(__file__).parent.parent) -> str:
    """One line on the first package that is not the one beside this program, or an empty string."""
    for name in NAMES:
        spec = find_spec(name)
        places = [Path(place) for place in (spec.submodule_search_locations or ())] if spec else []
        if places and here / name not in places:
            found = places[0]
            return (
                f"{found} hides this program's own package {name!r}, since `python -m` looks there first; "
                f"run `betterbound` instead of `python -m benchmark`, or stand in another folder"
            )
        if not places:
            return f"the package {name!r} is not installed beside {here / 'benchmark'}; install betterbound again"
    return ""
