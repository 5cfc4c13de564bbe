"""From a composed configuration to a Plan: every value checked against its signature, and cast to it."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, get_type_hints

from annotated_types import Ge

from benchmark.config.components import Component, ConfigurationError, check_value, component, suggestion
from benchmark.config.heads import apart, check_kind, heads_of, names_of, together
from benchmark.config.packages import OURS
from benchmark.store.documents import digest
from benchmark.store.groups import COMPONENTS, EVERY, HEADS, SECOND
from benchmark.store.published import names as names_published
from benchmark.store.versions import NUMBERS
from metrics.declared import read_also
from metrics.options import Count
from models.types import NonNegative

OF_REFERENCES = "benchmark.measure.references."  # codes that are made by a function of the data set, not by a VAE
PASSING = ("dry_run", "force", "workers")  # keys about one call of the program, not about the run
METRIC_SETS = ("auto", "headline")  # what the data set cannot feed is left out of them
Seed = Annotated[int, Ge(0)]


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
    checkpoint_minutes: NonNegative | None = 5.0
    packages: tuple[str, ...] = ()
    sweep: tuple[dict[str, Any], ...] = ()
    claims: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True)
class Plan:
    """One run as it was asked for, resolved and checked; plain values only, so that it crosses processes."""

    dataset: Component
    model: Component
    objective: Component | None  # None: nothing is trained (reference rows)
    trainer: Component | None
    metrics: tuple[Component, ...]
    metrics_explicit: bool  # named one by one, so that leaving one out is an error
    readouts: tuple[Component, ...]  # how codes are read, each of which every metric is asked of
    choices: Mapping[str, str]
    settings: Settings
    data_checksum: str = ""
    heads: Mapping[str, Component] = field(default_factory=dict)  # posterior, prior, likelihood of a model of networks
    overrides: tuple[str, ...] = ()  # of the configuration, as Hydra takes them
    flags: tuple[str, ...] = ()  # of the command: where else its YAML is
    second: Component | None = None  # another objective, for the phases of a trainer that ask for it

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
        return self.model.target.startswith(OF_REFERENCES)

    @property
    def parts(self) -> dict[str, Component]:
        """What was chosen of each group that makes a run; nothing of those that it has none of."""
        found = {"dataset": self.dataset, "model": self.model, **self.heads}
        return found | {
            key: part for key in ("objective", SECOND, "trainer") if (part := getattr(self, key)) is not None
        }

    @property
    def packages(self) -> tuple[str, ...]:
        """The packages beside ours that its functions are of, in order."""
        roots = {part.target.partition(".")[0] for part in (*self.parts.values(), *self.metrics, *self.readouts)}
        return tuple(sorted(roots - set(OURS)))

    @property
    def identity(self) -> dict[str, Any]:
        """What makes it this run and no other; metrics and readouts are not part of it."""
        parts = {"dataset": self.dataset, "objective": self.objective, "trainer": self.trainer}
        configs = {group: part and part.as_config() for group, part in parts.items()}
        configs |= {SECOND: self.second.as_config()} if self.second else {}
        rest = {"seed": self.settings.seed, "data_checksum": self.data_checksum, "numbers": NUMBERS}
        return {**configs, **together(self.model, self.heads), **rest}

    @property
    def folder(self) -> Path:
        """results_dir/<experiment>/runs/<slug>-<hash>."""
        heads = [head for head in HEADS if head in self.identity]
        chosen = ("dataset", "model", *heads, "objective", SECOND)
        slug = "-".join(self.choices[group] for group in chosen if group in self.choices)
        slug = re.sub(r"[^A-Za-z0-9_.-]+", "_", slug)[:80]
        name = f"{slug}-s{self.settings.seed}-{digest(self.identity)[:10]}"
        return self.settings.results_dir / self.experiment / "runs" / name


def plan(
    config: Mapping[str, Any],
    choices: Mapping[str, Any],
    overrides: Sequence[str] = (),
    flags: Sequence[str] = (),
    packages: Sequence[str] = (),
) -> Plan:
    """A configuration (plain containers) and the chosen names of its groups, checked; data are not touched yet.

    Targets are of ours, or of `packages` of the user's.
    """
    if removed := [group for group in COMPONENTS if group not in config]:
        raise ConfigurationError(f"{removed[0]}: there is none in this configuration; choose one, {removed[0]}=<name>")
    given, config = config, apart(config)
    names = {group: _name(group, choices.get(group) or "custom") for group in ("dataset", "model", *HEADS, "trainer")}
    names |= names_of(names, given, config)
    names["experiment"] = _name("experiment", choices.get("experiment") or "single")
    names["objective"] = _name("objective", choices.get("objective") or "custom")
    dataset = component("dataset", names["dataset"], config["dataset"], packages)
    model = component("model", names["model"], config["model"], packages)
    if dataset is None or model is None:
        lacking = "dataset" if dataset is None else "model"
        raise ConfigurationError(f"{lacking}._target_: null makes none; choose one by its name")
    heads = _heads(config, names, model, overrides, packages)
    names |= {head: "none" for head in HEADS if head not in heads}
    objective = component("objective", names["objective"], config["objective"], packages)
    if model.target.startswith(OF_REFERENCES):
        objective, names["objective"] = None, "none"
    second = _second(config, choices, packages) if objective else None
    names |= {SECOND: second.name} if second else {}
    trainer = component("trainer", names["trainer"], config["trainer"], packages) if objective else None
    if objective and not trainer:
        raise ConfigurationError("trainer._target_: null trains nothing; for that choose objective=untrained")
    names["trainer"] = names["trainer"] if trainer else "none"
    settings = check_settings({key: value for key, value in config.items() if key not in (*EVERY, SECOND)})
    if settings.published is not None and settings.published not in names_published():
        raise ConfigurationError(
            f"published={settings.published}: no such file in results/published"
            f"{suggestion(settings.published, names_published())}"
        )
    metrics = _several("metrics", config["metrics"], packages, "choose auto, headline, or some, as metrics=[mig,dci]")
    for metric in metrics:
        if metric.target.partition(".")[0] not in OURS:
            read_also(metric.function.__module__)
    readouts = _several("readout", config["readout"], packages, "choose one or more, as readout=[amortised,resampled]")
    explicit = choices.get("metrics") not in METRIC_SETS
    parts = (dataset, model, objective, trainer, metrics, explicit, readouts)
    return Plan(*parts, names, settings, heads=heads, overrides=tuple(overrides), flags=tuple(flags), second=second)


def _heads(
    config: Mapping[str, Any], names: Mapping[str, str], model: Component, typed: Sequence[str], packages: Sequence[str]
) -> dict[str, Component]:
    """The heads of a model that takes any; a reference has none, and a model that makes its own takes none."""
    if model.target.startswith(OF_REFERENCES):
        return {}
    taken = heads_of(model.function)
    _refuse_heads(names["model"], typed, taken)
    found = {head: component(head, names[head], config[head], packages) for head in taken}
    for head, part in found.items():
        if part is None:
            raise ConfigurationError(f"{head}._target_: null makes none; choose one by its name")
        check_kind(head, part)
    return {head: part for head, part in found.items() if part is not None}


def _refuse_heads(model: str, typed: Sequence[str], taken: Sequence[str]) -> None:
    for text in typed:
        head = re.split(r"[=.]", text.lstrip("+"))[0]
        if head in HEADS and head not in taken:
            remedy = "give its function a third parameter, heads: models.heads.Heads, to let them be chosen"
            own = f"own {head}; leave it out" if taken else f"own heads; {remedy}"
            raise ConfigurationError(f"{text}: model={model} makes its {own}")


def _second(config: Mapping[str, Any], choices: Mapping[str, Any], packages: Sequence[str]) -> Component | None:
    """The second objective, where one is chosen; it has a function, unlike `untrained`."""
    if config.get(SECOND) is None:
        return None
    name = _name(SECOND, choices.get(f"objective@{SECOND}") or "custom")
    found = component(SECOND, name, config[SECOND], packages)
    if found is None:
        raise ConfigurationError(f"objective@{SECOND}={name}: trains nothing; choose another, or leave it out")
    return found


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


def _several(group: str, nodes: Any, packages: Sequence[str], remedy: str) -> tuple[Component, ...]:
    """The choices of a group that takes several, by name."""
    if not isinstance(nodes, Mapping) or not nodes:
        raise ConfigurationError(f"{group}: there are none; {remedy}")
    chosen = []
    for name, node in nodes.items():
        found = component(f"{group}.{name}", str(name), node, packages)
        if found is None:
            raise ConfigurationError(f"{group}.{name}._target_: null does nothing; leave it out of {group}=[...]")
        chosen.append(found)
    return tuple(sorted(chosen, key=lambda one: one.name))
