"""Sweeps and scores from Python: runs of a grid on all cores, codes from anywhere, each as one table."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from benchmark.cli import check_claims, planned
from benchmark.config.compose import Composer, compose
from benchmark.config.source import Source, is_of_hydra
from benchmark.measure.engine import score_source
from benchmark.sweeping.prepare import prepare, refuse_mixture, refuse_unreadable
from benchmark.sweeping.sweep import experiment_folder, perform_all

if TYPE_CHECKING:
    import pandas as pd


def sweep(overrides: Sequence[str] = (), **settings: Any) -> pd.DataFrame:
    """Do what is missing of a grid of runs on all cores, such as `sweep(["objective=elbo,beta_vae", "seed=0,1,2"])`.

    Or of a study: `sweep(["experiment=quickstart/smoke"])`. Returns `results` of its folder, a row per score; a run
    that failed is named on stderr and has a row with its error. ValueError says what is wrong with a configuration,
    before anything runs.
    """
    given = [*overrides, *(f"{key}={value}" for key, value in settings.items())]
    composer = Composer(Source.of(given))
    plans = planned(composer, [text for text in given if not is_of_hydra(text)])
    check_claims(plans[0], plans)
    refuse_mixture(plans)
    refuse_unreadable(plans)
    prepared = prepare(plans)
    for failure in perform_all(prepared, ["-m", *given]):
        print(failure, file=sys.stderr)
    from benchmark.reporting.frames import results

    return results(experiment_folder(prepared[0]))


def score(source: Any, overrides: Sequence[str] = (), seed: int = 0) -> pd.DataFrame:
    """Scores of a representation as a table: a mapping of arrays (keys as in an npz file), a path, or module:function.

    `overrides` are those of the command line, such as "metrics=[mig,dci]", or "dataset=sprites" for a callable.
    """
    import pandas as pd

    return pd.DataFrame([asdict(found) for found in score_source(source, compose(list(overrides)), seed).scores])
