"""What a command line says: overrides, and the few flags of Hydra that go with them, in any order."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

from benchmark.config.components import ConfigurationError
from benchmark.config.source import Source, is_of_hydra

REFUSED = {
    "config_path": "--config-path: the YAML of the benchmark stays; --config-dir=<folder> adds a folder of yours",
    "experimental_rerun": "--experimental-rerun: would unpickle a file; repeat a run by the command in its record",
}
INFO = ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath")
QUESTIONS = ("cfg", "info", "hydra_help", "shell_completion")  # Hydra answers them itself, and nothing runs


@dataclass(frozen=True)
class CommandLine:
    """One call of the program."""

    overrides: tuple[str, ...]  # of runs
    source: Source
    multirun: bool | None = None  # None: as hydra.mode says
    question: tuple[str, ...] = ()  # for Hydra to answer: its flags, then overrides

    @property
    def keys(self) -> set[str]:
        """What was typed, by key or group."""
        return {text.lstrip("+~").partition("=")[0] for text in self.overrides}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigurationError(f"{message} (--help lists what there is)")


def parse(arguments: Sequence[str]) -> CommandLine:
    """The flags before, between or after the overrides; ConfigurationError for any that there is not."""
    given = _parser().parse_intermixed_args(arguments)
    if given.package and not given.cfg:
        raise ConfigurationError("--package: goes with --cfg job")
    for name, refusal in REFUSED.items():
        if getattr(given, name) is not None:
            raise ConfigurationError(refusal)
    if any(getattr(given, name) for name in QUESTIONS):
        flags = [text for text in arguments if text not in given.overrides]
        return CommandLine((), Source(), question=(*flags, *given.overrides))
    if given.resolve and not given.cfg:
        raise ConfigurationError("--resolve: goes with --cfg job")
    mode = True if given.multirun else False if given.run else None
    source = Source.of(given.overrides, given.config_name, given.config_dir)
    return CommandLine(tuple(text for text in given.overrides if not is_of_hydra(text)), source, mode)


def _parser() -> argparse.ArgumentParser:
    """Hydra's own flags; --help and --version are answered before."""
    parser = _Parser(prog="python -m benchmark", add_help=False)
    parser.add_argument("overrides", nargs="*")
    for short, name in (("-m", "multirun"), ("-r", "run")):
        parser.add_argument(short, f"--{name}", action="store_true")
    for short, name in (("-cn", "config-name"), ("-cd", "config-dir"), ("-cp", "config-path"), ("-p", "package")):
        parser.add_argument(short, f"--{name}")
    parser.add_argument("-c", "--cfg", choices=("job", "hydra", "all"))
    parser.add_argument("-i", "--info", nargs="?", const="all", choices=INFO)
    parser.add_argument("-sc", "--shell-completion", action="store_true")
    for name in ("resolve", "hydra-help"):
        parser.add_argument(f"--{name}", action="store_true")
    parser.add_argument("--experimental-rerun")
    return parser
