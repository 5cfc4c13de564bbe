"""Models and their heads: apart in a configuration, together in an identity wherever the form of before can say it.

Once a model had its likelihood, that one's variance and the scale of its posterior as options of its own, and nothing
else could be chosen. Identities, records and commands of that time stay good.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from benchmark.config.components import Component, ConfigurationError, shown
from benchmark.config.identity import current
from benchmark.store.groups import HEADS

DIAGONAL, STANDARD = "models.posteriors.Diagonal", "models.priors.StandardNormal"
BERNOULLI, GAUSSIAN = "models.likelihoods.Bernoulli", "models.likelihoods.Gaussian"
KINDS = {"bernoulli": BERNOULLI, "gaussian": GAUSSIAN}
SCALES = {"models.networks.linear": "shared", "models.networks.mlp": "log_stddev", "models.networks.conv": "log_stddev"}
SCALED = "models.networks.conv"  # the one whose scale was an option
OF_BEFORE = ("model.likelihood", "model.sigma2", "model.posterior_scale")  # keys that are not where they were

Node = Mapping[str, Any]


def heads_of(model: Callable[..., Any]) -> tuple[str, ...]:
    """The heads that may be chosen of a function of (shape, mean, heads); one of (shape, mean) makes all of its VAE by
    itself, and one that says of which values its density is (`measures`) makes its own likelihood."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    if sum(one.kind in kinds for one in inspect.signature(model).parameters.values()) < 3:
        return ()
    return tuple(head for head in HEADS if head != "likelihood" or not hasattr(model, "measures"))


def check_kind(head: str, part: Component) -> None:
    """ConfigurationError unless a head's target is a class of its kind, which is known before anything is called."""
    from torch import nn  # not where a configuration is only looked at

    from models.likelihoods import Likelihood
    from models.posteriors import PosteriorHead

    kind = {"posterior": PosteriorHead, "prior": nn.Module, "likelihood": Likelihood}[head]
    if not (inspect.isclass(part.function) and issubclass(part.function, kind)):
        name = f"{kind.__module__}.{kind.__name__}" if kind is not nn.Module else "torch.nn.Module"
        raise ConfigurationError(f"{head}._target_={part.target}: must be a class derived from {name}")


def apart(config: Node) -> dict[str, Any]:
    """A configuration whose model has no options that belong to its heads, and every head that it needs."""
    model = config["model"]
    target = current(str(model.get("_target_"))) if isinstance(model, Mapping) else ""
    if target not in SCALES:
        return dict(config)
    rest = {key: value for key, value in model.items() if f"model.{key}" not in OF_BEFORE}
    heads = {head: config.get(head) or _before(target, head) for head in HEADS}
    if (kind := model.get("likelihood")) is not None:
        if kind not in KINDS:
            there = "there are bernoulli, gaussian here, more as likelihood=<name>"
            raise ConfigurationError(f"model.likelihood={shown(kind)}: no such choice; {there}")
        heads["likelihood"] = {"_target_": KINDS[kind]}
    if "sigma2" in model and heads["likelihood"].get("_target_") == GAUSSIAN:
        heads["likelihood"] = {**heads["likelihood"], "variance": model["sigma2"]}
    if "posterior_scale" in model:
        heads["posterior"] = {"_target_": DIAGONAL, "scale": model["posterior_scale"]}
    return {**config, "model": rest, **heads}


def together(model: Component, heads: Mapping[str, Component]) -> dict[str, Any]:
    """What identities know of a model: its configuration, and those of its heads that once could not be chosen."""
    config, known = model.as_config(), {head: part.as_config() for head, part in heads.items()}
    if model.target not in SCALES or not heads:
        return {"model": config, **known}
    said: dict[str, Any] = {}
    posterior, likelihood = known["posterior"], known["likelihood"]
    scale = posterior.get("scale", "log_stddev") if posterior["_target_"] == DIAGONAL else None
    if model.target == SCALED and scale in ("log_stddev", "log_variance"):
        said["posterior_scale"] = scale
    if "posterior_scale" in said or scale == SCALES[model.target]:
        del known["posterior"]
    if likelihood["_target_"] == BERNOULLI:
        said |= {"likelihood": "bernoulli", "sigma2": 1.0}
    elif likelihood["_target_"] == GAUSSIAN and likelihood.get("variance", 1.0) != "per_pixel":
        said |= {"likelihood": "gaussian", "sigma2": likelihood.get("variance", 1.0)}
    if "likelihood" in said:
        del known["likelihood"]
    if known["prior"]["_target_"] == STANDARD:
        del known["prior"]
    return {"model": {**config, **said}, **known}


def names_of(chosen: Mapping[str, str], before: Node, now: Node) -> dict[str, str]:
    """The names of the chosen heads, those of heads that came from options of the model among them."""
    kept = {head: _target(before.get(head)) == _target(now.get(head)) for head in HEADS}
    return {head: chosen[head] if kept[head] else _target(now[head]).rpartition(".")[2].lower() for head in HEADS}


def _target(node: Any) -> str:
    return str(node.get("_target_")) if isinstance(node, Mapping) else ""


def _before(target: str, head: str) -> Node:
    """The head that a model had before there was a choice."""
    return {
        "posterior": {"_target_": DIAGONAL, "scale": SCALES[target]},
        "prior": {"_target_": STANDARD},
        "likelihood": {"_target_": BERNOULLI},
    }[head]
