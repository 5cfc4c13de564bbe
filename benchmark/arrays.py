"""Arrays read back from .npz files that may be damaged or somebody else's: never a pickle, all troubles named here."""

from __future__ import annotations

import tokenize
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

# what `read_arrays` may raise: numpy parses the header of an array before zipfile has seen that its bytes are damaged
UNREADABLE = (
    OSError, ValueError, KeyError, EOFError, TypeError, AttributeError, SyntaxError, tokenize.TokenError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def read_arrays(path: Path, names: Sequence[str] | None = None) -> dict[str, np.ndarray]:
    """Those arrays of a .npz file, or all; one of UNREADABLE where it is missing, damaged or something else."""
    with path.open("rb") as opened:
        if not zipfile.is_zipfile(opened):  # numpy would take it for a pickle
            raise zipfile.BadZipFile("no zip archive")
    with np.load(path, allow_pickle=False) as file:
        return {name: file[name] for name in (names or file.files)}
