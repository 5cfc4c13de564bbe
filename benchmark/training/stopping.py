"""Early stopping: which weights of a training are kept."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from torch import Tensor

from benchmark.training.validation import Row
from models.vae import VAE


class Best:
    """Remembers the weights of the best validation, if patience was asked for."""

    def __init__(self, model: VAE, patience: int | None, first: Row) -> None:
        self.model, self.patience, self.waited = model, patience, 0
        self.value = first["validation_objective"]
        self.weights: Mapping[str, Tensor] | None = None
        self.step: int | None = None  # of the weights

    def update(self, row: Row) -> dict[str, str]:
        """Note a validation; returns what the progress bar shows."""
        value = row["validation_objective"]
        if value is not None and self.value is not None and value > self.value:
            self.value, self.waited = value, 0
            if self.patience is not None:
                self.step = row["step"]
                self.weights = {name: value.clone() for name, value in self.model.state_dict().items()}
        else:
            self.waited += 1
        rate = row["validation_rate"]
        return {"R": "-" if rate is None else f"{rate:.2f}", "D": f"{row['validation_distortion']:.2f}"}

    @property
    def exhausted(self) -> bool:
        """True when patience has run out."""
        return self.patience is not None and self.waited >= self.patience

    def keep(self, history: list[Row]) -> None:
        """Go back to the best weights, where patience was asked for; else, or if none beat step 0, keep the last."""
        if self.weights is not None:
            self.model.load_state_dict(dict(self.weights))
        step = history[-1]["step"] if self.step is None else self.step
        for row in history:
            row["kept"] = row["step"] == step
        if self.patience is not None and self.step is None:
            what = f"note: trainer.patience={self.patience}: no validation was better than before training"
            print(f"{what}; the last weights are kept, of step {step}", file=sys.stderr, flush=True)
