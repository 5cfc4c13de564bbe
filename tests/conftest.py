"""What every test may ask for; nothing here reads a network or a user's folders."""

from __future__ import annotations

import logging
import os
import sys

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # as many test processes as cores: more threads would only be in the way

import torch

from benchmark.store.provenance import package_state
from benchmark.training.loading import with_data
from metrics import declared
from tests.support.choices import TINY
from tests.support.composing import compose


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files whose tests start processes come first: they last longest, and the end is shared evenly."""
    items.sort(key=lambda item: "sweeping" not in item.path.parts)


@pytest.fixture(autouse=True, scope="module")
def _no_gpu_but_where_it_is_asked_for(request):
    """What is tested is the same on every machine; tests/training/test_on_a_gpu.py is of GPUs."""
    if getattr(request.module, "ON_A_GPU", False):
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUDA_VISIBLE_DEVICES", "")  # of processes that a test starts
        patch.setattr(torch.cuda, "is_available", lambda: False)
        patch.setattr(torch.cuda, "device_count", lambda: 0)
        yield


@pytest.fixture(autouse=True)
def _logging_as_it_was():
    """A command may give the root logger a handler with the captured stream of its test, closed by the next one."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.fixture(autouse=True)
def _declarations_as_they_were():
    """What a package of one test declares is nothing to the next."""
    before = list(declared.PACKAGES)
    yield
    declared.PACKAGES[:] = before


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory):
    """One cache folder for the whole session, so that data are made once."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def plan_of_run(tmp_path, cache_dir):
    """A function from overrides to the complete plan of a tiny run in a folder of its own."""

    def build(*overrides: str):
        return with_data(compose([*TINY, f"results_dir={tmp_path}", f"cache_dir={cache_dir}", *overrides]))

    return build


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder that Python imports from; packages that a test writes there are forgotten afterwards."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    package_state.cache_clear()
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("mypkg", "other"):
            del sys.modules[name]
