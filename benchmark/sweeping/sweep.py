"""Many runs: what is left of them is done, what was asked for is kept, what is reused is named."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.config.plan import Plan
from benchmark.experiment import finished
from benchmark.store.asked import Asked, as_manifest, comparable
from benchmark.store.files import outcome
from benchmark.store.manifest import add_to_manifest, replace_manifest
from benchmark.store.provenance import code_state, package_state
from benchmark.sweeping.machine import need_of, processes, trainers
from benchmark.sweeping.stacks import alone_because, said_of
from benchmark.sweeping.workers import Failure, perform
from benchmark.training.stacks import stacks_of


def perform_all(plans: Sequence[Plan], typed: Sequence[str] | None = None) -> list[Failure]:
    """Do what is missing of the runs, which were asked for by what was `typed`; returns those that failed."""
    done = [finished(plan) for plan in plans]
    todo = [plan for plan, record in zip(plans, done, strict=True) if record is None]
    workers = processes(plans[0].settings, len(todo), need_of(todo[0]) if todo else 0)
    how = f"{len(todo)} to do on {workers} processes{said_of(stacks_of(todo, trainers(plans[0].settings, workers)))}"
    print(f"{len(plans)} runs: {len(plans) - len(todo)} finished, {how}", flush=True)
    for why in alone_because(todo):
        print(f"note: {why}: its runs train one by one")
    reused = [(plan, record) for plan, record in zip(plans, done, strict=True) if record is not None]
    _say_reused([(record.provenance, plan.packages) for plan, record in reused])
    if todo:
        write_manifest(plans, typed)
        return perform(todo, workers)
    if said := outcome(lambda: write_manifest(plans, typed), ""):
        print(said)
    return []


def write_manifest(plans: Sequence[Plan], typed: Sequence[str] | None = None) -> None:
    """results/<experiment>/experiment.json: what was asked for, so that a report can name what is missing."""
    replace_manifest(experiment_folder(plans[0]), _manifest(plans[0], plans, typed))


def open_manifest(plan: Plan) -> None:
    """The experiment.json of runs like this one that nobody knows beforehand: each adds itself."""
    replace_manifest(experiment_folder(plan), _manifest(plan, []))


def join_manifest(plan: Plan) -> None:
    """Add a run to experiment.json, unless it is there."""
    add_to_manifest(experiment_folder(plan), _manifest(plan, [plan]))


def _manifest(first: Plan, plans: Sequence[Plan], typed: Sequence[str] | None = None) -> dict[str, Any]:
    typed = sys.argv[1:] if typed is None else typed
    return {
        "experiment": first.experiment,
        "command": shlex.join(["python", "-m", "benchmark", *typed]),
        "runs": {plan.folder.name: plan.command for plan in plans},
        "claims": list(first.settings.claims),
        "rank_by": first.settings.rank_by,
        "note": first.settings.note,
        "published": first.settings.published,
        "unchecked": first.settings.unchecked,
        **as_manifest(of_plans(plans)),
    }


def experiment_folder(plan: Plan) -> Path:
    """results_dir/<experiment>."""
    return plan.folder.parent.parent


def unfinished(plan: Plan) -> bool:
    """True where training or metrics are left to do."""
    return finished(plan) is None


def _say_reused(origins: Sequence[tuple[Mapping[str, Any], Sequence[str]]]) -> None:
    """Name what finished runs differ in from the code that is running now: the provenance of each, and the packages of
    the user's that its functions are of."""
    now = code_state()
    others: dict[str, set[str]] = {"commit": set(), "versions": set(), "packages": set()}
    for origin, packages in origins:
        if (origin.get("commit"), origin.get("dirty")) != (now["commit"], now["dirty"]):
            others["commit"].add(str(origin.get("commit"))[:10] + (" with changes" if origin.get("dirty") else ""))
        changed = {name for name, text in now["versions"].items() if origin.get("versions", {}).get(name) != text}
        others["versions"] |= changed
        then = origin.get("packages", {})
        others["packages"] |= {
            name for name in packages if then.get(name, {}).get("sha256") != package_state(name)["sha256"]
        }
    for what, names in others.items():
        if names:
            print(f"note: reuses runs made with other {what}: {', '.join(sorted(names))} (force=true repeats them)")


def of_plans(plans: Iterable[Plan]) -> list[Asked]:
    """The runs that are planned, in groups that stand for the comparison groups they will have."""
    return [Asked(plan.folder.name, plan.choices, plan.identity, group=comparable(plan.identity)) for plan in plans]
