"""What the command line does: one run, sweeps of our own, or a dry run, all of it checked before any of it runs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from benchmark.config.commandline import CommandLine
from benchmark.config.components import ConfigurationError
from benchmark.config.compose import Composer
from benchmark.config.grids import expand, values_of
from benchmark.config.plan import Plan, check_settings
from benchmark.config.source import Composed
from benchmark.experiment import execute
from benchmark.reporting.claims import check_planned, parse_claims
from benchmark.reporting.terminal import score_table
from benchmark.reporting.unscored import lines
from benchmark.sweeping.elsewhere import Launch, has_launcher, has_sweeper, launcher_of, sweeper_of
from benchmark.sweeping.estimate import print_dry_run
from benchmark.sweeping.prepare import prepare, refuse_mixture, refuse_unreadable
from benchmark.sweeping.remarks import check_typed, remarks
from benchmark.sweeping.sweep import experiment_folder, of_plans, open_manifest, perform_all, unfinished, write_manifest
from benchmark.sweeping.workers import Failure

Act = Callable[[], int]  # what is ready to run; gives an exit code


def perform(command: CommandLine) -> int:
    """Everything that a command line asks for; the exit code is the worst of its parts.

    ConfigurationError, before anything runs, for what cannot be in any of them.
    """
    composer = Composer(command.source)
    acts = [_ready(command, composer, overrides) for overrides in _studies(command, composer)]
    return max(act() for act in acts)


def _studies(command: CommandLine, composer: Composer) -> list[list[str]]:
    """The overrides of each experiment that is named: a study has its own sweep, claims, folder and report."""
    studies: list[list[str]] = [[]]
    for text in command.overrides:
        of_studies = composer.parsed(text).key_or_group == "experiment"
        chosen = values_of(text, composer.parsed, composer.choices) if of_studies else [text]
        studies = [[*study, value] for value in chosen for study in studies]
    return studies


def _ready(command: CommandLine, composer: Composer, overrides: Sequence[str]) -> Act:
    """One study or run, checked."""
    swept = [text for text in overrides if composer.parsed(text).is_sweep_override()]
    first = composer.composed(_first(composer, overrides))
    multirun = first.config.hydra.mode is not None and first.config.hydra.mode.name == "MULTIRUN"
    multirun = multirun if command.multirun is None else command.multirun
    if not multirun:
        if swept:
            raise ConfigurationError(f"{swept[0]}: several values need -m (a list is written {_as_list(swept[0])})")
        return _ready_run(command, composer.plan(overrides))
    if has_sweeper(first.config):
        return _ready_plugin(command, composer, overrides, first)
    return _ready_sweep(command, composer, overrides, first)


def _first(composer: Composer, overrides: Sequence[str]) -> list[str]:
    """The overrides of one run, to see what is the same for all: of what is swept the first value."""
    listed = [text for text in overrides if not composer.parsed(text).is_interval_sweep()]
    return [values_of(text, composer.parsed, composer.choices)[0] for text in listed]


def _as_list(text: str) -> str:
    key, _, value = text.partition("=")
    return f"{key}=[{value}]"


def _ready_run(command: CommandLine, plan: Plan) -> Act:
    check_typed(command, [plan], multirun=False)
    refuse_unreadable([plan])
    [full] = prepare([plan])
    for line in remarks(command, [full]):
        print(f"note: {line}", file=sys.stderr)
    return lambda: single(full)


def _ready_sweep(command: CommandLine, composer: Composer, overrides: Sequence[str], first: Composed) -> Act:
    plans = planned(composer, overrides)
    check_typed(command, plans, multirun=True)
    check_claims(plans[0], plans)
    launch = launcher_of(first.config, composer.source)
    refuse_mixture(plans)
    refuse_unreadable(plans)
    prepared = prepare(plans, elsewhere=launch is not None)
    for line in remarks(command, prepared):
        print(f"note: {line}", file=sys.stderr)
    return lambda: conduct(prepared, launch)


def planned(composer: Composer, overrides: Sequence[str]) -> list[Plan]:
    """The runs of a sweep: of its experiment's grids and of what is typed, which wins."""
    first = composer.composed(_first(composer, overrides))
    grids = check_settings({"sweep": first.plain.get("sweep") or []}).sweep
    jobs = expand(composer.parsed, composer.choices, grids or [{}], overrides)
    return [composer.plan(job) for job in jobs]


def _ready_plugin(command: CommandLine, composer: Composer, overrides: Sequence[str], first: Composed) -> Act:
    plan = composer.plan(_first(composer, overrides))
    check_typed(command, [plan], multirun=True)
    check_claims(plan, [])
    [full] = prepare([plan], elsewhere=has_launcher(first.config))
    choose = sweeper_of(first.config, composer.source, experiment_folder(full))

    def act() -> int:
        if full.settings.dry_run:
            print("the sweeper chooses the runs as it goes on; one of them:")
            print_dry_run([full], here=not has_launcher(first.config))
            return 0
        open_manifest(full)
        choose(overrides)
        return reported(full)

    return act


def conduct(plans: Sequence[Plan], launch: Launch | None = None) -> int:
    """A sweep of prepared plans with its report; returns the exit code. `launch` runs overrides by other means."""
    if plans[0].settings.dry_run:
        print_dry_run(plans, here=launch is None)
        return 0
    return reported(plans[0], perform_all(plans) if launch is None else _launched(plans, launch))


def reported(plan: Plan, failures: Sequence[Failure] = ()) -> int:
    """The report on the experiment of a plan, and what left no record for it; returns the exit code."""
    from benchmark.reporting.leaderboard import report  # pandas and seaborn wait until there is something to draw

    told: set[str] = set()
    try:
        said = report(experiment_folder(plan))
        told |= set(said.failed)
    finally:  # also where there is no record to report, or no room for a report
        for failure in failures:
            if failure.plan.folder.name not in told:
                print(failure)
    return 1 if failures or said.exit_code else 0


def check_claims(first: Plan, planned: Sequence[Plan]) -> None:
    """ConfigurationError for a claim that is misspelt, or that the planned runs, if known, can never decide."""
    try:
        check_planned(parse_claims(first.settings.claims), of_plans(planned))
    except ValueError as error:
        raise ConfigurationError(str(error)) from error


def _launched(plans: Sequence[Plan], launch: Launch) -> list[Failure]:
    """What is not finished, run by a launcher of the user's; what is then still not finished has failed."""
    write_manifest(plans)
    launch([plan.overrides for plan in plans if unfinished(plan)])
    return [Failure(plan, "not finished by the launcher") for plan in plans if unfinished(plan)]


def single(plan: Plan) -> int:
    """One prepared run and its table."""
    if plan.settings.dry_run:
        print_dry_run([plan])
        return 0
    record = execute(plan)
    print(score_table(record.scores))
    for line in lines(record.left_out):
        print(line)
    print(f"folder: {plan.folder}")
    return 0
