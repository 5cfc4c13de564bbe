"""Malformed configurations through the command line: each ends in one line that names the key, or is run dry.

    python -m tests.fuzz.configurations [case ...]

No traceback, no crash, no hang; a refusal has exit code 2, one line on stderr and leaves nothing written. The same
cases each time; a case's name repeats it alone. Each runs in a process that may die, which then is its failure.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import sys
import tempfile
from pathlib import Path

from tests.fuzz import odd_yaml
from tests.fuzz.odd import Case, cases
from tests.fuzz.pool import try_all

ODD = "odd.yaml"
SHARED = Path(tempfile.gettempdir()) / "betterbound-fuzz"  # data that every case may read
FILLED = {
    "dataset": "dataset=digits",
    "metrics": "metrics=[rate_distortion]",
    "model.latent_dim": "model.latent_dim=2",
    "trainer.steps": "trainer.steps=2",
    "trainer.epochs": "trainer.epochs=null",
    "trainer.warmup_steps": "trainer.warmup_steps=0",
    "workers": "workers=1",
}


@functools.cache
def known() -> dict[str, Case]:
    """All cases, and in this process conf/ composed once for each choice, since nobody changes it."""
    from benchmark.config import compose

    compose.composed_of = functools.cache(compose.composed_of)
    return all_cases()


def all_cases() -> dict[str, Case]:
    """Command lines and files."""
    return {**cases(), **odd_yaml.cases()}


def verdict(name: str) -> str:
    """run or refused, or what is wrong with how the case ended."""
    case = known()[name]
    with tempfile.TemporaryDirectory() as scratch:
        code, err = _ended(case, Path(scratch))
        lines = err.splitlines()
        written = sorted(
            str(path.relative_to(scratch)) for path in Path(scratch).rglob("*") if path.is_file() and path.name != ODD
        )
        problems = {
            f"exit code {code}": code not in (0, 2),
            f"a traceback: {err!r}": "Traceback" in err,
            f"accepted: {case.arguments}": code == 0 and case.wrong,
            f"{len(lines)} lines: {err!r}": code == 2 and (len(lines) != 1 or not lines[0].startswith("error: ")),
            f"names no {case.key}: {err!r}": code == 2 and case.key.lower() not in err.lower(),
            f"written: {written}": code == 2 and bool(written),
        }
    wrong = "; ".join(problem for problem, found in problems.items() if found)
    return f"{' '.join(case.arguments)!r}: {wrong}" if wrong else "run" if code == 0 else "refused"


def _ended(case: Case, scratch: Path) -> tuple[int, str]:
    """The exit code of the command, and what it says on stderr."""
    from benchmark.__main__ import main

    typed = {text.lstrip("~+").partition("=")[0] for text in case.arguments}
    if "model=enumerable" in case.arguments:
        typed.add("model.latent_dim")  # it has none: its code is one of a few states
    filled = [text for key, text in FILLED.items() if key not in typed and not (typed & {"experiment"})]
    places = [f"{key}={path}" for key, path in _places(scratch).items() if key not in typed]
    if case.experiment is not None:
        places += [f"--config-dir={scratch / 'conf'}"]
        (scratch / "conf" / "experiment").mkdir(parents=True)
        (scratch / "conf" / "experiment" / ODD).write_bytes(case.experiment)
    dry = ["dry_run=true"] if "dry_run" not in typed else []
    out, err = io.StringIO(), io.StringIO()
    before = Path.cwd()
    try:
        os.chdir(scratch)
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            code = main([*case.arguments, *filled, *places, *dry])
    finally:
        os.chdir(before)
    return code, err.getvalue()


def _places(scratch: Path) -> dict[str, Path]:
    return {"results_dir": scratch, "cache_dir": SHARED / "cache"}


if __name__ == "__main__":
    sys.exit(try_all(verdict, sys.argv[1:] or list(all_cases()), ("run", "refused")))
