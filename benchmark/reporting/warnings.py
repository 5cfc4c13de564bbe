"""What a reader of a report must know beside its numbers: runs that failed, are missing or damaged, mixed origins."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.reporting.unscored import by_reason
from benchmark.store.record import Record
from benchmark.store.versions import version_of

CHOICES = ("dataset", "model", "objective", "trainer")
UNMISSED = ("exact",)  # closed forms exist for few models
Records = Sequence[tuple[Path, Record]]


class Section(NamedTuple):
    """A heading with its items, the same on every page; an item has one line or two."""

    title: str
    lines: list[str]


def of_latest_version(records: Records) -> tuple[list[tuple[Path, Record]], list[str]]:
    """The records whose numbers were made as the newest ones there were, and a line on the others, if there are any."""
    versions = Counter(version_of(record.config) for _, record in records)
    latest = max(versions)
    kept = [(folder, record) for folder, record in records if version_of(record.config) == latest]
    others = len(records) - len(kept)
    stated = ", ".join(f"{trained} and {scored}" for trained, scored in sorted(versions) if (trained, scored) != latest)
    line = (
        f"{others} of {len(records)} runs are left out: trained and scored as of versions {stated}, the others as of "
        f"{latest[0]} and {latest[1]}; the command of the experiment makes anew what it still asks for"
    )
    return kept, [line] if others else []


def caveats(
    records: Records, manifest: Mapping[str, Any], damaged: Mapping[str, str], others: Sequence[str] = ()
) -> list[Section]:
    """Failed, missing and damaged runs with the commands that repeat them, what was left out, and mixed origins."""
    failed = [_failure(folder, record, manifest) for folder, record in records if record.status == "failed"]
    missing = missing_runs(records, manifest, list(damaged))
    sections = (
        Section(f"Failed runs ({len(failed)})", failed),
        Section(f"Missing runs ({len(missing)})", [f"{name}: {command}" for name, command in missing.items()]),
        Section(f"Damaged ({len(damaged)})", [_damage(name, why, manifest) for name, why in damaged.items()]),
        Section("Runs of another version", list(others)),
        Section("Metrics left out", _left_out([record for _, record in records])),
        Section("Warning", _mixed([record.provenance for _, record in records])),
    )
    return [section for section in sections if section.lines]


def missing_runs(records: Records, manifest: Mapping[str, Any], damaged: Sequence[str] = ()) -> dict[str, str]:
    """The runs that the experiment asked for and that left no record, with their commands."""
    there = {folder.name for folder, _ in records} | set(damaged)
    return {name: command for name, command in manifest.get("runs", {}).items() if name not in there}


def _failure(folder: Path, record: Record, manifest: Mapping[str, Any]) -> str:
    choices = " ".join(f"{key}={record.choices[key]}" for key in CHOICES if key in record.choices)
    stated = manifest.get("runs", {}).get(folder.name) or (record.error or {}).get("command")
    command = stated or f"python -m benchmark {choices} seed={record.config.get('seed', 0)}"
    return f"{folder.name}: {record.error_line}\n    repeat it alone: {command}"


def _damage(name: str, why: str, manifest: Mapping[str, Any]) -> str:
    command = manifest.get("runs", {}).get(name)
    return f"damaged: {name}: {why}" + (f"\n    repeat it alone: {command}" if command else "")


def _left_out(records: Sequence[Record]) -> list[str]:
    """One line per reason, with every selector that has it and the number of runs that lack those scores."""
    missed = [{name: why for name, why in one.left_out.items() if name not in UNMISSED} for one in records]
    return sorted(f"{_counted(names)}: {why}" for why, names in by_reason(missed).items())


def _counted(counts: Mapping[str, int]) -> str:
    few, many = min(counts.values()), max(counts.values())
    runs = f"{few} to {many} runs" if few < many else f"{many} run{'s' if many > 1 else ''}"
    return f"{', '.join(sorted(counts))} ({runs})"


def _mixed(origins: Sequence[Mapping[str, Any]]) -> list[str]:
    """One line if the records come from several commits, uncommitted changes, or several versions of a library."""
    found = {"several commits": {str(origin.get("commit"))[:10] for origin in origins}}
    for name in sorted({name for origin in origins for name in origin.get("versions", {})}):
        found[f"several versions of {name}"] = {str(origin.get("versions", {}).get(name)) for origin in origins}
    parts = [f"{what} ({', '.join(sorted(those))})" for what, those in found.items() if len(those) > 1]
    dirty = sum(bool(origin.get("dirty")) for origin in origins)
    parts += [f"code with uncommitted changes ({dirty} of {len(origins)})"] if dirty else []
    return [f"records come from {'; '.join(parts)}"] if parts else []
