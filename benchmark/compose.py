"""Hydra configurations composed in-process, and its errors said in one line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from benchmark.configuration import ConfigurationError, Plan, plan, suggestion


def metric_names() -> list[str]:
    """Every selector that conf/metrics has a file for: what `metrics=auto` means."""
    return sorted(path.name.removesuffix(".yaml") for path in (files("conf") / "metrics").iterdir()
                  if path.name.endswith(".yaml"))  # fmt: skip


def register() -> None:
    """Make `metrics=auto` a choice: all files of the group, so that a new metric is a new file and no list to keep."""
    from hydra.core.config_store import ConfigStore

    ConfigStore.instance().store(
        group="metrics", name="auto", node={"defaults": metric_names()}, provider="betterbound"
    )


def compose(overrides: Sequence[str]) -> Plan:
    """The checked plan of one run from Hydra overrides; ConfigurationError where Hydra or a signature refuses them."""
    from hydra import compose as hydra_compose
    from hydra import initialize_config_module
    from hydra.core.global_hydra import GlobalHydra

    register()
    GlobalHydra.instance().clear()
    with initialize_config_module("conf", version_base="1.3"):
        try:
            config = hydra_compose("config", overrides=list(overrides), return_hydra_config=True)
        except Exception as error:
            raise ConfigurationError(explain(error)) from error
    return plan_of(config, [*overrides])


def plan_of(config: Any, overrides: Sequence[str]) -> Plan:
    """The plan of a composed Hydra configuration (with its `hydra` node, which knows the choices)."""
    from omegaconf import OmegaConf

    choices = config.hydra.runtime.choices
    names = {str(key): value for key, value in choices.items() if "/" not in str(key)}
    plain = OmegaConf.to_container(OmegaConf.masked_copy(config, [k for k in config if k != "hydra"]), resolve=True)
    assert isinstance(plain, dict)
    return plan({str(key): value for key, value in plain.items()}, names, command_of(overrides))


def command_of(overrides: Sequence[str]) -> str:
    """The shell command of one run."""
    import shlex

    return shlex.join(["python", "-m", "benchmark", *overrides])


def explain(error: BaseException, config: Mapping[str, Any] | None = None) -> str:
    """Hydra's exception as one line that says what, where and what to do."""
    from hydra.errors import MissingConfigException

    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, MissingConfigException) and chain.missing_cfg_file:
            group, _, name = str(chain.missing_cfg_file).rpartition("/")
            options = [str(option) for option in chain.options or ()]
            return f"{group}={name}: no such choice{suggestion(name, options)}"
        chain = chain.__cause__ or chain.__context__
    text = str(error)
    if match := re.match(r"Could not override '([^']+)'", text):
        return _no_such_key(match[1])
    return " ".join(text.split())


def _no_such_key(key: str) -> str:
    parent, _, leaf = key.rpartition(".")
    known = known_keys(parent)
    if not parent:
        return f"{key}: no such key or group{suggestion(leaf, known)}"
    return f"{key}: no such key{suggestion(leaf, known)}"


def known_keys(parent: str) -> list[str]:
    """Keys of the default configuration below `parent`, or its groups and keys for the top."""
    from omegaconf import OmegaConf

    folder = files("conf")
    top = [str(key) for key in OmegaConf.load(str(folder / "config.yaml")) if key not in ("defaults", "hydra")]
    groups = [path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("_")]
    if not parent:
        return sorted({*top, *groups})
    return []
