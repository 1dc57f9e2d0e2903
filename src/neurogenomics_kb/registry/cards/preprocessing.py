"""What happens to functional images before features are made of them."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from neurogenomics_kb.registry.cards.base import Card, Fact, Modality, Strict

ExpansionModel = Literal["basic", "derivatives", "power2", "full"]


class Upstream(Strict):
    """Something that must have been done before the images came here.

    Parameters
    ----------
    what : str
        What was done; a statement that the run repeats and does not do.
    tool : str
        Program that did it.
    space : str, optional
        Space the images must be in: the beginning of the file name's ``space`` entity.
    desc : str, optional
        ``desc`` entity that the file name must have, for instance ``smoothAROMAnonaggr``.
    generated_by : list of str
        Programs of which the derivative's ``dataset_description.json`` must name one.
    """

    step: Literal["upstream"]
    what: str = Field(min_length=3)
    tool: str = ""
    space: str | None = None
    desc: str | None = None
    generated_by: list[str] = []


class DropFrames(Strict):
    """Drop frames before the magnetisation is steady."""

    step: Literal["drop_frames"]
    initial: int = Field(0, ge=0, description="frames dropped at the start")
    non_steady_state: bool = Field(True, description="drop what fMRIPrep flags")


class Smooth(Strict):
    """Smooth volumes by a Gaussian kernel."""

    step: Literal["smooth"]
    fwhm_mm: float = Field(gt=0)


class AverageParcels(Strict):
    """Average the voxels of each parcel."""

    step: Literal["average_parcels"]
    atlas: str = Field(min_length=1, description="name of the cohort's atlas")
    parcels: int | None = Field(None, ge=2, description="how many it has")


class Detrend(Strict):
    """Remove the linear trend."""

    step: Literal["detrend"]


class Filter(Strict):
    """Keep a band of frequencies (Butterworth)."""

    step: Literal["filter"]
    high_pass_hz: float | None = Field(None, gt=0)
    low_pass_hz: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _is_a_band(self):
        low, high = self.high_pass_hz, self.low_pass_hz
        if low is None and high is None:
            raise ValueError("a filter needs `high_pass_hz` or `low_pass_hz`")
        if low is not None and high is not None and low >= high:
            raise ValueError(f"high_pass_hz {low} is not below low_pass_hz {high}")
        return self


class Censor(Strict):
    """Leave frames with motion out; runs with too little left are excluded and counted."""

    step: Literal["censor"]
    max_fd_mm: float | None = Field(None, gt=0)
    max_std_dvars: float | None = Field(None, gt=0)
    min_contiguous_frames: int = Field(1, ge=1)
    min_usable_s: float | None = Field(None, gt=0)


class Regress(Strict):
    """Regress nuisance signals out, chosen as `nilearn.interfaces.fmriprep.load_confounds` does."""

    step: Literal["regress"]
    signals: list[
        Literal["motion", "wm_csf", "global_signal", "high_pass", "compcor", "ica_aroma"]
    ] = Field(min_length=1)
    motion: ExpansionModel = "full"
    wm_csf: ExpansionModel = "basic"
    global_signal: ExpansionModel = "basic"
    compcor: Literal[
        "anat_combined",
        "anat_separated",
        "temporal",
        "temporal_anat_combined",
        "temporal_anat_separated",
    ] = "anat_combined"
    n_compcor: int | None = Field(None, ge=1)
    ica_aroma: Literal["full", "basic"] = "full"

    @model_validator(mode="after")
    def _compcor_needs_cosines(self):
        if "compcor" in self.signals and "high_pass" not in self.signals:
            raise ValueError("fMRIPrep's CompCor was computed after its cosines: add high_pass")
        return self


class Standardize(Strict):
    """Bring every parcel to mean 0 and standard deviation 1 over the run."""

    step: Literal["standardize"]


class ScaleTensor(Strict):
    """Scale the 4-D image for a volume encoder.

    Parameters
    ----------
    method : {"global_zscore", "voxel_zscore"}
        One mean and standard deviation over all voxels and frames inside the brain, or one per
        voxel.
    background : {"minimum", "zero"}
        What voxels outside the brain become.
    """

    step: Literal["scale_tensor"]
    method: Literal["global_zscore", "voxel_zscore"] = "global_zscore"
    background: Literal["minimum", "zero"] = "minimum"


PreprocessingStep = Annotated[
    Upstream
    | DropFrames
    | Smooth
    | AverageParcels
    | Detrend
    | Filter
    | Censor
    | Regress
    | Standardize
    | ScaleTensor,
    Field(discriminator="step"),
]
# Filter before regression and censoring between them (Lindquist et al., Human Brain Mapping 2019).
ORDER = (
    "upstream", "drop_frames", "smooth", "average_parcels", "detrend", "filter", "censor",
    "regress", "standardize", "scale_tensor",
)  # fmt: skip
ON_VOLUMES = {"upstream", "drop_frames", "smooth", "scale_tensor"}


class PreprocessingPipeline(Card):
    """From images of a scanner to what features are made of.

    The steps named ``upstream`` were done before; the others are what the run does, in the order
    written.

    Parameters
    ----------
    modality : str
        Modality, such as smri. Default fmri.
    steps : list of steps
        What is done, in this order.
    facts : dict of str to Fact
        Statements by name, each with its source.
    """

    type_name: ClassVar[str] = "preprocessing"
    place: ClassVar[str] = "integration_cards/rsfmri_preprocessing_pipelines.yaml"
    heading: ClassVar[str] = "rs-fMRI preprocessing"
    skeleton: ClassVar[dict[str, Any]] = {
        "title": "…",
        "modality": "fmri",
        "steps": [{"step": "upstream", "what": "motion correction", "tool": "…"}],
        "status": "planned",
        "reason": "…",
    }

    modality: Modality = "fmri"
    steps: list[PreprocessingStep] = Field(min_length=1)
    facts: dict[str, Fact] = {}

    @model_validator(mode="after")
    def _can_be_executed(self):
        names = [step.step for step in self.steps]
        ours = [name for name in names if name != "upstream"]
        repeated = {name for name in ours if ours.count(name) > 1}
        if repeated:
            raise ValueError(f"{', '.join(sorted(repeated))} is there more than once")
        if names != sorted(names, key=ORDER.index):
            raise ValueError(f"the steps run in the order {', '.join(ORDER)}; write them so")
        if self.status == "ready":
            if len({"average_parcels", "scale_tensor"} & set(ours)) != 1:
                raise ValueError("end in either average_parcels (series) or scale_tensor (volumes)")
            if self.yields == "parcels" and "standardize" not in ours:
                raise ValueError("series are always standardised: add the step standardize")
            if self.yields == "tensor" and set(ours) - ON_VOLUMES:
                raise ValueError(
                    f"{', '.join(sorted(set(ours) - ON_VOLUMES))} runs on parcels only"
                )
        return self

    @property
    def yields(self) -> Literal["parcels", "tensor"]:
        """What comes out: parcel series or a 4-D tensor."""
        return "tensor" if self.find("scale_tensor") is not None else "parcels"

    @property
    def upstream(self) -> list[Upstream]:
        """What must have been done before."""
        return [step for step in self.steps if step.step == "upstream"]

    def find(self, name: str) -> Strict | None:
        """The step of that name, or None."""
        return next((step for step in self.steps if step.step == name), None)
