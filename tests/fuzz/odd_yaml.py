"""Malformed experiments as YAML files in a folder of the user's own."""

from __future__ import annotations

from tests.fuzz.odd import Case

HEAD = "# @package _global_\n"
BODIES = (
    "", "1", "text", "[]", "[1, 2]", "null", "a: [", "a: {", "a: 'b", "\t- a", "a: b: c", "- a\nb: 1",
    "%nope\n---\na: 1", "a: &x *x", "a: *nope", "!!python/object:os.system {}", "!nope a: 1", "? [a, b]\n: 1",
    "{a: 1}: 2", "1: 2", "null: 1", "true: 1", "seed: 1\nseed: 2", "seed: two", "seed: -1", "seed: [0, 1]",
    "seed: {a: 1}", "seed: .nan", "seed: .inf", "seed: 2020-01-01", "seed: 1e400", "seed: !!binary aGVsbG8=",
    "seed: ${nope}", "seed: ${seed}", "seed: ???", "nope: 1", "nope: {a: {b: [1, {c: 2}]}}", "results_dir: null",
    "results_dir: 3", "device: 7", "threads: 0", "workers: -1", "rank_by: 3", "rank_by: nope", "rank_by: [a]",
    "optimise: nope", "note: [1]", "published: nope", "dry_run: maybe", "force: 3", "sweep: 1", "sweep: a",
    "sweep: null", "sweep: {seed: [0]}", "sweep: [1]", "sweep: [[]]", "sweep: [null]", "sweep:\n  - seed: []",
    "sweep:\n  - seed: {a: 1}", "sweep:\n  - {objective: nope}", "sweep:\n  - {objective: [elbo, null]}",
    "sweep:\n  - {nope: [1, 2]}", "sweep:\n  - {seed: 'range(0,0)'}", "sweep:\n  - {seed: [-1]}",
    "sweep:\n  - {'a b': 1}", "sweep:\n  - {1: 2}", "sweep:\n  - {seed: [0, 0.5]}",
    "sweep:\n  - {metrics: [mig, nope]}", "sweep:\n  - {model.latent_dim: [0]}", "sweep:\n  - {seed: ['0,', 1]}",
    "claims: 1", "claims: [1]", "claims: [null]", "claims: {a: 1}", "claims: [{}]", "claims: [{text: a}]",
    "claims:\n  - {text: a, metric: rate, relation: nope, left: {}, right: {}}",
    "claims:\n  - {text: a, metric: rate, relation: less, left: {nope: 1}, right: {}}", "metrics: null",
    "metrics: []", "metrics: 3", "metrics: {nope: {bins: 1}}", "metrics: {mig: {nope: 1}}",
    "metrics: {mig: {bins: x}}", "metrics: {mig: 3}", "metrics: {mig: null}", "metrics: {rate_distortion: null}",
    "metrics: {rate_distortion: {num_samples: 0}}", "metrics: {rate_distortion: {_target_: nope}}",
    "metrics: {mig: {_target_: os.system}}", "objective: null", "objective: []", "objective: 3",
    "objective: {nope: 1}", "objective: {_target_: null, kl: 3}", "objective: {_target_: nope}",
    "objective: {num_samples: null}", "model: null", "model: {latent_dim: null}", "model: {latent_dim: [1]}",
    "model: {likelihood: nope}", "model: {_target_: null}", "trainer: null", "trainer: {steps: null}",
    "trainer: {steps: 1, epochs: 1}", "trainer: {optimizer: nope}", "trainer: {optimizer_options: 3}",
    "trainer: {optimizer_options: {fused: 3}}", "dataset: null", "dataset: {nope: 1}",
    "dataset: {validation: 999999}", "dataset: {train: 0}", "dataset: {binarisation: nope}", "experiment: 3",
    "defaults: 3", "defaults: nope", "defaults: [nope]", "defaults: [{override /objective: nope}]",
    "defaults: [null]", "defaults: [{override /nope: elbo}]", "defaults: [{objective: elbo}]",
    "defaults: [{override /metrics: [nope]}]", "defaults: [{override /metrics: nope}]",
    "defaults: [/experiment/nope]", "defaults: [_self_, _self_]", "defaults: [{1: 2}]", "defaults: [[a]]",
    "defaults: [{override /objective: null}]", "defaults: [{a: b, c: d}]", "hydra: 1", "hydra: {mode: NOPE}",
    "hydra: {nope: 1}", "hydra: {mode: MULTIRUN}\nsweep: 3", "hydra: {searchpath: [a]}",
    "hydra: {sweeper: {params: {seed: 1}}}\n", "hydra: {launcher: {_target_: os.system}, mode: MULTIRUN}",
    "# @package nope\nseed: 1", "# @package objective\nbeta: 1", "a: " + "[" * 200 + "]" * 200, "é: 1", "😀: 1",
    "a: \x00", "a: \x1b", "\ufeffseed: x", "seed: |\n  1\n  2", "note: |\n  one\n  two\nseed: x",
)  # fmt: skip


BYTES = (b"\xff\xfe\x00", b"seed: \xe9", b"\x80" * 100, b"\0" * 1000)


def _arguments(content: bytes) -> tuple[str, ...]:
    return ("-m", "experiment=odd") if b"sweep:" in content or b"claims:" in content else ("experiment=odd",)


def cases() -> dict[str, Case]:
    """Every file by the name of its case."""
    texts = [body if body.startswith("#") else HEAD + body for body in BODIES]
    files = {"yaml": [text.encode() for text in texts], "bytes": BYTES}
    return {
        f"{family}-{i}": Case(_arguments(content), "", family == "bytes", content)
        for family, found in files.items()
        for i, content in enumerate(found)
    }
