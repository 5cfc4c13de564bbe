"""Scores of a representation: pure functions on arrays (numpy, scipy, scikit-learn, LightGBM; never torch)."""

from metrics import functional
from metrics.core import Codes, Inapplicable, Representation, Score

plain = functional  # its former name

__all__ = ["Codes", "Inapplicable", "Representation", "Score", "functional", "plain"]
