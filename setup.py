"""Cards and configuration go into the wheel: `ngkb init` makes a project of them."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

TAKEN = ("conf", "kb", ".telemetry", ".gitignore")


def left_out(folder, names):
    """Results and settings of this machine."""
    return [n for n in names if n == "local" or n == "__pycache__"]


class BuildWithProject(build_py):
    """The modules, and what a project has beside them."""

    def run(self):  # noqa: D102
        super().run()
        if self.editable_mode:
            return
        into = Path(self.build_lib) / "neurogenomics_kb/_project"
        shutil.rmtree(into, ignore_errors=True)
        into.mkdir(parents=True)
        for name in TAKEN:
            if Path(name).is_dir():
                shutil.copytree(name, into / name, ignore=left_out)
            else:
                shutil.copy(name, into / name)


setup(cmdclass={"build_py": BuildWithProject})
