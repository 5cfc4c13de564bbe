"""What the scores of a model of labels mean (benchmark.measure.classification): shares of test examples, and nats."""

from __future__ import annotations

from metrics.declared import Declared
from metrics.densities import LIMITLESS

ERROR = "lower is better; 0: every label is right; chance is 1 less the share of the most frequent class"

SCORES = (
    Declared("classification_error", "error", "share of labels that the likeliest class misses, by one draw of z",
             ERROR, "share", "lower", column=14, drawn=True),
    Declared("classification_error_averaged", "error, averaged", "the same, of class probabilities averaged over draws "
             "of z", ERROR, "share", "lower", column=15, drawn=True),
    Declared("label_information", "label information", "H(Y) - distortion, a lower bound of I(z; label)", "higher is "
             "better; at most H(Y) (log 10 = 2.303 of ten digits); 0: as good as the shares of classes; below 0: sure "
             "and wrong", "nats", range=LIMITLESS, column=16),
)  # fmt: skip
