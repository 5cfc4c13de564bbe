"""What a reader of a report must know beside its numbers: runs that failed, are missing or damaged, mixed origins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.reporting.analyses.findings import Findings
from benchmark.reporting.sections import Section
from benchmark.reporting.study import Study
from benchmark.reporting.unscored import by_reason
from benchmark.store.groups import IDENTITY
from benchmark.store.record import Record

UNMISSED = ("exact",)  # closed forms exist for few models


def warnings(study: Study) -> Findings:
    """Failed, missing and damaged runs with the commands that repeat them, what was left out, and mixed origins."""
    manifest, damaged = study.manifest, {**study.damaged, **study.unreadable}
    records = [record for _, record in study.records]
    failed = [_failure(folder, record, manifest) for folder, record in study.failed]
    sections = (
        Section(f"Failed runs ({len(failed)})", failed),
        Section(f"Missing runs ({len(study.missing)})", [f"{name}: {how}" for name, how in study.missing.items()]),
        Section(f"Damaged ({len(damaged)})", [_damage(name, why, manifest) for name, why in damaged.items()]),
        Section("Runs of another version", list(study.others)),
        Section("Metrics left out", _left_out(records)),
        Section("Warning", _mixed([record.provenance for record in records])),
    )
    return Findings(sections=[section for section in sections if section.lines])


def _failure(folder: Path, record: Record, manifest: Mapping[str, Any]) -> str:
    choices = " ".join(f"{key}={record.choices[key]}" for key in IDENTITY if key in record.choices)
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
    of_packages = [(name, known) for origin in origins for name, known in origin.get("packages", {}).items()]
    for name, known in of_packages:  # of the user's, in those records that use them
        found.setdefault(f"several sources of {name}", set()).add(known.get("sha256", "unknown")[:10])
    parts = [f"{what} ({', '.join(sorted(those))})" for what, those in found.items() if len(those) > 1]
    dirty = sum(bool(origin.get("dirty")) for origin in origins)
    parts += [f"code with uncommitted changes ({dirty} of {len(origins)})"] if dirty else []
    return [f"records come from {'; '.join(parts)}"] if parts else []
