"""What every test may ask for; nothing here reads a network or a user's folders."""

from __future__ import annotations

import logging

import pytest

from benchmark.config.compose import compose
from benchmark.training.loading import with_data
from tests.support.choices import TINY


@pytest.fixture(autouse=True)
def _logging_as_it_was():
    """A command may give the root logger a handler with the captured stream of its test, closed by the next one."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level


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
