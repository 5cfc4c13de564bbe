"""The groups of a configuration, the one list of them: what makes a run, how it is measured, what it belongs to."""

from __future__ import annotations

HEADS = ("posterior", "prior", "likelihood")  # what a network's numbers are the parameters of
IDENTITY = ("dataset", "model", *HEADS, "objective", "trainer")  # what a run is; each a choice with options
MEASURING = ("metrics", "readout")  # how it is looked at, which trains nothing anew; lists of choices
EXPERIMENT = "experiment"  # a whole configuration
SECOND = "second"  # where a second choice of `objective` is put, by objective@second=<name>; most runs have none
COMPONENTS = (*IDENTITY, *MEASURING)  # a node of the configuration each
OPTIONED = (*IDENTITY, SECOND)  # what a record may have options of
EVERY = (*COMPONENTS, EXPERIMENT)
