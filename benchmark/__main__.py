"""python -m benchmark: the Hydra entry."""

from __future__ import annotations

import os
import sys

from benchmark import interrupts


def main() -> None:
    """Run what the command line says; a mistake in it ends with one line and exit code 2, a failed run with 1."""
    with interrupts.exiting():
        _main()


def _main() -> None:
    arguments = sys.argv[1:]
    if {"--help", "-h"} & set(arguments):
        from benchmark.guide import guide

        print(guide())
        return
    verbose = bool(os.environ.get("HYDRA_FULL_ERROR"))
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises instead of printing, and we say it in one line
    try:
        _hydra()
    except ModuleNotFoundError as error:
        sys.exit(f"error: {error}; install the benchmark into this environment with pip install -e .")
    except Exception as error:
        if verbose:
            raise
        sys.exit(_explained(error, arguments))


def _hydra() -> None:
    import hydra
    from omegaconf import DictConfig

    from benchmark.compose import opened, plan_of, register

    register()
    sys.argv[1:] = opened(sys.argv[1:])
    caught: list[Exception] = []

    @hydra.main(config_path="pkg://conf", config_name="config", version_base="1.3")
    def task(config: DictConfig) -> None:
        from hydra.core.hydra_config import HydraConfig
        from hydra.types import RunMode

        from benchmark.entry import quiet, single

        state = HydraConfig.get()
        try:
            plan = plan_of(config, state.runtime.choices, list(state.overrides.task))
            # a job of another launcher keeps what goes wrong in its record
            quiet(plan) if state.mode == RunMode.MULTIRUN else single(plan)
        except Exception as error:  # Hydra would put a line of its own before ours
            caught.append(error)

    task()
    if caught:
        raise caught[0]


def _explained(error: Exception, arguments: list[str]) -> int:
    """Print the one line of an error; returns the exit code."""
    from hydra.errors import HydraException
    from omegaconf.errors import OmegaConfBaseException

    from benchmark.compose import explain
    from benchmark.configuration import ConfigurationError
    from benchmark.files import Unwritable

    if isinstance(error, HydraException | OmegaConfBaseException):
        print(f"error: {explain(error, [text for text in arguments if not text.startswith('-')])}", file=sys.stderr)
        return 2
    explained = isinstance(error, ValueError | Unwritable)
    print(f"error: {'' if explained else f'{type(error).__name__}: '}{error}", file=sys.stderr)
    if not explained:
        print("(HYDRA_FULL_ERROR=1 shows the whole traceback)", file=sys.stderr)
    return 2 if isinstance(error, ConfigurationError | Unwritable) else 1


if __name__ == "__main__":
    main()
