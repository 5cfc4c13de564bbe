"""How a command ends: its exit code, and one line on whatever stops it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable


def ended(act: Callable[[], int]) -> int:
    """The exit code of a command; whatever stops it is said in one line."""
    try:
        code = act()
        sys.stdout.flush()
        return code
    except BrokenPipeError:  # whoever read the output has enough of it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except ModuleNotFoundError as error:
        print(f"error: {error}; install betterbound and what it needs into this environment", file=sys.stderr)
        return 1
    except Exception as error:
        if os.environ.get("HYDRA_FULL_ERROR"):
            raise
        return _explained(error)


def _explained(error: Exception) -> int:
    """Print the one line of an error; returns the exit code."""
    from benchmark.config.mistakes import one_line
    from benchmark.store.files import Unwritable

    of_hydra = type(error).__module__.startswith(("hydra.", "omegaconf."))
    mistake = isinstance(error, ValueError | Unwritable) or of_hydra
    name = "" if mistake else f"{type(error).__name__}: "
    print(f"error: {name}{one_line(error)}", file=sys.stderr)
    if not mistake:
        print("(HYDRA_FULL_ERROR=1 shows the whole traceback)", file=sys.stderr)
    return 2 if mistake else 1
