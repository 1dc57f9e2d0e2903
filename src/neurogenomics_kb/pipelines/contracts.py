"""Contracts of all tables that nodes save, by name."""

from __future__ import annotations

from neurogenomics_kb.foundation.contracts import by_name
from neurogenomics_kb.pipelines import modality_tables
from neurogenomics_kb.pipelines.integration import tables
from neurogenomics_kb.pipelines.integration.analyses import load_analyses

CONTRACTS = by_name(
    [
        *modality_tables.TABLES,
        *tables.TABLES,
        *(table for analysis in load_analyses() for table in analysis.tables),
    ]
)
