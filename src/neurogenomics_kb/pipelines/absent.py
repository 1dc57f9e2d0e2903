"""Modalities that a cohort does not have.

The graph of pipelines is the same for every cohort: what was not collected travels as empty
tables, and later steps leave the block out.
"""

from __future__ import annotations

import pandas as pd

from neurogenomics_kb.datasets import NotCollected
from neurogenomics_kb.foundation.naming import SUBJECT


def is_absent(*inputs: object) -> bool:
    """Whether any of the inputs was not collected."""
    return any(isinstance(data, NotCollected) for data in inputs)


def empty_table() -> pd.DataFrame:
    """A table without subjects and without columns."""
    return pd.DataFrame(index=pd.Index([], name=SUBJECT, dtype=str))
