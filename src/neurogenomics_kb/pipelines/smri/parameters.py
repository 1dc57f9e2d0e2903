"""Parameters of the sMRI pipeline."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from neurogenomics_kb.brain.euler import EulerLimit, FixedLimit
from neurogenomics_kb.pipelines.quality import Limits, Parameters, QualityParameters


class SmriQuality(QualityParameters):
    """``params:smri.quality``.

    Attributes
    ----------
    min_euler_number : float
        Smallest mean Euler number of the hemispheres (Rosen et al. 2018) where `euler_limit` is
        fixed and says nothing else.
    euler_limit : dict
        ``{method: fixed}``, ``{method: site_mads, n_mads: 3}``, ``{method: site_median,
        below: 25}`` or ``{method: none}``; see `neurogenomics_kb.brain.euler`. Limits by site take
        effect where the cohort is assembled, since sites stand in the participants' table.
    missing_euler : {"keep", "drop"}
        What to do with a subject without Euler number in a cohort that has them.
    id_column : str
        Column of the Euler-number table with the subject ids.
    image_metrics : list of str
        Columns of MRIQC's group table that go to the quality table, as ``t1w_<metric>``.
    image_limits : dict of str to Limits
        Metrics with the smallest and largest value that passes. There are none by default: what is
        usual depends on the scanner and the sequence.
    missing_image_quality : {"keep", "drop"}
        What to do with a subject without these metrics in a cohort that has them.
    """

    min_euler_number: float = -217.0
    euler_limit: EulerLimit = FixedLimit()
    missing_euler: Literal["keep", "drop"] = "keep"
    id_column: str = "participant_id"
    image_metrics: list[str] = Field(default_factory=list)
    image_limits: dict[str, Limits] = Field(default_factory=dict)
    missing_image_quality: Literal["keep", "drop"] = "keep"

    @property
    def fixed_euler_limit(self) -> float | None:
        """Smallest Euler number that passes everywhere; None where there is no such number."""
        if not isinstance(self.euler_limit, FixedLimit):
            return None
        limit = self.euler_limit.min
        return self.min_euler_number if limit is None else limit


class SmriEmbedding(Parameters):
    """``params:smri.embedding``.

    Attributes
    ----------
    batch : int
        Volumes in memory and in an encoder at a time.
    device : str
        Where encoders run: ``cpu``, ``cuda``.
    unreadable : {"error", "exclude"}
        Whether a volume that cannot be used ends the run, or its subject is left out and counted.
    cache : str or None
        Folder in which vectors are kept by the content of the volume; None keeps nothing.
    """

    batch: int = Field(4, ge=1)
    device: str = "cpu"
    unreadable: Literal["error", "exclude"] = "error"
    cache: str | None = None

    @property
    def loading(self) -> dict[str, str | int]:
        """What encoders take from here."""
        return {"batch": self.batch, "device": self.device}
