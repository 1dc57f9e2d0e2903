"""Parameters of the sMRI pipeline."""

from __future__ import annotations

from typing import Literal

from neurogenomics_kb.pipelines.quality import QualityParameters


class SmriQuality(QualityParameters):
    """``params:smri.quality``.

    Attributes
    ----------
    min_euler_number : float
        Smallest mean Euler number of the hemispheres (Rosen et al. 2018).
    missing_euler : {"keep", "drop"}
        What to do with a subject without Euler number in a cohort that has them.
    id_column : str
        Column of the Euler-number table with the subject ids.
    """

    min_euler_number: float = -217.0
    missing_euler: Literal["keep", "drop"] = "keep"
    id_column: str = "participant_id"
