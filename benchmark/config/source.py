"""Where configurations come from: Hydra over conf/ and folders of the user's, composed in-process."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.config.components import ConfigurationError, check_options, locate, suggestion
from benchmark.config.heads import OF_BEFORE
from benchmark.config.mistakes import explain
from benchmark.config.packages import KEY, Package, gathered, packages_of

if TYPE_CHECKING:
    from hydra.core.config_loader import ConfigLoader

    from benchmark.config.remembered import Memory

HEADLINE = (
    "rate_distortion", "evidence", "exact", "information", "linear_probe", "mig", "dci", "beta_vae_score",
)  # fmt: skip
# take keys that no file has: an optimiser itself says which there are
OPEN = re.compile(r"(trainer|objective|second)\.optimizer_options[.=]")
SEARCHPATH = "hydra.searchpath="
FROM_COMMAND = "command-line"  # what Hydra calls the folder of --config-dir


def metric_names(packages: Sequence[Package] = ()) -> list[str]:
    """Every selector that conf/metrics, here and in packages, has a file for: what `metrics=auto` means."""
    names = [path.name for path in (files("conf") / "metrics").iterdir()]
    ours = [name.removesuffix(".yaml") for name in names if name.endswith(".yaml")]
    theirs = [choice.removeprefix("metrics/") for package in packages for choice in package.choices]
    return sorted({*ours, *(name for name in theirs if "/" not in name)})


def register(packages: Sequence[Package] = ()) -> None:
    """Make the sets of metrics choices: auto is all files of the group, so that a new metric is no list to keep."""
    from hydra.core.config_store import ConfigStore

    for name, members in (("auto", metric_names(packages)), ("headline", list(HEADLINE))):
        ConfigStore.instance().store(name, {"defaults": members}, group="metrics", provider="betterbound")


def as_hydra_reads(override: str) -> str:
    """An override as Hydra's grammar and its closed mappings want it written.

    In quotes a score's name with brackets, which would be the start of a list; as an addition a key of an open mapping,
    and one that models had before.
    """
    text = re.sub(r"^(rank_by|optimise)=(\w+\[\w*\])$", r'\1="\2"', override)
    return f"++{text}" if OPEN.match(text) or text.partition("=")[0] in OF_BEFORE else text


def is_of_hydra(override: str) -> bool:
    """True for what configures Hydra and not a run."""
    return override.lstrip("+~").startswith(("hydra.", "hydra/"))


@dataclass(frozen=True)
class Source:
    """Where YAML is found besides our conf/, and what Hydra itself was told."""

    config_name: str = "config"
    config_dir: str | None = None
    hydra: tuple[str, ...] = ()  # overrides of hydra.* and hydra/*
    packages: tuple[Package, ...] = ()  # of the user's, each with YAML of its own
    memory: Memory = field(default_factory=dict, compare=False, repr=False)  # of YAML that was parsed

    @staticmethod
    def of(overrides: Sequence[str], config_name: str | None = None, config_dir: str | None = None) -> Source:
        """The source that the overrides and flags of a command line speak of."""
        if config_dir is not None and not (config_dir and Path(config_dir).is_dir()):
            raise ConfigurationError(f"--config-dir={config_dir}: there is no such folder")
        name = ("config" if config_name is None else config_name).removesuffix(".yaml")
        if not name:
            raise ConfigurationError("--config-name=: give the name of a file, without .yaml")
        of_hydra = tuple(text for text in overrides if is_of_hydra(text))
        source = Source(name, config_dir, of_hydra, packages_of(overrides))
        named = named_in_yaml(source, overrides)
        return source if not named else replace(source, packages=gathered([*source.package_names, *named]))

    @property
    def package_names(self) -> list[str]:
        """The names of the packages."""
        return [package.name for package in self.packages]

    @property
    def flags(self) -> tuple[str, ...]:
        """What the command of another run needs to find the same YAML."""
        folder = ["--config-dir", self.config_dir] if self.config_dir is not None else []
        name = ["--config-name", self.config_name] if self.config_name != "config" else []
        return (*folder, *name, *(text for text in self.hydra if text.startswith(SEARCHPATH)))


@dataclass(frozen=True)
class Composed:
    """A configuration as Hydra composed it."""

    config: Any  # with the node of Hydra itself
    plain: Mapping[str, Any]  # without it, resolved, in plain containers
    literal: bool  # nothing in it refers to anything else, so that a value may be set by itself

    @property
    def choices(self) -> dict[str, Any]:
        """The chosen name of every group, of metrics a list of them."""
        from omegaconf import OmegaConf

        choices = OmegaConf.to_container(self.config.hydra.runtime.choices)
        assert isinstance(choices, dict)
        return {str(group): name for group, name in choices.items() if "/" not in str(group)}


@contextmanager
def config_loader(source: Source) -> Iterator[ConfigLoader]:
    """Hydra's loader over conf/ and the user's folder; an application of Hydra's that calls us keeps its own state."""
    from hydra import version
    from hydra._internal.hydra import Hydra
    from hydra._internal.utils import create_config_search_path
    from hydra.core.config_search_path import SearchPathQuery
    from hydra.core.global_hydra import GlobalHydra

    from benchmark.config.remembered import Remembering

    register(source.packages)
    version.setbase("1.3")
    places = create_config_search_path("pkg://conf")
    if source.config_dir is not None:
        folder = f"file://{Path(source.config_dir).absolute()}"
        places.prepend(FROM_COMMAND, folder, SearchPathQuery(provider="schema"))
    for package in source.packages:
        places.prepend(package.name, f"file://{package.conf}", SearchPathQuery(provider="schema"))
    state = GlobalHydra.instance()
    before, state.hydra = state.hydra, None
    try:
        Hydra.create_main_hydra2("betterbound", places)
        loader: Any = state.config_loader()
        loader.repository = Remembering(places, source.memory)
        yield loader
    finally:
        state.hydra = before


def named_in_yaml(source: Source, overrides: Sequence[str]) -> list[str]:
    """The packages that the primary YAML names, where it is the user's own, and those of the chosen experiments."""
    chosen = [text.partition("=")[2].split(",") for text in overrides if text.startswith("experiment=")]
    paths = [f"experiment/{name.strip()}" for names in chosen for name in names]
    paths += [source.config_name] if source.config_name != "config" else []
    if not paths:
        return []
    with config_loader(source) as loader:
        return [name for path in paths for name in _packages_in(loader, path)]


def _packages_in(loader: Any, path: str) -> list[str]:
    try:
        found = loader.repository.load_config(path)
        named = found.config.get(KEY) if found is not None else None
    except Exception:  # composing says what is wrong with it
        return []
    return [str(name) for name in named or ()]


def choices_of(loader: ConfigLoader, group: str, source: Source) -> list[str]:
    """The names of a group, those in a folder of it as folder/name."""
    from hydra.core.object_type import ObjectType

    def options(kind: ObjectType) -> list[str]:
        return loader.get_group_options(group, kind, source.config_name, list(source.hydra))

    found = set(options(ObjectType.CONFIG))
    for folder in options(ObjectType.GROUP) if group else ():
        found |= {f"{folder}/{name}" for name in choices_of(loader, f"{group}/{folder}", source)}
    return sorted(name for name in found if not name.startswith("_"))


def groups_of(loader: ConfigLoader, source: Source) -> list[str]:
    """The groups that there are to choose from."""
    from hydra.core.object_type import ObjectType

    return loader.get_group_options("", ObjectType.GROUP, source.config_name, list(source.hydra))


def composed_of(source: Source, overrides: Sequence[str]) -> Composed:
    """Compose, and say in one line what Hydra refuses."""
    with config_loader(source) as loader:
        try:
            config = _composed(source, overrides)
            plain, literal = _plain(config)
        except Exception as error:
            line = explain(
                error,
                [*source.hydra, *overrides],
                choices=lambda group: choices_of(loader, group, source),
                again=lambda others: _composed(source, others),
            )
            raise ConfigurationError(line) from error
        _refuse_unread(plain.get(KEY), source)
        for group in ("metrics", "readout"):
            known = choices_of(loader, group, source)
            plain[group] = _chosen(group, plain.get(group), known, source)
    return Composed(config, plain, literal)


def _refuse_unread(named: Any, source: Source) -> None:
    """A package counts where it is named before composing, for its YAML may be what is composed."""
    unread = [name for name in named or () if name not in source.package_names] if isinstance(named, list) else ()
    if unread:
        remedy = f"write {KEY}=[{unread[0]}] on the command line, or {KEY}: [{unread[0]}] in the experiment's own YAML"
        raise ConfigurationError(f"{KEY}: {unread[0]} stands where it is not looked for; {remedy}")


def _composed(source: Source, overrides: Sequence[str]) -> Any:
    import hydra

    given = [*source.hydra, *map(as_hydra_reads, overrides)]
    return hydra.compose(source.config_name, given, return_hydra_config=True)


def _plain(config: Any) -> tuple[dict[str, Any], bool]:
    """The configuration without Hydra's node, resolved, and whether there was nothing to resolve."""
    from hydra.core.hydra_config import HydraConfig
    from omegaconf import OmegaConf

    state = HydraConfig.instance()
    before = state.cfg
    state.set_config(config)  # for what refers to ${hydra:...}
    try:
        bare = OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])
        plain = OmegaConf.to_container(bare, resolve=True, throw_on_missing=True)
        literal = is_literal(OmegaConf.to_container(bare))
    finally:
        state.cfg = before
        OmegaConf.set_readonly(config.hydra, False)  # as Hydra hands it to plugins
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}, literal


def is_literal(value: Any) -> bool:
    """True where OmegaConf reads nothing into the strings of a value."""
    if isinstance(value, Mapping):
        return all(is_literal(key) and is_literal(inner) for key, inner in value.items())
    if isinstance(value, list):
        return all(map(is_literal, value))
    return not isinstance(value, str) or ("${" not in value and value != "???")


def _chosen(group: str, nodes: Any, known: Sequence[str], source: Source) -> Any:
    """What was chosen of a group that takes several; an experiment's options of others are dropped, unless misspelt."""
    if not isinstance(nodes, Mapping):
        return nodes
    for name in (name for name, node in nodes.items() if isinstance(node, Mapping) and "_target_" not in node):
        if name not in known:
            raise ConfigurationError(f"{group}.{name}: no such {group.rstrip('s')}{suggestion(str(name), list(known))}")
        whole = {**_composed(replace(source, config_name=f"{group}/{name}"), [])[group][name]}
        function = locate(str(whole.pop("_target_")), source.package_names)
        check_options(f"{group}.{name}", function, {**whole, **nodes[name]})
    return {name: node for name, node in nodes.items() if not isinstance(node, Mapping) or "_target_" in node}
