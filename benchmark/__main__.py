"""python -m benchmark, or betterbound: one run or a sweep; `report`, `evaluate` and `check` are commands too."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from benchmark.ending import ended
from benchmark.shadows import hidden
from benchmark.sweeping import interrupts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line says; a mistake in it ends with one line and exit code 2, a failed run with 1."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with interrupts.exiting():
        return ended(lambda: _answer(given))


def _answer(given: Sequence[str]) -> int:
    if line := hidden():
        print(f"error: {line}", file=sys.stderr)
        return 2
    if given[:1] == ["report"]:
        from benchmark.report import main as report

        return report(given[1:])
    if given[:1] == ["evaluate"]:
        from benchmark.evaluate import main as evaluate

        return evaluate(given[1:])
    if given[:1] == ["check"]:
        from benchmark.check import main as check

        return check(given[1:])
    given = given[1:] if given[:1] == ["run"] else given
    if {"--help", "-h"} & set(given):
        return _help(given)
    if "--version" in given:
        return _version()
    return _perform(given)


def _help(given: Sequence[str]) -> int:
    from benchmark.config.guide import guide
    from benchmark.config.packages import packages_of

    print(guide(packages_of(given)))
    return 0


def _version() -> int:
    from benchmark.store.provenance import code_state

    found = code_state()["versions"]
    print(f"betterbound {found['betterbound']} (python {found['python']}, torch {found['torch']})")
    return 0


def _perform(arguments: Sequence[str]) -> int:
    from benchmark.config.commandline import parse

    command = parse(arguments)
    if command.question:
        from benchmark.config.questions import ask_hydra

        return ask_hydra(command.question)
    from benchmark.cli import perform

    return perform(command)


if __name__ == "__main__":
    sys.exit(main())
