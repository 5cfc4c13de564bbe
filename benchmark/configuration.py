"""From a composed configuration to a Plan: every value checked against its signature, and cast to it."""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import json
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from annotated_types import Ge
from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from benchmark.documents import digest
from benchmark.identity import current, frozen
from benchmark.published import names as names_published
from benchmark.versions import NUMBERS

REFERENCES = "benchmark.references."  # codes that are made by a function of the data set, not by a VAE
PASSING = ("dry_run", "force", "workers")  # keys about one call of the program, not about the run
GROUPS = ("dataset", "model", "objective", "trainer", "metrics")
METRIC_SETS = ("auto", "headline")  # what the data set cannot feed is left out of them
PACKAGES = ("benchmark.", "models.", "metrics.")
SHOWN = 80  # characters of a wrong value
Count = Annotated[int, Ge(1)]
Seed = Annotated[int, Ge(0)]


class ConfigurationError(ValueError):
    """A choice or number that cannot be; its first line says which, why, and what to do."""


@dataclass(frozen=True)
class Component:
    """A named choice: the function it stands for and its options, each of the type that the signature declares."""

    name: str  # the choice, such as iwae
    target: str  # dotted name of a function or class in benchmark, models or metrics
    options: Mapping[str, Any]  # JSON values

    def build(self) -> Callable[..., Any]:
        """The function with its options filled in; it still lacks the data."""
        function = locate(self.target)
        return functools.partial(function, **check_options(self.name, function, self.options))

    def as_config(self) -> dict[str, Any]:
        """What records and hashes see: names that stay when code moves."""
        return frozen(self.target, self.options)


@dataclass(frozen=True)
class Settings:
    """The keys of config.yaml that belong to no group."""

    seed: Seed = 0
    evaluation_seed: Seed = 0
    device: str = "auto"
    threads: Count = 1
    results_dir: Path = Path("results")
    data_dir: Path | None = None
    cache_dir: Path | None = None
    force: bool = False
    dry_run: bool = False
    workers: Count | None = None
    rank_by: str | None = None
    optimise: str | None = None
    note: str | None = None
    published: str | None = None
    unchecked: str | None = None
    sweep: tuple[dict[str, Any], ...] = ()
    claims: tuple[dict[str, Any], ...] = ()

    def processes(self, runs: int) -> int:
        """Worker processes for so many runs: as asked for, else one for each GPU or core; never more than runs."""
        from benchmark.machine import processes

        return processes(self.workers, runs, self.device)


@dataclass(frozen=True)
class Plan:
    """One run as it was asked for, resolved and checked; plain values only, so that it crosses processes."""

    dataset: Component
    model: Component
    objective: Component | None  # None: nothing is trained (reference rows)
    trainer: Component | None
    metrics: tuple[Component, ...]
    metrics_explicit: bool  # named one by one, so that leaving one out is an error
    choices: Mapping[str, str]
    settings: Settings
    data_checksum: str = ""
    overrides: tuple[str, ...] = ()  # of the configuration, as Hydra takes them
    flags: tuple[str, ...] = ()  # of the command: where else its YAML is

    @property
    def command(self) -> str:
        """The shell command of this very run, also where its experiment is a sweep by itself."""
        overrides = [text for text in self.overrides if text.lstrip("+").partition("=")[0] not in PASSING]
        mode = [] if self.experiment == "single" and not self.flags else ["hydra.mode=RUN"]
        return shlex.join(["python", "-m", "benchmark", *self.flags, *overrides, *mode])

    @property
    def experiment(self) -> str:
        """The experiment's name, which is also its folder."""
        return self.choices["experiment"]

    @property
    def is_reference(self) -> bool:
        """True where the codes come from no VAE: pca, truth, noise."""
        return self.model.target.startswith(REFERENCES)

    @property
    def identity(self) -> dict[str, Any]:
        """What makes it this run and no other; metrics are not part of it."""
        parts = {"dataset": self.dataset, "model": self.model, "objective": self.objective, "trainer": self.trainer}
        configs = {group: part and part.as_config() for group, part in parts.items()}
        return {**configs, "seed": self.settings.seed, "data_checksum": self.data_checksum, "numbers": NUMBERS}

    @property
    def folder(self) -> Path:
        """results_dir/<experiment>/runs/<slug>-<hash>."""
        slug = "-".join(self.choices[group] for group in ("dataset", "model", "objective"))
        slug = re.sub(r"[^A-Za-z0-9_.-]+", "_", slug)[:80]
        name = f"{slug}-s{self.settings.seed}-{digest(self.identity)[:10]}"
        return self.settings.results_dir / self.experiment / "runs" / name


def locate(target: str) -> Callable[..., Any]:
    """The function or class of a dotted name inside our packages."""
    module, _, name = target.rpartition(".")
    if not target.startswith(PACKAGES):
        raise ConfigurationError(f"_target_: {target!r} is outside of benchmark, models and metrics")
    try:
        found = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"_target_: {target!r} cannot be found ({error})") from error
    if not callable(found) or not f"{found.__module__}.".startswith(PACKAGES):
        raise ConfigurationError(f"_target_: {target!r} is no function or class of benchmark, models or metrics")
    return found


@functools.cache
def schema(function: Callable[..., Any]) -> tuple[dict[str, inspect.Parameter], dict[str, Any]]:
    """The options that a function takes, which are its keyword-only parameters, and their types."""
    parameters = {
        key: parameter
        for key, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    return parameters, get_type_hints(function.__init__ if inspect.isclass(function) else function, include_extras=True)


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind, config=ConfigDict(allow_inf_nan=False))


def check_options(name: str, function: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options cast to the types of the function's keyword-only parameters; an error for any that cannot be."""
    parameters, hints = schema(function)
    checked = {}
    for key, value in options.items():
        if key not in parameters:
            raise ConfigurationError(f"{name}.{key}: no such option{suggestion(key, parameters)}")
        checked[key] = check_value(f"{name}.{key}", hints.get(key, Any), value)
    missing = [key for key, parameter in parameters.items() if parameter.default is parameter.empty]
    if missing := [key for key in missing if key not in options]:
        raise ConfigurationError(f"{name}.{missing[0]}: missing, it has no default")
    return checked


def check_value(key: str, kind: Any, value: Any) -> Any:
    """The value as the declared type; the error's first line names key, value and what was expected."""
    try:
        if isinstance(value, bool) and "bool" not in str(kind) and kind is not Any:
            raise ConfigurationError(f"{key}={str(value).lower()}: expected {_kind_name(kind)}, got a truth value")
        return _adapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"[{part}]" if isinstance(part, int) else "" for part in first["loc"])
        raise ConfigurationError(f"{key}{where}={shown(first['input'])}: {_in_yaml(first['msg'])}") from None


def component(group: str, name: str, node: Any) -> Component | None:
    """The checked component of a configuration node, or None where its _target_ is null."""
    if not isinstance(node, Mapping):
        raise ConfigurationError(f"{group}={shown(node)}: must be a choice or a mapping of options with a _target_")
    if node.get("_target_") is None:
        return None
    target = current(str(node["_target_"]))
    try:
        function = locate(target)
    except ConfigurationError as error:
        raise ConfigurationError(f"{group}.{error}") from error
    options = check_options(group, function, {str(key): value for key, value in node.items() if key != "_target_"})
    return Component(name, target, to_jsonable_python(options))


def plan(
    config: Mapping[str, Any], choices: Mapping[str, Any], overrides: Sequence[str] = (), flags: Sequence[str] = ()
) -> Plan:
    """A configuration (plain containers) and the chosen names of its groups, checked; data are not touched yet."""
    if removed := [group for group in GROUPS if group not in config]:
        raise ConfigurationError(f"{removed[0]}: there is none in this configuration; choose one, {removed[0]}=<name>")
    names = {group: _name(group, choices.get(group) or "custom") for group in ("dataset", "model", "trainer")}
    names["experiment"] = _name("experiment", choices.get("experiment") or "single")
    names["objective"] = _name("objective", choices.get("objective") or "custom")
    dataset = component("dataset", names["dataset"], config["dataset"])
    model = component("model", names["model"], config["model"])
    if dataset is None or model is None:
        lacking = "dataset" if dataset is None else "model"
        raise ConfigurationError(f"{lacking}._target_: null makes none; choose one by its name")
    objective = component("objective", names["objective"], config["objective"])
    if model.target.startswith(REFERENCES):
        objective, names["objective"] = None, "none"
    trainer = component("trainer", names["trainer"], config["trainer"]) if objective else None
    if objective and not trainer:
        raise ConfigurationError("trainer._target_: null trains nothing; for that choose objective=untrained")
    names["trainer"] = names["trainer"] if trainer else "none"
    settings = check_settings({key: value for key, value in config.items() if key not in (*GROUPS, "experiment")})
    if settings.published is not None and settings.published not in names_published():
        raise ConfigurationError(
            f"published={settings.published}: no such file in results/published"
            f"{suggestion(settings.published, names_published())}"
        )
    metrics = tuple(_metrics(config["metrics"]))
    explicit = choices.get("metrics") not in METRIC_SETS
    parts = (dataset, model, objective, trainer, metrics, explicit)
    return Plan(*parts, names, settings, overrides=tuple(overrides), flags=tuple(flags))


def _name(group: str, choice: Any) -> str:
    """The chosen name, which becomes part of a path."""
    name = str(choice)
    if not re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)*", name):
        raise ConfigurationError(f"{group}={name}: choose one, by a name of letters, digits, '.', '_', '-' and '/'")
    return name


def check_settings(values: Mapping[str, Any]) -> Settings:
    """The top-level keys, cast; unknown ones are errors."""
    hints = get_type_hints(Settings, include_extras=True)
    for key in values:
        if key not in hints:
            raise ConfigurationError(f"{key}: no such key{suggestion(key, hints)}")
    return Settings(**{key: check_value(key, hints[key], value) for key, value in values.items()})


def suggestion(key: str, known: Mapping[str, Any] | list[str]) -> str:
    """What the user may have meant, and what there is."""
    close = difflib.get_close_matches(key, list(known), n=1)
    there = f"there are {', '.join(sorted(known))}" if known else "it takes none"
    return f"; did you mean {close[0]}? {there}" if close else f"; {there}"


def _metrics(nodes: Any) -> list[Component]:
    if not isinstance(nodes, Mapping) or not nodes:
        raise ConfigurationError("metrics: there are none; choose auto, headline, or some, as metrics=[mig,dci]")
    metrics = []
    for name, node in nodes.items():
        found = component(f"metrics.{name}", str(name), node)
        if found is None:
            raise ConfigurationError(f"metrics.{name}._target_: null measures nothing; leave it out of metrics=[...]")
        metrics.append(found)
    return sorted(metrics, key=lambda metric: metric.name)


def shown(value: Any) -> str:
    """A value as an error shows it."""
    text = " ".join(("null" if value is None else str(value)).split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _in_yaml(message: str) -> str:
    """Python's words for things as YAML calls them."""
    for python, yaml in (("Tuple", "List"), ("tuple", "list"), ("dictionary", "mapping")):
        message = message.replace(python, yaml)
    return message


def _kind_name(kind: Any) -> str:
    return json.dumps(getattr(kind, "__name__", str(kind)))
