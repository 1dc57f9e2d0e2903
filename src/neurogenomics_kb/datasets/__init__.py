"""Kedro datasets for the field's file formats."""

from neurogenomics_kb.datasets.atlas import AtlasDataset
from neurogenomics_kb.datasets.bids import (
    BidsConfoundsDataset,
    BidsImage,
    BidsImagesDataset,
    BidsTablesDataset,
)
from neurogenomics_kb.datasets.eeg import EegRecordingsDataset
from neurogenomics_kb.datasets.enigma import EnigmaTablesDataset
from neurogenomics_kb.datasets.extract import FieldTablesDataset, WithoutWithdrawnDataset
from neurogenomics_kb.datasets.figure import FigureDataset
from neurogenomics_kb.datasets.freesurfer import FreeSurferTablesDataset
from neurogenomics_kb.datasets.freesurfer_subjects import FreeSurferSubjectsDataset
from neurogenomics_kb.datasets.genome import (
    FastaDataset,
    GtfDataset,
    PgenDataset,
    VariantsDataset,
    VcfContent,
    VcfDataset,
)
from neurogenomics_kb.datasets.imaging import EmbeddingsDataset, NiftiDataset
from neurogenomics_kb.datasets.model import ModelDataset, RecipeDataset
from neurogenomics_kb.datasets.not_collected import NotCollected, NotCollectedDataset
from neurogenomics_kb.datasets.people import PeopleTableDataset
from neurogenomics_kb.datasets.reference_maps import ReferenceMapsDataset, SphereDataset
from neurogenomics_kb.datasets.registry import RegistryDataset
from neurogenomics_kb.datasets.result_card import ResultCardDataset
from neurogenomics_kb.datasets.series import SubjectTablesDataset
from neurogenomics_kb.datasets.table import TableDataset
from neurogenomics_kb.datasets.tracts import TractTablesDataset
from neurogenomics_kb.datasets.vectors import VectorTablesDataset
from neurogenomics_kb.datasets.visits import BidsVisitsDataset

__all__ = [
    "AtlasDataset",
    "BidsConfoundsDataset",
    "BidsImage",
    "BidsImagesDataset",
    "BidsTablesDataset",
    "BidsVisitsDataset",
    "EegRecordingsDataset",
    "EmbeddingsDataset",
    "EnigmaTablesDataset",
    "FastaDataset",
    "FieldTablesDataset",
    "FigureDataset",
    "FreeSurferSubjectsDataset",
    "FreeSurferTablesDataset",
    "GtfDataset",
    "ModelDataset",
    "NiftiDataset",
    "NotCollected",
    "NotCollectedDataset",
    "PeopleTableDataset",
    "PgenDataset",
    "RecipeDataset",
    "ReferenceMapsDataset",
    "RegistryDataset",
    "ResultCardDataset",
    "SphereDataset",
    "SubjectTablesDataset",
    "TableDataset",
    "TractTablesDataset",
    "VariantsDataset",
    "VcfContent",
    "VcfDataset",
    "VectorTablesDataset",
    "WithoutWithdrawnDataset",
]
