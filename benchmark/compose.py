"""Hydra configurations composed in-process, and its errors said in one line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from benchmark.configuration import ConfigurationError, Plan, plan, suggestion

HEADLINE = (
    "rate_distortion", "evidence", "exact", "information", "linear_probe", "mig", "dci", "beta_vae_score",
)  # fmt: skip


OPEN = "trainer.optimizer_options"  # which takes keys that no file has: the optimiser itself says which there are


def opened(overrides: Sequence[str]) -> list[str]:
    """The overrides, with those of open mappings as Hydra wants additions written."""
    return [f"++{text}" if text.startswith((f"{OPEN}=", f"{OPEN}.")) else text for text in overrides]


def metric_names() -> list[str]:
    """Every selector that conf/metrics has a file for: what `metrics=auto` means."""
    return _files("metrics")


def register() -> None:
    """Make the sets of metrics choices: auto is all files of the group, so that a new metric is no list to keep."""
    from hydra.core.config_store import ConfigStore

    for name, members in (("auto", metric_names()), ("headline", list(HEADLINE))):
        ConfigStore.instance().store(name, {"defaults": members}, group="metrics", provider="betterbound")


def compose(overrides: Sequence[str]) -> Plan:
    """The checked plan of one run from Hydra overrides; ConfigurationError where Hydra or a signature refuses them."""
    try:
        config = _compose(overrides)
    except Exception as error:
        raise ConfigurationError(explain(error, overrides)) from error
    return plan_of(config, config.hydra.runtime.choices, overrides)


def plan_of(config: Any, choices: Mapping[str, Any], overrides: Sequence[str]) -> Plan:
    """The plan of a composed Hydra configuration, given the chosen names of its groups."""
    from omegaconf import OmegaConf

    kept = [str(key) for key in config if key != "hydra"]
    plain = OmegaConf.to_container(OmegaConf.masked_copy(config, kept), resolve=True)
    assert isinstance(plain, dict)
    names = {str(group): name for group, name in choices.items() if "/" not in str(group)}
    return plan({str(key): value for key, value in plain.items()}, names, overrides)


def explain(error: BaseException, overrides: Sequence[str]) -> str:
    """Hydra's exception as one line that says what, where and what to do."""
    from hydra.errors import MissingConfigException

    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, MissingConfigException) and chain.missing_cfg_file:
            group, _, name = str(chain.missing_cfg_file).rpartition("/")
            options = [str(option) for option in chain.options or ()] or _files(group)
            return f"{group}={name}: no such choice{suggestion(name, options)}"
        chain = chain.__cause__ or chain.__context__
    text = " ".join(str(error).split())
    if match := re.match(r"Could not override '([^'@]+)'", text):
        return _no_such_key(match[1], overrides)
    return text


def _files(group: str) -> list[str]:
    folder = files("conf") / group
    names = [path.name for path in folder.iterdir()] if folder.is_dir() else []
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def _no_such_key(key: str, overrides: Sequence[str]) -> str:
    parent, _, leaf = key.rpartition(".")
    others = [text for text in overrides if not text.lstrip("+~").startswith(key)]
    try:
        node: Any = _compose(others)
    except Exception:  # a second mistake beside this one: say the first without what there is instead
        node = {}
    for part in parent.split(".") if parent else ():
        node = node.get(part) if hasattr(node, "get") else None
    known = [str(name) for name in node if name not in ("hydra", "_target_")] if hasattr(node, "keys") else []
    return f"{key}: no such key{suggestion(leaf, known) if known else ''}"


def _compose(overrides: Sequence[str]) -> Any:
    from hydra import compose as hydra_compose
    from hydra import initialize_config_module
    from hydra.core.global_hydra import GlobalHydra

    register()
    GlobalHydra.instance().clear()
    plain = [text for text in opened(overrides) if not text.startswith("hydra")]
    with initialize_config_module("conf", version_base="1.3"):
        return hydra_compose("config", overrides=plain, return_hydra_config=True)
