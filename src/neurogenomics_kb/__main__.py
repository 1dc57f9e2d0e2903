"""``python -m neurogenomics_kb`` is ``kedro run``: in a project's folder or below it."""

import sys
from pathlib import Path

from kedro.utils import find_kedro_project


def main() -> None:
    """Run pipelines with the options of ``kedro run``."""
    if find_kedro_project(Path.cwd()) is None:
        sys.exit(f"Error: {Path.cwd()}: there is no project here or above. "
                 "Go to its folder, or make one with `ngkb init FOLDER`.")  # fmt: skip
    # Importing it starts Kedro's logging.
    from kedro.framework.cli.cli import main as kedro

    sys.argv[1:1] = ["run"]
    kedro()


if __name__ == "__main__":
    main()
