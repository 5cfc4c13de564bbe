"""Data sets: one function per set returning a Dataset, one file per family."""

from benchmark.datasets.core import SPLITS, Dataset, Lazy, Paths

__all__ = ["SPLITS", "Dataset", "Lazy", "Paths"]
