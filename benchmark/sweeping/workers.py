"""Runs in warm processes of one thread each: one that fails or dies costs its own run, none outlives its driver."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
import warnings
from collections.abc import Iterator, MutableMapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from typing import Any, NamedTuple

from pebble import ProcessExpired, ProcessPool

from benchmark.config.plan import Plan
from benchmark.experiment import execute, failure, finished
from benchmark.store.lock import Busy, NoLocks, claimed
from benchmark.store.record import write_record
from benchmark.sweeping.machine import devices, trainers
from benchmark.sweeping.queue import Queue, Task
from benchmark.sweeping.stacks import Trained, after, first_line, train_stack
from benchmark.training.progress import bar, note
from benchmark.training.recorded import give_back
from benchmark.training.stacks import stacks_of

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
AHEAD = 1  # tasks that wait in the pool for a worker to be free, so that none has to wait for us
Waiting = MutableMapping[Future[Trained | None], Task]
ATTEMPTS = 3  # pools one after the other of which no run was finished, because a worker died while it started


class Failure(NamedTuple):
    """A run that did not finish."""

    plan: Plan
    error: str

    def __str__(self) -> str:
        return f"failed: {self.error}\n    repeat it alone: {self.plan.command}"


def perform(plans: Sequence[Plan], workers: int) -> list[Failure]:
    """Every plan in a pool of so many processes. Ctrl-C stops them and leaves finished runs as they are."""
    for variable in THREAD_VARIABLES:  # idle OpenMP threads of one worker would spin on the other's core
        os.environ.setdefault(variable, str(plans[0].settings.threads))
    os.environ["TQDM_DISABLE"] = "1"  # for the workers: bars of their own would overwrite ours
    signal.signal(signal.SIGTERM, _terminate)
    progress, failures = bar(len(plans), "runs", "run"), list[Failure]()
    try:
        left = _in_pools(plans, workers, progress, failures)
    except BaseException:
        count = len(plans) - int(progress.n)
        print(f"\nstopped: {count} of {len(plans)} runs are left; the same command goes on", file=sys.stderr)
        raise
    finally:
        progress.close()
    return [*failures, *(_died(plan, "no worker process lived through its start") for plan in left)]


def _in_pools(plans: Sequence[Plan], workers: int, progress: Any, failures: list[Failure]) -> list[Plan]:
    """One pool, and another one for what is left where a worker's death in its imports broke the first."""
    left, attempts = list(plans), 0
    while left and attempts < ATTEMPTS:
        before = len(left)
        left = _in_a_pool(left, min(workers, before), progress, failures)
        attempts = attempts + 1 if len(left) == before else 0
    return left


def _in_a_pool(plans: Sequence[Plan], workers: int, progress: Any, failures: list[Failure]) -> list[Plan]:
    pool = ProcessPool(workers, initializer=_start_worker, context=multiprocessing.get_context("spawn"))
    try:
        left = _watch(pool, plans, workers, progress, failures)
        if left:
            pool.stop()
        else:
            pool.close()
    except BaseException:
        pool.stop()
        raise
    finally:
        pool.join()
    return left


def _watch(
    pool: ProcessPool, plans: Sequence[Plan], workers: int, progress: Any, failures: list[Failure]
) -> list[Plan]:
    """Until every run is finished or failed; one that another sweep is at is asked for again. Returns what is left
    where the pool broke."""
    settings, left, waiting = plans[0].settings, list[Plan](), dict[Future[Trained | None], Task]()
    places = trainers(settings, workers)
    queue = Queue(stacks_of(plans, places), devices(settings.device), places)
    while queue or waiting:
        # where a stack waits for its device, nothing is to be in its way when it is free
        left += _ask(pool, queue, waiting, workers + (0 if queue.stacks else AHEAD))
        note(progress, running=min(workers, len(waiting)), failed=len(failures))
        done, _ = wait(waiting, timeout=1, return_when=FIRST_COMPLETED)
        if waiting and not done and not pool.active:  # it broke while it was asked, and will never answer
            return [*left, *queue.emptied(), *(plan for task in waiting.values() for plan in task.stack)]
        for future in done:
            task, error = waiting.pop(future), future.exception()
            queue.ended(task)
            if isinstance(error, BrokenProcessPool):
                left += task.stack
            elif task.is_stack:
                failed, others = after(task.stack, error or future.result())
                failures += [Failure(plan, what) for plan, what in failed]
                progress.update(len(failed))
                for plan in others:
                    queue.add((plan,))
            elif isinstance(error, Busy):
                time.sleep(0.2)
                queue.add(task.stack)
            else:
                progress.update()
                failures += [_failed(task.stack[0], error)] if error is not None else []
    return left


def _ask(pool: ProcessPool, queue: Queue, waiting: Waiting, most: int) -> list[Plan]:
    """Give the pool what may begin, so that it has at most so many tasks; returns what a broken one takes no more."""
    with _uninterruptible_children():
        while len(waiting) < most and (task := queue.next()) is not None:
            try:
                waiting[pool.schedule(_work, args=[task])] = task
            except RuntimeError:
                return [*task.stack, *queue.emptied()]
    return []


def _work(task: Task) -> Trained | None:
    """One run, or the training of several, after which each of them is asked for by itself."""
    here = [_on(plan, task.device) for plan in task.stack]
    if task.is_stack:
        return train_stack(here)
    try:
        execute(here[0], wait=False)
    finally:
        give_back()
    return None


def _on(plan: Plan, device: str) -> Plan:
    """A plan for one of the devices that its own stands for."""
    chosen = device if device in devices(plan.settings.device) else plan.settings.device
    return replace(plan, settings=replace(plan.settings, device=chosen))


def _failed(plan: Plan, error: BaseException) -> Failure:
    """A run that raised has left its record."""
    if isinstance(error, ProcessExpired):
        return _died(plan, f"the worker process died (exit code {error.exitcode})")
    return Failure(plan, f"{type(error).__name__}: {first_line(error)}")


def _died(plan: Plan, what: str) -> Failure:
    """For a worker that died the driver writes the record, unless another sweep is at this run by now."""
    error = RuntimeError(f"{what}: killed, or out of memory")
    if finished(replace(plan, metrics=())) is None:
        with contextlib.suppress(OSError, Busy), claimed(plan.folder, wait=False):
            write_record(plan.folder, failure(plan, error))
    return _failed(plan, error)


def _terminate(number: int, frame: Any) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _uninterruptible_children() -> Iterator[None]:
    """Processes and threads started meanwhile never see a Ctrl-C, which is the driver's business, from their start."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _start_worker() -> None:
    """In a fresh worker: it ends with its driver, also where that died while the worker was importing."""
    warnings.simplefilter("ignore", NoLocks)  # the driver has said it
    driver = multiprocessing.parent_process()
    if driver is None or not driver.is_alive():
        os._exit(1)

    def watch() -> None:
        driver.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
