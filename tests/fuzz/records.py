"""Damaged records and manifests through reports, sweeps and `benchmark.evaluate`: each is named, none stops the others.

    python -m tests.fuzz.records [case ...]

No traceback, no warning, no unnamed file; a refusal has exit code 2 and one line. A sweep makes a damaged run again.
The same cases each time; a case's name repeats it alone.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from tests.fuzz import damage
from tests.fuzz.pool import try_all

SEED = 0
COUNTS = {"bytes": 50, "values": 100, "places": 10, "manifest": 50, "both": 10}  # cases of each family
SWEPT = 6  # every so many cases are swept, measured by benchmark.evaluate and planned, too
ALL = ("dataset=digits", "metrics=[rate_distortion,information]", "metrics.rate_distortion.num_samples=1")
TRAINED = (*ALL, "trainer.steps=5", "trainer.validations=1", "trainer.batch_size=20", "model.latent_dim=2")
RUNS = ((*ALL, "model=pca"), (*TRAINED, "objective=elbo"), (*TRAINED, "objective=beta_vae"))
ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 0.5, -0.0, 1e100, 1e101, -1e300, 5e-324, 2**31, 2**63, 2**64, -(10**30), int("9" * 400),
    "", " ", "0", "nan", "\x00", "a\nb", "\x1b[31m", "<b>x</b>", "[a](http://b)", "$\\frac$", "$x$", "x" * 100_000,
    "é中", "\u202e", "a/b/c/d", "..", "{}", [], {}, [None], [[]], {"": ""}, {"a": {"b": {"c": []}}}, [0] * 1000,
)  # fmt: skip
Tree = Any


def verdict(case: str) -> str:
    """reported or refused, or what is wrong with how the case ended."""
    family, _, number = case.partition("-")
    rng = np.random.default_rng([SEED, sum(map(ord, family)), int(number)])
    with tempfile.TemporaryDirectory() as name, warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        folder = Path(name) / "single"
        shutil.copytree(_whole(), folder)
        FAMILIES[family](folder, int(number), rng)
        problem = _reported(folder)
        if not problem and int(number) % SWEPT == 0:
            problem = _evaluated(folder) or _swept(folder)
        return problem or "survived"


def _reported(folder: Path) -> str:
    """What is wrong with the report; "" for nothing."""
    from benchmark.report import main

    unread = set(_unreadable(folder))
    code, out, err = _called(main, [str(folder)])
    if unread >= {path.name for path in (folder / "runs").iterdir() if path.is_dir()}:
        return "" if code == 2 and len(err.splitlines()) == 1 and str(folder) in err else f"{code}: {err}"
    unnamed = [name for name in unread if f"damaged: {name}: " not in out]
    problems = {
        f"exit code {code} with {sorted(unread)} unreadable": code not in ((1,) if unread else (0, 1)),
        f"exit code 1 without a damaged file: {out}": code == 1 and "damaged: " not in out,
        f"unnamed: {unnamed} in {out}": bool(unnamed),
        f"stderr: {err!r}": bool(err),
        "no leaderboard": not (folder / "leaderboard.md").exists(),
        f"control characters: {out!r}": not all(sign.isprintable() or sign == "\n" for sign in out),
    }
    return "; ".join(problem for problem, found in problems.items() if found)


def _unreadable(folder: Path) -> Iterator[str]:
    from benchmark.store.documents import Damaged
    from benchmark.store.manifest import read_manifest
    from benchmark.store.record import read_record

    for path in (path for path in (folder / "runs").iterdir() if path.is_dir()):
        try:
            read_record(path)
        except Damaged:
            yield path.name
        except FileNotFoundError:
            continue
    try:
        read_manifest(folder)
    except Damaged:
        yield "experiment.json"


def _evaluated(folder: Path) -> str:
    """What is wrong with measuring the codes of a run, which have nothing to do with its record."""
    from benchmark.evaluate import main

    run = next(path for path in sorted((folder / "runs").iterdir()) if (path / "codes.npz").exists())
    code, _, err = _called(main, [str(run), "metrics=[information]"])
    return "" if (code, err) == (0, "") else f"evaluate: exit code {code}: {err}"


def _swept(folder: Path) -> str:
    """What is wrong with the same sweep again: afterwards every run must be finished, and every damaged one new."""
    from benchmark.cli import conduct as command
    from benchmark.experiment import execute, finished
    from benchmark.sweeping import sweep, workers
    from benchmark.sweeping.estimate import print_dry_run

    plans = _plans(folder.parent)
    sweep.perform = lambda todo, _: [workers.Failure(plan, "") for plan in todo if not execute(plan)]
    code, out, err = _called(lambda _: print_dry_run(plans), [])
    if code or err:
        return f"dry run: {code} {err}"
    code, out, err = _called(lambda _: command(plans, None), [])
    left = [plan.folder.name for plan in plans if finished(plan) is None]
    lines = [line for line in err.splitlines() if not line.startswith("note: ")]
    return "" if code in (0, 1) and not left and not lines else f"sweep: {code}, left {left}: {err or out}"


def _called(main: Callable[[list[str]], int | None], arguments: list[str]) -> tuple[int, str, str]:
    """Exit code and what was printed."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = ended.code
    return int(code or 0), out.getvalue(), err.getvalue()


def _plans(results: Path) -> list[Any]:
    from benchmark.config.compose import compose
    from benchmark.sweeping.prepare import prepare

    cache = Path(tempfile.gettempdir()) / f"betterbound-fuzz-{os.getuid()}"
    folders = (f"results_dir={results}", f"cache_dir={cache}")
    return prepare([compose([*run, *folders]) for run in RUNS])


@functools.cache
def _whole() -> Path:
    """A small sweep with its manifest and a claim, made once in each process."""
    from benchmark.experiment import execute
    from benchmark.store.files import write_json
    from benchmark.store.manifest import FILE, read_manifest
    from benchmark.sweeping.sweep import write_manifest

    results = Path(tempfile.mkdtemp())
    plans = _plans(results)
    for plan in plans:
        execute(plan)
    write_manifest(plans)
    sides = {"left": {"objective": "beta_vae"}, "right": {"objective": "elbo"}}
    claim = {"text": "a claim", "metric": "rate", "relation": "less", "margin": 0.1, **sides}
    more = {"claims": [claim], "rank_by": "elbo", "note": "a note", "published": "higgins2017"}
    write_json(results / "single" / FILE, read_manifest(results / "single") | more)
    return results / "single"


def _record(folder: Path, number: int) -> Path:
    runs = sorted((folder / "runs").glob("*/record.json"))
    return runs[number % len(runs)]


def _bytes(folder: Path, number: int, rng: np.random.Generator) -> None:
    path = _record(folder, number)
    path.write_bytes(damage.bytes_of(path.read_bytes(), rng))


def _values(folder: Path, number: int, rng: np.random.Generator) -> None:
    """Odd values anywhere in a record that states the right digest, every other time laid out as we do."""
    from benchmark.store.documents import digest, sealed

    path = _record(folder, number)
    content = _mutated(json.loads(path.read_text()), rng, 1 + number % 3)
    content.pop("digest", None)
    path.write_text(sealed(content) if number % 2 else json.dumps({**content, "digest": digest(content)}))


def _mutated(tree: dict[str, Any], rng: np.random.Generator, times: int) -> dict[str, Any]:
    for _ in range(times):
        parent, key = _place(tree, rng)
        way = rng.integers(4)
        if way == 0:
            del parent[key]
        elif way == 1 and isinstance(parent, dict):
            parent[f"{key}x"] = parent[key]
        else:
            parent[key] = ODD[rng.integers(len(ODD))]
    return tree


def _place(tree: Tree, rng: np.random.Generator) -> tuple[Any, Any]:
    """A container somewhere in a JSON tree, and one of its keys."""
    parent, key = tree, None
    while True:
        keys = list(parent) if isinstance(parent, dict) else list(range(len(parent)))
        key = keys[rng.integers(len(keys))]
        if not isinstance(parent[key], dict | list) or not parent[key] or rng.random() < 0.15:
            return parent, key
        parent = parent[key]


def _places(folder: Path, number: int, rng: np.random.Generator) -> None:
    """Something else in the place of a file."""
    path = (folder / "experiment.json") if number % 2 else _record(folder, number)
    path.unlink()
    ways: tuple[Callable[[Path], Any], ...] = (Path.mkdir, os.mkfifo, Path.touch, _loop, _deep)
    ways[number // 2 % len(ways)](path)


def _loop(path: Path) -> None:
    path.symlink_to(path.name)


def _deep(path: Path) -> None:
    path.write_text('{"a":' * 100_000)


def _manifest(folder: Path, number: int, rng: np.random.Generator) -> None:
    path = folder / "experiment.json"
    if number % 3 == 0:
        path.write_bytes(damage.bytes_of(path.read_bytes(), rng))
    else:
        path.write_text(json.dumps(_mutated(json.loads(path.read_text()), rng, number % 3)))


def _both(folder: Path, number: int, rng: np.random.Generator) -> None:
    """Everything at once."""
    for at in range(3):
        (_bytes, _values)[rng.integers(2)](folder, at, rng)
    _manifest(folder, number, rng)


FAMILIES = {"bytes": _bytes, "values": _values, "places": _places, "manifest": _manifest, "both": _both}


def cases() -> list[str]:
    """The names of all cases: bytes-0, ..., both-9."""
    return [f"{family}-{number}" for family, count in COUNTS.items() for number in range(count)]


if __name__ == "__main__":
    sys.exit(try_all(verdict, sys.argv[1:] or cases(), ("survived",)))
