"""Packages of the user's: their functions may be targets, and the YAML in their folder conf/ are choices beside ours.

A package is named by `packages=[mypkg]`, on the command line or in a YAML of the user's, or by an entry point of the
group `betterbound` of what is installed. Nothing is imported here: a package is looked at where it lies.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path

from benchmark.config.components import ConfigurationError

OURS = ("benchmark", "models", "metrics", "conf")
ENTRY_POINTS = "betterbound"  # the group that an installed package names itself in
SETS = ("metrics/auto", "metrics/headline")  # choices that have no file
KEY = "packages"


@dataclass(frozen=True)
class Package:
    """A package beside ours; plain values only."""

    name: str  # as it is imported
    conf: str  # its folder of YAML

    @property
    def choices(self) -> list[str]:
        """Its YAML as group/name, in order."""
        folder = Path(self.conf)
        return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))


def metric_targets(packages: Iterable[Package]) -> list[str]:
    """The functions that their metrics are, by the targets of conf/metrics."""
    files_of = (Path(one.conf, f"{choice}.yaml") for one in packages for choice in one.choices)
    texts = [path.read_text(encoding="utf-8") for path in files_of if path.parent.name == "metrics"]
    return sorted({target for text in texts for target in re.findall(r"_target_: *([\w.]+)", text)})


def packages_of(overrides: Sequence[str], others: Iterable[str] = ()) -> tuple[Package, ...]:
    """The packages that are installed with an entry point, those that overrides name, and `others`."""
    return gathered([*_installed(), *named_in(overrides), *others])


def gathered(names: Iterable[str]) -> tuple[Package, ...]:
    """Each package once; ConfigurationError where one is none, or where two would hide a choice."""
    found = tuple(map(package, dict.fromkeys(names)))
    taken = dict.fromkeys(SETS, "this benchmark")
    for one in found:
        for choice in one.choices:
            owner = "this benchmark" if files("conf").joinpath(f"{choice}.yaml").is_file() else taken.get(choice)
            if owner is not None:
                raise _wrong(one.name, f"has conf/{choice}.yaml, the name of a choice of {owner}; give it another")
            taken[choice] = one.name
    return found


def package(name: str) -> Package:
    """The package of that name; ConfigurationError says why there is none, or none that can be used."""
    if not re.fullmatch(r"[A-Za-z_]\w*", name):
        raise _wrong(name, "is no name of a package; write it as it is imported, such as packages=[mypkg]")
    if name in OURS:
        raise _wrong(name, "is the name of a package of this benchmark; rename yours")
    try:
        spec = find_spec(name)
    except (ImportError, ValueError):
        spec = None
    if spec is None:
        where = "install it, or run `python -m benchmark` in the folder that holds it"
        raise _wrong(name, f"cannot be imported, there is no such module; {where}")
    if not spec.submodule_search_locations or spec.origin is None:
        raise _wrong(name, "is no package: make it a folder with __init__.py and a folder conf/")
    conf = Path(spec.origin).parent / "conf"
    if not conf.is_dir():
        raise _wrong(name, "has no folder conf/ with YAML such as conf/objective/mine.yaml; ship it as package data")
    return Package(name, str(conf))


def named_in(overrides: Iterable[str]) -> list[str]:
    """The names in `packages=[...]`, the last of them where there are several."""
    typed = [text for text in overrides if text.lstrip("+").partition("=")[0] == KEY]
    if not typed:
        return []
    value = typed[-1].partition("=")[2].strip()
    if not re.fullmatch(r"\[[^][]*\]", value):
        raise ConfigurationError(f"{typed[-1]}: write a list, such as {KEY}=[mypkg]")
    return [part.strip(" \"'") for part in value[1:-1].split(",") if part.strip()]


def _installed() -> list[str]:
    return sorted({entry.value.partition(":")[0].strip() for entry in entry_points(group=ENTRY_POINTS)})


def _wrong(name: str, why: str) -> ConfigurationError:
    named = "an installed entry point" if name in _installed() else f"{KEY}=[{name}]"
    return ConfigurationError(f"{named}: {name!r} {why}")
