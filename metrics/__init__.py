"""Scores of a representation: pure functions on arrays (numpy, scipy, scikit-learn, LightGBM; never torch)."""

from metrics.core import Codes, Inapplicable, Representation, Score

__all__ = ["Codes", "Inapplicable", "Representation", "Score"]
