"""From overrides to plans: each distinct choice composed once, seeds and numbers set without composing again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from benchmark.config.components import ConfigurationError, check_value, shown, suggestion
from benchmark.config.mistakes import one_line
from benchmark.config.plan import Plan, Seed, plan
from benchmark.config.source import (
    Composed,
    Source,
    as_hydra_reads,
    choices_of,
    composed_of,
    config_loader,
    groups_of,
    is_literal,
    is_of_hydra,
)
from benchmark.store.groups import MEASURING

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override


def compose(overrides: Sequence[str]) -> Plan:
    """The checked plan of one run from Hydra overrides; ConfigurationError where Hydra or a signature refuses them."""
    return Composer(Source.of(overrides)).plan([text for text in overrides if not is_of_hydra(text)])


class Composer:
    """Plans of many runs from one source.

    Choices of groups are composed by Hydra, once each. A seed or a number is set in what came of that, which is what
    Hydra itself does with it. Whatever is neither (a key added or removed, a mapping, a reference) is composed whole.
    """

    def __init__(self, source: Source | None = None) -> None:
        self.source = source or Source()
        self._parsed: dict[str, Override] = {}
        self._composed: dict[tuple[str, ...], Composed] = {}
        self._seedless: dict[tuple[str, ...], Plan] = {}  # of the first seed, by what else is overridden

    def plan(self, overrides: Sequence[str]) -> Plan:
        """The checked plan of one run; runs that differ in their seed alone are checked once."""
        values, fixed = self._split(overrides)
        composed = self.composed(fixed)
        seeds = [one for one in values if one.key_or_group == "seed"]
        if not composed.literal or len(seeds) != 1:
            return self._plan(overrides, composed, values)
        key = tuple(text for text in overrides if self.parsed(text) is not seeds[0])
        if key not in self._seedless:
            self._seedless[key] = self._plan(overrides, composed, values)
        found, seed = self._seedless[key], check_value("seed", Seed, seeds[0].value())
        return replace(found, settings=replace(found.settings, seed=seed), overrides=tuple(overrides))

    def _plan(self, overrides: Sequence[str], composed: Composed, values: Sequence[Override]) -> Plan:
        plain = _with_values(composed.plain, values) if composed.literal else None
        if plain is None:
            composed = self.composed(overrides)
            plain = composed.plain
        return plan(plain, composed.choices, overrides, self.source.flags, self.source.package_names)

    def composed(self, overrides: Sequence[str]) -> Composed:
        """What Hydra makes of these overrides."""
        key = tuple(overrides)
        if key not in self._composed:
            for text in key:
                self._check_choice(self.parsed(text))
            self._composed[key] = composed_of(self.source, key)
        return self._composed[key]

    def parsed(self, text: str) -> Override:
        """One override, by Hydra's grammar."""
        if text not in self._parsed:
            from hydra.core.override_parser.overrides_parser import OverridesParser

            try:
                self._parsed[text] = OverridesParser.create().parse_override(as_hydra_reads(text))
            except Exception as error:
                raise ConfigurationError(f"{shown(text)}: {shown(one_line(error))}") from error
        return self._parsed[text]

    @cached_property
    def groups(self) -> frozenset[str]:
        """The groups that there are to choose from."""
        with config_loader(self.source) as loader:
            return frozenset(groups_of(loader, self.source))

    def choices(self, group: str) -> list[str]:
        """Every name that a group has."""
        with config_loader(self.source) as loader:
            return choices_of(loader, group, self.source)

    def _split(self, overrides: Sequence[str]) -> tuple[list[Override], list[str]]:
        """Values that can be set by themselves, and what Hydra must see."""
        values = [override for override in map(self.parsed, overrides) if self._is_value(override)]
        fixed = [text for text in overrides if not self._is_value(self.parsed(text))]
        keys = {self.parsed(text).key_or_group for text in fixed} - self.groups
        if any(_related(key, value.key_or_group) for key in keys for value in values):
            return [], list(overrides)  # Hydra sets one after the other
        return values, fixed

    def _is_value(self, override: Override) -> bool:
        """True for key=value where the key is no group, and the value no mapping and no reference."""
        from hydra.core.override_parser.types import OverrideType

        key = override.key_or_group
        simple = override.type == OverrideType.CHANGE and not override.is_sweep_override() and override.package is None
        return simple and "/" not in key and key not in self.groups and _is_flat(override.value())

    def _check_choice(self, override: Override) -> None:
        """A group takes a name, some a list of names too; Hydra's own words for anything else name no key."""
        from hydra.core.override_parser.types import OverrideType

        group, value = override.key_or_group, override.value()
        if group not in self.groups or override.type == OverrideType.DEL or override.is_sweep_override():
            return
        names = value if isinstance(value, list) and group in MEASURING else [value]
        if wrong := [name for name in names if name == "" or not isinstance(name, str | dict)]:
            optional = group == "experiment" or override.package is not None
            remedy = "leave it out for none" if value is None and optional else "choose a name"
            hint = suggestion(str(wrong[0]), self.choices(group))
            raise ConfigurationError(f"{override.input_line}: {remedy}{hint}")


def _with_values(plain: Mapping[str, Any], values: Sequence[Override]) -> Mapping[str, Any] | None:
    """The configuration with values that it has already set anew; None where it does not have one of them."""
    for override in values:
        changed = _replaced(plain, override.key_or_group.split("."), override.value())
        if changed is None:
            return None
        plain = changed
    return plain


def _replaced(node: Mapping[str, Any], path: Sequence[str], value: Any) -> Mapping[str, Any] | None:
    """A copy of the mapping along the path, with the value in place of one that was there and is no mapping."""
    key, *rest = path
    if key not in node or isinstance(node[key], Mapping) != bool(rest):
        return None
    inner = _replaced(node[key], rest, value) if rest else value
    return None if rest and inner is None else {**node, key: inner}


def _is_flat(value: Any) -> bool:
    """True for a number, a word, null, or a list of such."""
    items = value if isinstance(value, list) else [value]
    return is_literal(value) and not any(isinstance(item, list | dict) for item in items)


def _related(one: str, other: str) -> bool:
    return f"{one}.".startswith(f"{other}.") or f"{other}.".startswith(f"{one}.")
