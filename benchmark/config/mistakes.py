"""What Hydra and OmegaConf refuse, said in one line: what, where, and what to do."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from benchmark.config.components import shown, suggestion
from benchmark.store.groups import SECOND

Choices = Callable[[str], list[str]]  # the names of a group
Again = Callable[[Sequence[str]], Any]  # composes other overrides


def explain(error: BaseException, overrides: Sequence[str], choices: Choices, again: Again) -> str:
    """Hydra's exception as one line that names the override it is about."""
    from hydra.errors import MissingConfigException

    chain: BaseException | None = error
    while chain is not None:
        if isinstance(chain, MissingConfigException) and chain.missing_cfg_file:
            return _no_such_choice(str(chain.missing_cfg_file), choices)
        error = chain if not str(error) else error
        chain = chain.__cause__ or chain.__context__
    text = _led_by_key(one_line(error))
    if match := re.match(r"Could not override '([^'@]+)'", text):
        return _no_such_key(match[1], overrides, again)
    return named(text, overrides)


def named(text: str, overrides: Sequence[str], kind: str = "") -> str:
    """A message that says what it is about: by a key of the overrides, or else by all of them.

    The `kind` of an error, such as "TypeError: ", comes before what it says, and is no key.
    """
    if not overrides or re.match(r"[\w.]+[:=]", text) or any(key_of(override) in text for override in overrides):
        return kind + text
    return f"{' '.join(map(shown, overrides))}: {kind}{text}"


def one_line(error: BaseException) -> str:
    """What an exception says, in one line; of one that says nothing its name."""
    text = " ".join(str(error).split()) or type(error).__name__
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def _led_by_key(text: str) -> str:
    """OmegaConf says at the end which key an error is about, if it knows."""
    said, found, key = text.partition(" full_key:")
    key = key.partition(" reference_type=")[0].partition(" object_type=")[0].strip()
    return text if not found else f"{key}: {said}" if key else said


def key_of(override: str) -> str:
    """The key or group that an override is about."""
    return override.lstrip("+~").partition("=")[0].partition("@")[0]


def _no_such_choice(path: str, choices: Choices) -> str:
    group, _, name = path.rpartition("/") if path.startswith("hydra/") else path.partition("/")
    if not name:
        return f"--config-name={path}: no such file{suggestion(path, choices(''))}"
    known = choices(group)
    if sizes := [option for option in known if option.startswith(f"{name}/")]:
        return f"{group}={name}: that is a folder; choose {', '.join(sizes[:-1])} or {sizes[-1]}"
    return f"{group}={name}: no such choice{suggestion(name, known)}"


def _no_such_key(key: str, overrides: Sequence[str], again: Again) -> str:
    parent, _, leaf = key.rpartition(".")
    try:
        node = again([text for text in overrides if not key_of(text).startswith(key)])
        for part in parent.split(".") if parent else ():
            node = node.get(part) if hasattr(node, "get") else None
    except Exception:  # a second mistake beside this one: say the first without what there is instead
        node = None
    if parent == SECOND and node is None:
        return f"{key}: there is no second objective; choose one first, objective@{SECOND}=<name>"
    known = [str(name) for name in node if name not in ("hydra", "_target_")] if hasattr(node, "keys") else []
    return f"{key}: no such key{suggestion(leaf, known) if known else ''}"
