"""What somebody typed and will not get: said before anything runs, as an error or in a line."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from benchmark.config.commandline import CommandLine
from benchmark.config.components import ConfigurationError
from benchmark.config.packages import OURS
from benchmark.config.plan import Plan
from benchmark.training.loading import load_dataset, reads_data_dir
from metrics.core import VIEWS
from metrics.declared import declared, scores

OF_SWEEPS = ("sweep", "claims")  # mean nothing to a single run
EXAMPLE = "a name of the column metric in scores.csv, such as iwae_100 or linear_probe_accuracy[mean]"


def check_typed(command: CommandLine, plans: Sequence[Plan], multirun: bool) -> None:
    """ConfigurationError for what none of the runs can follow."""
    if not multirun and (useless := [key for key in OF_SWEEPS if key in command.keys]):
        raise ConfigurationError(f"{useless[0]}: needs -m, since one run alone has none")
    for key in ("rank_by", "optimise"):
        check_name(key, getattr(plans[0].settings, key), plans)
    chosen = {metric.name for plan in plans for metric in plan.metrics}
    read = {readout.name for plan in plans for readout in plan.readouts}
    for key in sorted(command.keys):
        for group, names in (("metrics", chosen), ("readout", read)):
            if key.startswith(f"{group}.") and key.split(".")[1] not in names:
                raise ConfigurationError(f"{key}: is not chosen; add it to {group}=[...], or leave the option out")


def check_name(key: str, name: str | None, plans: Sequence[Plan]) -> None:
    """A score's name, with its representation in brackets or without, that some run will have."""
    if name is None:
        return
    match = re.fullmatch(r"(\w+)(?:\[(\w+)\])?", name)
    metric, code = match.groups() if match else (name, None)
    score = declared(metric)
    if score is None and any(part.target.partition(".")[0] not in OURS for plan in plans for part in plan.metrics):
        return  # a metric of the user's may give any
    if score is None:
        raise ConfigurationError(f"{key}={name}: no such score{_close(metric)}; give {EXAMPLE}")
    codes = dict.fromkeys([*VIEWS, *(readout.name for plan in plans for readout in plan.readouts)])
    if code is not None and code not in codes:
        raise ConfigurationError(f"{key}={name}: no such representation or readout; choose from {', '.join(codes)}")
    if key == "rank_by" and score.better is None:
        raise ConfigurationError(f"{key}={name}: has no direction, neither more nor less of it is better")
    _check_bound(key, name, plans)


def _check_bound(key: str, name: str, plans: Sequence[Plan]) -> None:
    """The K of iwae_K is an option of the metric that measures it."""
    measured = {
        f"iwae_{metric.options['num_samples']}"
        for plan in plans
        for metric in plan.metrics
        if metric.name == "evidence" and "num_samples" in metric.options
    }
    if name.startswith("iwae_") and measured and name not in measured:
        remedy = f"set metrics.evidence.num_samples={name.removeprefix('iwae_')}"
        raise ConfigurationError(f"{key}={name}: the runs measure {', '.join(sorted(measured))}; {remedy}")


def _close(metric: str) -> str:
    import difflib

    close = difflib.get_close_matches(metric, [score.example for score in scores()], n=1)
    return f", did you mean {close[0]}" if close else ""


def remarks(command: CommandLine, plans: Sequence[Plan]) -> list[str]:
    """Lines about what was typed and none of the runs has a use for."""
    return [*_ignored_options(command, plans), *_unread_data(plans), *_rates_beyond(plans)]


def _ignored_options(command: CommandLine, plans: Sequence[Plan]) -> list[str]:
    """Choices and options of a group that no run has: a reference row trains nothing."""
    untrained = sorted({plan.choices["model"] if plan.is_reference else "objective=untrained" for plan in plans})
    lines = []
    for group in ("objective", "trainer"):
        typed = [text for text in command.overrides if re.match(rf"[+~]*{group}[.=@]", text)]
        if group == "objective" and not all(plan.is_reference for plan in plans):
            continue
        if typed and all(getattr(plan, group) is None for plan in plans):
            lines.append(f"{' '.join(typed)}: ignored, for nothing is trained ({', '.join(untrained)})")
    return lines


def _rates_beyond(plans: Sequence[Plan]) -> list[str]:
    """Rates that an objective is to hold (its option `target` or `capacity`) beyond what an index of the data needs."""
    held = {(key, plan.objective.options[key], plan.dataset.name): plan for plan in plans if plan.objective
            for key in ("target", "capacity") if key in plan.objective.options}  # fmt: skip
    lines = []
    for (key, rate, name), plan in held.items():
        count = len(load_dataset(plan.dataset, plan.settings).splits["train"])
        if rate > math.log(count):
            what = (
                f"objective.{key}={rate:g}: more nats than an index of the {count:,} training examples of {name} holds"
            )
            lines.append(f"{what} (log N = {math.log(count):.2f}); what is beyond can say nothing more of which it is")
    return lines


def _unread_data(plans: Sequence[Plan]) -> list[str]:
    folder = plans[0].settings.data_dir
    unread = {plan.dataset.name for plan in plans if folder is not None and not reads_data_dir(plan)}
    return [f"data_dir={folder}: dataset={name} reads no files" for name in sorted(unread)]
