"""--cfg, --info, --hydra-help and --shell-completion: what Hydra itself answers, without a run."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from typing import Any

from benchmark.config.components import ConfigurationError
from benchmark.config.mistakes import one_line
from benchmark.config.packages import Package, packages_of
from benchmark.config.source import SEARCHPATH, register


def ask_hydra(arguments: Sequence[str]) -> int:
    """Hydra's answer; ConfigurationError for what it refuses."""
    import hydra

    packages = packages_of(arguments)
    register(packages)

    @hydra.main(config_path="pkg://conf", config_name="config", version_base="1.3")
    def nothing(config: Any) -> None:
        raise ConfigurationError("these flags only ask; leave -m and -r out")

    before, sys.argv = sys.argv, [sys.argv[0], *_with_folders(arguments, packages)]
    said = io.StringIO()
    full = os.environ.get("HYDRA_FULL_ERROR")
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises instead of printing, and we say it in one line
    try:
        with contextlib.redirect_stderr(said):
            nothing()
    except SystemExit as end:
        if end.code not in (0, None):
            raise ConfigurationError(said.getvalue().strip().splitlines()[-1]) from end
    except Exception as error:
        raise ConfigurationError(one_line(error)) from error
    finally:
        sys.argv = before
        if full is None:
            del os.environ["HYDRA_FULL_ERROR"]
    return 0


def _with_folders(arguments: Sequence[str], packages: Sequence[Package]) -> list[str]:
    """The arguments with the YAML of packages on the search path, after what was put there."""
    if not packages:
        return list(arguments)
    typed = [text for text in arguments if text.startswith(SEARCHPATH)]
    given = [typed[-1].removeprefix(SEARCHPATH).strip("[]")] if typed else []
    places = ",".join([*given, *(f"'file://{package.conf}'" for package in packages)])
    return [*(text for text in arguments if text not in typed), f"{SEARCHPATH}[{places}]"]
