"""Analyses that raise: each costs a report its own part, is named in one line, and the rest goes on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from benchmark.reporting.sections import Section
from benchmark.reporting.text import plain
from benchmark.store.files import Unwritable


class Failures(dict[str, str]):
    """Name of an analysis, with what it was at -> what it raised, on one line."""

    @contextmanager
    def kept(self, analysis: str, what: str = "") -> Iterator[None]:
        """Keeps what an analysis raises, unless HYDRA_FULL_ERROR asks for the traceback; a full disk is not its own."""
        try:
            yield
        except Unwritable:
            raise
        except Exception as error:  # an analysis may raise anything
            if os.environ.get("HYDRA_FULL_ERROR"):
                raise
            self[f"{analysis} ({what})" if what else analysis] = plain(f"{type(error).__name__}: {error}")

    @property
    def sections(self) -> list[Section]:
        """What a page says of them."""
        lines = [f"{name}: {why}" for name, why in self.items()]
        return [Section(f"Failed analyses ({len(lines)})", lines)] if lines else []
