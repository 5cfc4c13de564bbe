"""A folder of the user's that bears the name of one of our packages is said, and betterbound does not see it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.choices import ROOT

SCRIPT = (
    f"import sys; sys.path[0] = ''; sys.path.insert(1, {str(ROOT)!r}); "
    "from benchmark.__main__ import main; sys.exit(main())"
)


def called(arguments, here, first):
    """A command as `python -m` (the current folder first) or as an installed script (never) would run it."""
    code = SCRIPT if first else SCRIPT.replace("sys.path[0] = ''; sys.path.insert(1, ", "sys.path[0] = (")
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=here, timeout=120
    )


@pytest.mark.parametrize("name", ["models", "metrics", "conf"])
def test_a_folder_that_hides_a_package_is_named(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / name / "__init__.py").write_text("")
    done = called(["--version"], tmp_path, first=True)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {tmp_path / name} hides this program's own package '{name}'")
    assert "run `betterbound`" in done.stderr
    assert called(["--version"], tmp_path, first=False).returncode == 0


@pytest.mark.parametrize("command", ["report", "evaluate"])
def test_every_command_is_a_word_of_betterbound(tmp_path, command):
    done = called([command, str(tmp_path / "nothing")], tmp_path, first=False)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "nothing" in done.stderr
