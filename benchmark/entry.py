"""What the command line does with plans: one run, a sweep, or a dry run, and the words it ends with."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

from benchmark.configuration import Plan
from benchmark.estimate import print_dry_run
from benchmark.record import Record, Score
from benchmark.run import execute
from benchmark.sweep import Failure, experiment_folder, first_line, prepare, sweep, unfinished, write_manifest

Launch = Callable[[Sequence[Sequence[str]]], Any]


def conduct(plans: Sequence[Plan], launch: Launch | None) -> int:
    """A sweep with its report; returns the exit code. `launch` runs plans by other means, given their overrides."""
    from benchmark.claims import parse_claims
    from benchmark.report import write_report  # pandas and seaborn wait until there is something to draw

    parse_claims(list(plans[0].settings.claims))  # a misspelt claim ends here, not after the training
    prepared = prepare(plans)
    if prepared[0].settings.dry_run:
        print_dry_run(prepared)
        return 0
    failures = sweep(prepared) if launch is None else _elsewhere(prepared, launch)
    report = write_report(experiment_folder(prepared[0]))
    told = set(report.failed)  # the report has named those that left a record
    for failure in failures:
        if failure.plan.folder.name not in told:
            print(f"failed: {failure.error}\n    repeat it alone: {failure.plan.command}")
    return 1 if failures or report.exit_code else 0


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
    print(table_of(record))
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


def table_of(record: Record) -> str:
    """The scores of one run (means over factors), with the exact value beside those that have one."""
    from tabulate import tabulate

    exact = {
        score.name.removeprefix("exact_"): score.value for score in record.scores if score.name.startswith("exact_")
    }
    shown = [score for score in record.scores if score.factor is None and not score.name.startswith("exact_")]
    rows = [_row(score, exact.get(score.name)) for score in shown]
    rows += [_row(score, None) for score in record.scores if score.name == "exact_log_evidence"]
    headers = ["metric", "of", "labels", "value", "± s.e.", "exact", "unit", "note"]
    if not exact:
        rows, headers = [row[:5] + row[6:] for row in rows], headers[:5] + headers[6:]
    return tabulate(rows, headers, disable_numparse=True, maxcolwidths=[None] * (len(headers) - 1) + [60])


def _row(score: Score, exact: float | None) -> list[str]:
    arrow = {"higher": " ↑", "lower": " ↓", None: ""}[score.better]
    return [
        score.name + arrow,
        score.representation or "",
        "" if score.num_labels is None else str(score.num_labels),
        "—" if score.value is None else f"{score.value:.4f}",
        "" if score.stderr is None else f"{score.stderr:.4f}",
        "" if exact is None else f"{exact:.4f}",
        score.unit,
        score.reason,
    ]
