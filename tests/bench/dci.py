"""How DCI from LightGBM agrees with scikit-learn's boosting over a spread of codes, and what both cost.

Apart from the tests, minutes of scikit-learn's: `python -m tests.bench.dci [examples]`.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import replace

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


import numpy as np
from scipy.stats import spearmanr

from metrics import Codes, Representation
from metrics.dci import PARTS, dci

SIZES = (3, 4, 15, 14, 14)
NAMES = ("shape", "scale", "orientation", "x", "y")
AXES = 10


def spread_of_codes(n: int) -> dict[str, Representation]:
    """From one axis per factor to none: turned by degrees, blurred, repeated, bent, with axes of noise, noise alone."""
    rng = np.random.default_rng(0)
    turn = np.linalg.qr(rng.normal(size=(AXES, AXES)))[0]
    bend = rng.normal(size=(AXES, AXES))
    factors = [np.column_stack([rng.integers(0, size, n) for size in SIZES]).astype(float) for _ in range(2)]
    plain = [(part - part.mean(axis=0)) / part.std(axis=0) for part in factors]
    wide = [np.hstack([part, 0.3 * rng.normal(size=(n, AXES - len(SIZES)))]) for part in plain]
    blur = [rng.normal(size=(n, AXES)) for _ in range(2)]
    made = {"truth": plain, "truth and noise axes": wide, "noise": blur}
    for degree in (0.1, 0.3, 1.0):
        part_turn = np.linalg.qr((1 - degree) * np.eye(AXES) + degree * turn)[0]
        made[f"turned by {degree:g}"] = [part @ part_turn for part in wide]
    for width in (0.1, 0.3, 1.0):
        made[f"blurred by {width:g}"] = [part + width * noise for part, noise in zip(wide, blur, strict=True)]
    made["repeated"] = [np.hstack([part, part]) for part in plain]
    made["bent"] = [np.tanh(part @ bend) for part in wide]
    return {name: Representation(*map(_codes, parts, factors)) for name, parts in made.items()}


def _codes(mean: np.ndarray, factors: np.ndarray) -> Codes:
    return Codes.points(mean, factors, NAMES, ("discrete",) * len(SIZES))


def main(examples: int = 2000) -> None:
    """Print both estimators' three scores for every code, their differences, rank correlations and seconds."""
    found: dict[str, list[list[float]]] = {"lightgbm": [], "sklearn_gbt": []}
    seconds = dict.fromkeys(found, 0.0)
    print(f"{'':22}" + "".join(f"{estimator:>27}" for estimator in found))
    for name, representation in spread_of_codes(examples).items():
        line = f"{name:22}"
        for estimator, rows in found.items():
            start = time.process_time()
            scores = dci(replace(representation, matrices={}), np.random.default_rng(0), estimator=estimator)
            seconds[estimator] += time.process_time() - start
            value = {score.name: score.value for score in scores if score.factor is None}
            rows.append([value[f"dci_{estimator}_{part}"] for part in PARTS])
            line += "   " + "".join(f"{number:8.3f}" for number in rows[-1])
        print(line, flush=True)
    ours, theirs = map(np.array, found.values())
    for column, part in enumerate(PARTS):
        apart = np.abs(ours - theirs)[:, column]
        rank = spearmanr(ours[:, column], theirs[:, column]).statistic
        print(f"{part:16} mean |difference| {apart.mean():.3f}, greatest {apart.max():.3f}, Spearman {rank:.3f}")
    ratio = seconds["sklearn_gbt"] / seconds["lightgbm"]
    print(f"{seconds['lightgbm']:.1f} s and {seconds['sklearn_gbt']:.1f} s of one core: {ratio:.0f} times")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
