"""What the command line does with plans: one run, a sweep, or a dry run, and the words it ends with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from benchmark.asked import of_plans
from benchmark.claims import check_planned, parse_claims
from benchmark.configuration import ConfigurationError, Plan
from benchmark.estimate import print_dry_run
from benchmark.run import execute
from benchmark.scores import score_table
from benchmark.sweep import experiment_folder, prepare, sweep, unfinished, write_manifest
from benchmark.workers import Failure, first_line

Launch = Callable[[Sequence[Sequence[str]]], Any]


def conduct(plans: Sequence[Plan], launch: Launch | None) -> int:
    """A sweep with its report; returns the exit code. `launch` runs plans by other means, given their overrides."""
    from benchmark.report import write_report  # pandas and seaborn wait until there is something to draw

    check_claims(plans)
    prepared = prepare(plans)
    if prepared[0].settings.dry_run:
        print_dry_run(prepared)
        return 0
    failures = sweep(prepared) if launch is None else _elsewhere(prepared, launch)
    told: set[str] = set()
    try:
        report = write_report(experiment_folder(prepared[0]))
        told |= set(report.failed)  # the report has named those that left a record
    finally:  # also where there is no record to report, or no room for a report
        for failure in failures:
            if failure.plan.folder.name not in told:
                print(f"failed: {failure.error}\n    repeat it alone: {failure.plan.command}")
    return 1 if failures or report.exit_code else 0


def check_claims(plans: Sequence[Plan]) -> None:
    """ConfigurationError for a claim that is misspelt, or that the planned runs can never decide."""
    try:
        check_planned(parse_claims(plans[0].settings.claims), of_plans(plans))
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def _elsewhere(plans: Sequence[Plan], launch: Launch) -> list[Failure]:
    """What is not finished, run by a launcher of the user's; what is then still not finished has failed."""
    write_manifest(plans)
    launch([plan.overrides for plan in plans if unfinished(plan)])
    return [Failure(plan, "not finished by the launcher") for plan in plans if unfinished(plan)]


def single(plan: Plan) -> None:
    """One run and its table."""
    [full] = prepare([plan])
    if full.settings.dry_run:
        print_dry_run([full])
        return
    record = execute(full)
    print(score_table(record.scores))
    for name, reason in record.left_out.items():
        print(f"left out: {name}: {reason}")
    print(f"folder: {full.folder}")


def quiet(plan: Plan) -> None:
    """One run of a sweep under another launcher: an error is in its record, and must not end its siblings."""
    [full] = prepare([plan])
    try:
        execute(full)
    except Exception as error:
        print(f"failed: {first_line(error)}\n    repeat it alone: {full.command}", file=sys.stderr)
