"""A named choice: a function and its options, each of the type that the function's signature declares."""

from __future__ import annotations

import difflib
import functools
import importlib
import inspect
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_type_hints

from pydantic import ConfigDict, TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from benchmark.config.identity import current, frozen

PACKAGES = ("benchmark.", "models.", "metrics.")
SHOWN = 80  # characters of a wrong value


class ConfigurationError(ValueError):
    """A choice or number that cannot be; its first line says which, why, and what to do."""


@dataclass(frozen=True)
class Component:
    """A named choice: the function it stands for and its options, each of the type that the signature declares."""

    name: str  # the choice, such as iwae
    target: str  # dotted name of a function or class in benchmark, models, metrics or a package that the user named
    options: Mapping[str, Any]  # JSON values

    @property
    def function(self) -> Callable[..., Any]:
        """The function or class itself; whether it may be a target was asked when this was made of a configuration."""
        return locate(self.target, [self.target.partition(".")[0]])

    def build(self) -> Callable[..., Any]:
        """The function with its options filled in; it still lacks the data."""
        function = self.function
        return functools.partial(function, **check_options(self.name, function, self.options))

    def as_config(self) -> dict[str, Any]:
        """What records and hashes see: names that stay when code moves."""
        return frozen(self.target, self.options)


def locate(target: str, packages: Iterable[str] = ()) -> Callable[..., Any]:
    """The function or class of a dotted name inside our packages, or those of the user's that were named."""
    module, _, name = target.rpartition(".")
    inside = (*PACKAGES, *(f"{package}." for package in packages))
    if not target.startswith(inside):
        hint = "name a package of yours by packages=[...]"
        raise ConfigurationError(f"_target_: {target!r} is outside of {_listed(inside)}; {hint}")
    try:
        found = getattr(importlib.import_module(module), name)
    except (Exception, SystemExit) as error:  # a module of the user's may do anything when it is imported
        told = f"{type(error).__name__}: " * (not isinstance(error, ImportError | AttributeError | ValueError))
        raise ConfigurationError(f"_target_: {target!r} cannot be found ({told}{error})") from error
    if not callable(found) or not f"{getattr(found, '__module__', '')}.".startswith(inside):
        raise ConfigurationError(f"_target_: {target!r} is no function or class of {_listed(inside)}")
    return found


def _listed(inside: Sequence[str]) -> str:
    *first, last = (name.rstrip(".") for name in inside)
    return f"{', '.join(first)} and {last}"


@functools.cache
def schema(function: Callable[..., Any]) -> tuple[dict[str, inspect.Parameter], dict[str, Any]]:
    """The options that a function takes, which are its keyword-only parameters, and their types."""
    parameters = {
        key: parameter
        for key, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    }
    try:
        hints = get_type_hints(function.__init__ if inspect.isclass(function) else function, include_extras=True)
    except NameError as error:
        name = f"{function.__module__}.{function.__qualname__}"
        raise ConfigurationError(f"_target_: {name!r} has a type that is not imported ({error})") from error
    return parameters, hints


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind, config=ConfigDict(allow_inf_nan=False))


def check_options(name: str, function: Callable[..., Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The options cast to the types of the function's keyword-only parameters; an error for any that cannot be."""
    parameters, hints = schema(function)
    checked = {}
    for key, value in options.items():
        if key not in parameters:
            raise ConfigurationError(f"{name}.{key}: no such option{suggestion(key, parameters)}")
        checked[key] = check_value(f"{name}.{key}", hints.get(key, Any), value)
    missing = [key for key, parameter in parameters.items() if parameter.default is parameter.empty]
    if missing := [key for key in missing if key not in options]:
        raise ConfigurationError(f"{name}.{missing[0]}: missing, it has no default")
    return checked


def check_value(key: str, kind: Any, value: Any) -> Any:
    """The value as the declared type; the error's first line names key, value and what was expected."""
    try:
        if isinstance(value, bool) and "bool" not in str(kind) and kind is not Any:
            raise ConfigurationError(f"{key}={str(value).lower()}: expected {_kind_name(kind)}, got a truth value")
        return _adapter(kind).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = _place(value, first["loc"], first["type"])
        raise ConfigurationError(f"{key}{where}={shown(first['input'])}: {_in_yaml(first['msg'])}") from None


def _place(value: Any, location: Sequence[int | str], kind: str) -> str:
    """Where in a value an error is, such as "[0].updates[1].parts", of which types are no part."""
    where = ""
    for part in location:
        if isinstance(part, int):
            where += f"[{part}]"
            value = value[part] if isinstance(value, Sequence) and part < len(value) else None
        elif isinstance(value, Mapping) and (part in value or kind == "missing"):
            where += f".{part}"
            value = value.get(part)
    return where


def component(group: str, name: str, node: Any, packages: Iterable[str] = ()) -> Component | None:
    """The checked component of a configuration node, or None where its _target_ is null.

    Its target is of ours, or of the `packages` that the user named.
    """
    if not isinstance(node, Mapping):
        raise ConfigurationError(f"{group}={shown(node)}: must be a choice or a mapping of options with a _target_")
    if node.get("_target_") is None:
        return None
    target = current(str(node["_target_"]))
    try:
        function = locate(target, packages)
    except ConfigurationError as error:
        raise ConfigurationError(f"{group}.{error}") from error
    options = check_options(group, function, {str(key): value for key, value in node.items() if key != "_target_"})
    return Component(name, target, to_jsonable_python(options))


def suggestion(key: str, known: Mapping[str, Any] | list[str]) -> str:
    """What the user may have meant, and what there is."""
    close = difflib.get_close_matches(key, list(known), n=1)
    there = f"there are {', '.join(sorted(known))}" if known else "it takes none"
    return f"; did you mean {close[0]}? {there}" if close else f"; {there}"


def shown(value: Any) -> str:
    """A value as an error shows it."""
    text = " ".join(("null" if value is None else str(value)).split())
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _in_yaml(message: str) -> str:
    """Python's words for things as YAML calls them."""
    for python, yaml in (("Tuple", "List"), ("tuple", "list"), ("dictionary", "mapping")):
        message = message.replace(python, yaml)
    return message


def _kind_name(kind: Any) -> str:
    return json.dumps(getattr(kind, "__name__", str(kind)))
