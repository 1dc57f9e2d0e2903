"""A project's folder from an installed package: cards, configuration, and what Kedro asks for."""

from __future__ import annotations

import shutil
from importlib.metadata import version
from pathlib import Path

import neurogenomics_kb
from neurogenomics_kb.foundation.errors import InputError

# Beside the modules in a wheel; in a checkout they are at its root.
PACKED = "_project"
TAKEN = ("conf", "kb", ".telemetry", ".gitignore")
# Kedro wants these to be there. What is put into `src` goes before installed packages.
EMPTY = ("src", "conf/local", "data/01_raw", "notebooks")
PYPROJECT = """\
[tool.kedro]
package_name = "neurogenomics_kb"
project_name = "{name}"
kedro_init_version = "{kedro}"
source_dir = "src"
"""


def start_project(folder: Path) -> Path:
    """Make a folder in which ``kedro run`` works with the installed package.

    Parameters
    ----------
    folder : Path
        New or empty.

    Returns
    -------
    Path
        Absolute.

    Raises
    ------
    InputError
        If something lies there, or the package came without cards and configuration.
    """
    folder = folder.resolve()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError("something lies there", file=folder, remedy="Name a new folder.")
    package = Path(neurogenomics_kb.__file__).parent
    source = next((p for p in (package / PACKED, package.parents[1]) if (p / "kb").is_dir()), None)
    if source is None:
        raise InputError(
            "the package came without cards and configuration",
            file=package,
            remedy="Install the wheel that `kedro package` builds, or a checkout.",
        )
    folder.mkdir(parents=True, exist_ok=True)
    for name in TAKEN:
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name, ignore=_of_this_machine)
        else:
            shutil.copy(source / name, folder / name)
    for name in EMPTY:
        (folder / name).mkdir(parents=True, exist_ok=True)
    # Last: without it the folder is no project.
    text = PYPROJECT.format(name=folder.name.replace('"', ""), kedro=version("kedro"))
    (folder / "pyproject.toml").write_text(text, encoding="utf-8")
    return folder


def _of_this_machine(folder: str, names: list[str]) -> list[str]:
    """Results and settings that are not the project's."""
    return [name for name in names if name == "local"]
