"""What a training writes down while it goes on: its history row by row, and from time to time all of its state."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.store.files import remove
from benchmark.store.history import append_rows, write_rows
from benchmark.store.snapshot import FILE, read_snapshot, say_unusable, write_snapshot
from benchmark.training.validation import Row

if TYPE_CHECKING:
    from benchmark.training.state import State


class Journal:
    """Keeps nothing, and has nothing to go on from."""

    def resume(self, state: State) -> int:
        """The step that the training goes on after, with its state as it was then; 0 for a new one."""
        return 0

    def write(self, history: Sequence[Row]) -> None:
        """The rows so far, of which those that were written before are the same."""

    def note(self, state: State, step: int) -> None:
        """The state after a step."""


class RunJournal(Journal):
    """In a run's folder, whose lock is held: history.csv and training.safetensors, each whole at any time.

    A state is written when `minutes` have passed since the last one; None writes none, and still goes on from one.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any], minutes: float | None, shared_by: int = 1) -> None:
        self.folder, self.identity, self.minutes, self.shared_by = folder, identity, minutes, shared_by
        self.started = self.last = time.monotonic()
        self.before, self.resumed, self.written = 0.0, 0, 0

    @property
    def seconds(self) -> float:
        """Of training so far, also by processes that were killed, as far as their last state; a share of a stack's."""
        return self.before + (time.monotonic() - self.started) / self.shared_by

    def resume(self, state: State) -> int:
        """Go on from the state in the folder; one that cannot be used is said in a line."""
        found = read_snapshot(self.folder, self.identity)
        if found is None:
            return 0
        try:
            before, resumed = float(found.facts["seconds"]), int(found.facts["resumed"]) + 1
            step = state.resume(found)
        except (KeyError, ValueError, TypeError) as error:
            say_unusable(self.folder, error)
            return 0
        self.before, self.resumed = before, resumed
        self._save(state, step)  # so that it is counted whatever happens next
        return step

    def write(self, history: Sequence[Row]) -> None:
        """Add the new rows to history.csv; the first time in this process, all of them in place of what is there."""
        if self.written == 0:
            write_rows(self.folder, history)
        else:
            append_rows(self.folder, history[self.written :])
        self.written = len(history)

    def note(self, state: State, step: int) -> None:
        """Write the state, where it is time."""
        if self.minutes is not None and time.monotonic() - self.last >= 60 * self.minutes:
            self._save(state, step)

    def discard(self) -> None:
        """The training has ended, or is to be done anew."""
        remove(self.folder / FILE)

    def _save(self, state: State, step: int) -> None:
        found = state.snapshot(step)
        facts = {**found.facts, "seconds": self.seconds, "resumed": self.resumed}
        write_snapshot(self.folder, self.identity, found._replace(facts=facts))
        self.last = time.monotonic()
