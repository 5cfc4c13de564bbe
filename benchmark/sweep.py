"""Many runs on all cores: warm workers of one thread each; a run that fails or a worker that dies costs itself only."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from pebble import ProcessExpired, ProcessPool

from benchmark.claim import Busy
from benchmark.configuration import Plan
from benchmark.evaluate import check_on_noise
from benchmark.loading import device_of, load_dataset, with_data
from benchmark.progress import bar, note
from benchmark.provenance import code_state
from benchmark.record import MANIFEST, read_record, write_json, write_record
from benchmark.run import execute, failure, missing_metrics, previous_record

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def prepare(plans: Iterable[Plan]) -> list[Plan]:
    """The plans with their data's checksums, each once: data are fetched and rendered here, before workers start."""
    found = {}
    for plan in plans:
        device_of(plan.settings.device)
        full = with_data(plan)
        found[full.folder] = full
    check_metrics(found.values())
    return list(found.values())


def check_metrics(plans: Iterable[Plan]) -> None:
    """Metrics that were named one by one, tried on noise: what a data set cannot feed is said before training."""
    seen = set()
    for plan in plans:
        key = (plan.dataset.name, repr(plan.dataset.options), repr(plan.metrics))
        if plan.metrics_explicit and key not in seen:
            check_on_noise(plan.metrics, load_dataset(plan.dataset, plan.settings))
            seen.add(key)


class Failure(NamedTuple):
    """A run that did not finish."""

    plan: Plan
    error: str


def sweep(plans: Sequence[Plan]) -> list[Failure]:
    """Do what is missing of the runs; returns those that failed."""
    todo = [plan for plan in plans if unfinished(plan)]
    workers = plans[0].settings.processes(len(todo))
    print(f"{len(plans)} runs: {len(plans) - len(todo)} finished, {len(todo)} to do on {workers} processes", flush=True)
    left = {plan.folder for plan in todo}
    _say_reused([plan for plan in plans if plan.folder not in left])
    write_manifest(plans)
    return _run_all(todo, workers) if todo else []


def write_manifest(plans: Sequence[Plan]) -> None:
    """results/<experiment>/experiment.json: what was asked for, so that a report can name what is missing."""
    first = plans[0]
    content = {
        "experiment": first.experiment,
        "command": shlex.join(["python", "-m", "benchmark", *sys.argv[1:]]),
        "runs": {plan.folder.name: plan.command for plan in plans},
        "claims": list(first.settings.claims),
        "rank_by": first.settings.rank_by,
        "note": first.settings.note,
        "published": first.settings.published,
    }
    write_json(experiment_folder(first) / MANIFEST, content)


def experiment_folder(plan: Plan) -> Path:
    """results_dir/<experiment>."""
    return plan.folder.parent.parent


def unfinished(plan: Plan) -> bool:
    """True where training or metrics are left to do."""
    previous = previous_record(plan)
    return previous is None or bool(missing_metrics(plan, previous))


def _say_reused(plans: Sequence[Plan]) -> None:
    """Name what finished runs differ in from the code that is running now."""
    now = code_state()
    others: dict[str, set[str]] = {"commit": set(), "versions": set()}
    for plan in plans:
        origin = read_record(plan.folder).provenance
        if (origin.get("commit"), origin.get("dirty")) != (now["commit"], now["dirty"]):
            others["commit"].add(str(origin.get("commit"))[:10] + (" with changes" if origin.get("dirty") else ""))
        changed = {name for name, text in now["versions"].items() if origin.get("versions", {}).get(name) != text}
        others["versions"] |= changed
    for what, names in others.items():
        if names:
            print(f"note: reuses runs made with other {what}: {', '.join(sorted(names))} (force=true repeats them)")


def _run_all(plans: Sequence[Plan], workers: int) -> list[Failure]:
    """Every plan in a pool. Ctrl-C stops the workers and leaves finished runs as they are."""
    for variable in THREAD_VARIABLES:  # idle OpenMP threads of one worker would spin on the other's core
        os.environ.setdefault(variable, str(plans[0].settings.threads))
    os.environ["TQDM_DISABLE"] = "1"  # for the workers: bars of their own would overwrite ours
    pool = ProcessPool(workers, initializer=_start_worker, context=multiprocessing.get_context("spawn"))
    signal.signal(signal.SIGTERM, _terminate)
    progress = bar(len(plans), "runs", "run")
    try:
        failures = _watch(pool, plans, workers, progress)
        pool.close()
    except BaseException:
        pool.stop()
        print(
            f"\nstopped: {len(plans) - int(progress.n)} of {len(plans)} runs are left; the same command goes on",
            file=sys.stderr,
        )
        raise
    finally:
        progress.close()
        pool.join()
    return failures


def _watch(pool: ProcessPool, plans: Sequence[Plan], workers: int, progress: Any) -> list[Failure]:
    """Until every run is finished or failed; one that another sweep is at is asked for again."""
    failures: list[Failure] = []
    waiting: dict[Future[None], Plan] = {pool.schedule(_work, args=[plan]): plan for plan in plans}
    while waiting:
        note(progress, running=min(workers, len(waiting)), failed=len(failures))
        done, _ = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
        for future in done:
            plan, error = waiting.pop(future), future.exception()
            if isinstance(error, Busy):
                time.sleep(0.2)
                waiting[pool.schedule(_work, args=[plan])] = plan
                continue
            progress.update()
            if error is not None:
                failures.append(_failed(plan, error))
    return failures


def _work(plan: Plan) -> None:
    execute(plan, wait=False)


def _failed(plan: Plan, error: BaseException) -> Failure:
    """A run that raised has left its record; for a worker that died the driver writes it."""
    if isinstance(error, ProcessExpired):
        error = RuntimeError(f"the worker process died (exit code {error.exitcode}): killed, or out of memory")
        if unfinished(replace(plan, metrics=())):
            with contextlib.suppress(OSError):  # a full disk must not end the sweep too
                write_record(plan.folder, failure(plan, error))
    return Failure(plan, f"{type(error).__name__}: {first_line(error)}")


def first_line(error: BaseException) -> str:
    """The line of an error that says it all."""
    return (str(error).strip().splitlines() or ["(no message)"])[0]


def _terminate(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


def _start_worker() -> None:
    """In a fresh worker: Ctrl-C is the driver's business, and a worker without a driver ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
