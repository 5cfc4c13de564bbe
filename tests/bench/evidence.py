"""Seconds and peak memory of L_5000 for a 784-200-200-50 model: `python -m tests.bench.evidence [examples]`."""

from __future__ import annotations

import resource
import sys
import time

import torch

from benchmark.config.compose import compose
from benchmark.measure.densities import BLOCK
from benchmark.training.setup import build_model
from models.evidence import importance_evidence
from models.noise import Stream


def main() -> None:
    """Print the time for so many examples, and the memory of the whole process."""
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    shape = (1, 28, 28)
    model = build_model(compose(["model=mlp"]), shape, torch.full(shape, 0.13))
    generator = torch.Generator().manual_seed(0)
    x = (torch.rand((examples, *shape), generator=generator) < 0.13).float()
    encoded: list[int] = []
    model.encoder.register_forward_hook(lambda module, inputs, output: encoded.append(len(inputs[0])))
    started = time.perf_counter()
    for part in torch.split(x, BLOCK):
        importance_evidence(model, part, num_samples=5000, noise=Stream(generator))
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"L_5000 of {examples} examples on {torch.get_num_threads()} threads: {seconds:.1f} s")
    print(f"({seconds / examples * 10_000 / 60:.1f} min for 10,000), {sum(encoded)} encoded, peak {peak:.2f} GB")


if __name__ == "__main__":
    main()
