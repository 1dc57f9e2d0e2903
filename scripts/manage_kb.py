"""``python scripts/manage_kb.py ops strategy ID``: another spelling of ``kedro kb strategy ID``."""

import sys

from neurogenomics_kb.project.commands import kb

if __name__ == "__main__":
    arguments = sys.argv[1:]
    kb(arguments[1:] if arguments[:1] == ["ops"] else arguments, prog_name="manage_kb.py ops")
