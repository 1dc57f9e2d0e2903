"""Every analysis of a run, listed once.

`ANALYSES` of the registry says which names an experiment may use; the folder of the same name here
holds the analysis as one object, ``ANALYSIS``.
"""

from importlib import import_module

from neurogenomics_kb.foundation.contracts import ContractError
from neurogenomics_kb.pipelines.integration.analyses.base import Analysis
from neurogenomics_kb.registry.analyses import ANALYSES as NAMES


def load_analyses() -> list[Analysis]:
    """Analyses in the order of the registry's list.

    Raises
    ------
    ContractError
        If a folder holds an analysis of another name.
    """
    found = [import_module(f"{__name__}.{name}").ANALYSIS for name in NAMES]
    for name, analysis in zip(NAMES, found, strict=True):
        if analysis.name != name:
            raise ContractError(f"folder '{name}' holds analysis '{analysis.name}'")
    return found
