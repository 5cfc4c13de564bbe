"""Our laws over a package of the user's: `python -m benchmark check mypkg`, a line each."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmark.checks.run import check
from benchmark.config.packages import gathered
from benchmark.ending import ended
from benchmark.training.threads import threads


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; 0, 1 if a law does not hold, 2 if there is no such package."""
    parser = argparse.ArgumentParser(prog="python -m benchmark check", description=__doc__)
    parser.add_argument("package", help="as it is imported; it has a folder conf/ with its YAML")
    given = parser.parse_args(arguments)
    try:
        [package] = gathered([given.package])
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    with threads(1):
        failed = check(package)
    said = "1 law does not hold" if failed == 1 else f"{failed} laws do not hold"
    print(f"{given.package}: {said if failed else 'every law holds'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(ended(main))
