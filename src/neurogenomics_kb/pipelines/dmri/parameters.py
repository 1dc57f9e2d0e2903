"""Parameters of the diffusion pipeline."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from neurogenomics_kb.pipelines.quality import Limits, QualityParameters


class DmriQuality(QualityParameters):
    """``params:dmri.quality``.

    Attributes
    ----------
    image_metrics : list of str
        Columns of the group table of image quality (MRIQC's ``group_dwi.tsv`` or one's own) that
        go to the quality table, as ``dwi_<metric>`` in lower case.
    image_limits : dict of str to Limits
        Metrics with the smallest and largest value that passes; none by default.
    missing_image_quality : {"keep", "drop"}
        What to do with a subject without these metrics in a cohort that has them.
    """

    image_metrics: list[str] = Field(default_factory=list)
    image_limits: dict[str, Limits] = Field(default_factory=dict)
    missing_image_quality: Literal["keep", "drop"] = "keep"
