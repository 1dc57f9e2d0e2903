"""Cohorts and their tables: what raw columns mean."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field, field_validator, model_validator

from neurogenomics_kb.registry.cards.base import (
    Card,
    DatasetId,
    Fact,
    Identifier,
    Modality,
    Source,
    Strict,
)
from neurogenomics_kb.registry.cards.confounds import ConfoundForms

# Covariates that a modality's quality control yields; everything else is in the dataset card.
QUALITY_COVARIATES = {
    "missing_call_rate": "genomics",
    "euler_number": "smri",
    "etiv": "smri",
    "t1w_cjv": "smri",
    "t1w_cnr": "smri",
    "t1w_efc": "smri",
    "t1w_snr_total": "smri",
    "dwi_fd_mean": "dmri",
    "mean_fd": "fmri",
    "n_frames": "fmri",
    "n_clean_segments": "eeg",
    "share_clean": "eeg",
    "n_bad_channels": "eeg",
    "n_missing_items": "behaviour",
}


# Their values are names, whatever they look like: 11010 is no more than 11009.
NAMING_ROLES = ("site", "batch", "group", "cohort", "wave")


class Column(Strict):
    """A source column: what it is called here, what it may hold.

    Parameters
    ----------
    name : str
        Canonical name.
    type : {"number", "category", "binary", "text"}
        A column of a site, batch or group (such as a family) is a category unless it is text: its
        codes are names, and a straight line through them would mean nothing.
    unit : str
        Unit of the numbers; empty for none.
    range : tuple of float
        Inclusive; values outside are an error.
    levels : mapping
        Source value to canonical value. For ``binary`` the canonical values are 0 and 1.
    missing_codes : list
        Source values of this column that stand for a gap, such as -3 for "prefer not to answer".
        They belong to the column, since -1 is a code in one and a measurement in another.
    follows_visit : bool
        The column exists once per visit, and the source name gives the default one: the instance in
        ``21003-2.0`` becomes the visit that is analysed.
    required : bool
        Whether a table without the column is refused; otherwise it is missing for everybody.
    source : str, optional
        Where its meaning stands, if not where the table says.
    verified : bool
        Whether name, unit and codes were looked up there for this card.
    prevalence : float, optional
        Of an outcome of type binary: share of the population that has it in their lives. With
        `heritability` or `reliability` it bounds how well anything can predict it.
    heritability : float, optional
        Share of the variance of an outcome (of a diagnosis: of liability) that is genetic.
    reliability : float, optional
        Of an outcome: kappa of a diagnosis, retest correlation of a score.
    """

    name: str
    type: Literal["number", "category", "binary", "text"] = "number"
    unit: str = ""
    range: tuple[float, float] | None = None
    levels: dict[str, str | int] = {}
    missing_codes: list[str | int | float] = []
    follows_visit: bool = False
    required: bool = True
    role: Literal[
        "id", "confound", "outcome", "group", "site", "batch", "cohort", "wave", "feature", "other"
    ] = "other"
    description: str = ""
    source: Source | None = None
    verified: bool = False
    prevalence: float | None = Field(None, gt=0, lt=1)
    heritability: float | None = Field(None, ge=0, le=1)
    reliability: float | None = Field(None, ge=0, le=1)

    @field_validator("levels", mode="before")
    @classmethod
    def _text_keys(cls, value):
        if not isinstance(value, dict):
            return value
        for key in value:
            if isinstance(key, bool):
                raise ValueError("quote level names such as 'yes', 'no', 'on', 'off'")
        return {str(k): v for k, v in value.items()}

    @field_validator("missing_codes", mode="before")
    @classmethod
    def _text_codes(cls, value):
        if not isinstance(value, list):
            return value
        if any(isinstance(v, bool) for v in value):
            raise ValueError("quote missing codes such as 'yes', 'no', 'on', 'off'")
        return [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in value]

    @model_validator(mode="before")
    @classmethod
    def _names_are_no_numbers(cls, data):
        named = isinstance(data, dict) and data.get("role") in NAMING_ROLES
        if named and data.get("type", "number") in ("number", "binary"):
            return {**data, "type": "category"}
        return data

    @model_validator(mode="after")
    def _codes_are_no_levels(self):
        both = [code for code in self.missing_codes if code in self.levels]
        if both:
            raise ValueError(f"'{both[0]}' is both a level and a missing code")
        return self


class Kinship(Strict):
    """A table of related pairs, from which families are made.

    Parameters
    ----------
    columns : tuple of str
        The two columns of subject ids.
    coefficient : str
        Column of the kinship coefficient.
    minimum : float
        Pairs from this coefficient on are one family; 0.0442 bounds the third degree (Manichaikul
        et al., Bioinformatics 2010).
    name : str
        Source name of the family column in the table of participants.
    close : float, optional
        Kinship from which relatives are one sibship inside their family; 0.177 bounds the first
        degree.
    close_name : str
        Source name of the column of sibships.
    """

    columns: tuple[str, str] = ("ID1", "ID2")
    coefficient: str = "Kinship"
    minimum: float = Field(0.0442, gt=0, lt=0.5)
    name: str = "family_id"
    close: float | None = Field(None, gt=0, lt=0.5)
    close_name: str = "sibship_id"

    @model_validator(mode="after")
    def _close_is_closer(self):
        if self.close is not None and self.close <= self.minimum:
            raise ValueError("`close` relatives are closer than `minimum`")
        return self

    @property
    def supplies(self) -> list[str]:
        """Source names of the columns that it makes."""
        return [self.name, *([] if self.close is None else [self.close_name])]


class Table(Strict):
    """A raw table of a dataset and the columns taken from it.

    Parameters
    ----------
    file : str
        File of the table.
    id_column : str
        Column that names people. Default participant_id.
    columns : dict of str to Column
        By their names in the file.
    kinship : Kinship, optional
        Pairs of relatives, where families are made of them.
    source : str, optional
        Where the meaning of its columns stands, unless a column says otherwise.
    """

    file: str
    id_column: str = "participant_id"
    columns: dict[str, Column] = {}
    kinship: Kinship | None = None
    source: Source | None = None


class BulkField(Strict):
    """Something to order that no table maps: files, or values that are used as they come.

    Parameters
    ----------
    title : str
        As the provider calls it.
    instances : list of int
        Visits that it exists for; empty for fields without visits.
    kind : {"bulk", "value"}
        Files of a participant or of everybody, or values in a table.
    files : str
        Pattern of the file names.
    use : str
        What it is for here, and as which file the project expects it.
    source : str
        Where it stands: DOI, file of a repository with its commit, or page.
    verified : bool
        Whether the id and the title were looked up there for this card.
    note : str
        What a reader should know beside it.
    """

    title: str = Field(min_length=3)
    instances: list[int] = []
    kind: Literal["bulk", "value"] = "bulk"
    files: str = ""
    use: str = ""
    source: Source
    verified: bool = False
    note: str = ""


class Visits(Strict):
    """Which canonical columns say whose visit a row is, which visit, and at what age.

    Parameters
    ----------
    subject, wave : str
        Columns of the child and of the wave.
    age : str, optional
        Column that `windows` are in the unit of.
    windows : dict of str to tuple
        Youngest and oldest age of each wave.
    constant : list of str
        Columns that do not change between a child's visits, such as family and sex.
    """

    subject: str = "child_id"
    wave: str = "wave_id"
    age: str | None = None
    windows: dict[str, tuple[float, float]] = {}
    constant: list[str] = []

    @model_validator(mode="after")
    def _windows_need_an_age(self):
        if self.windows and self.age is None:
            raise ValueError("`windows` need the column of the age, `age`")
        return self


class DatasetCard(Card):
    """A cohort, a part of one, or a catalogue: licence, size, and what raw columns mean.

    Parameters
    ----------
    kind : {"cohort", "part", "catalogue"}
        A cohort can run; a part describes one source of a cohort (`part_of`); a catalogue lists
        things that are not subjects.
    cohort : str, optional
        Id that environments use; catalogues have none.
    part_of : str, optional
        Dataset card of the cohort. The cohort's run sees the tables of its parts.
    drawn_from : list of str
        Larger cohorts whose people these are, by the names that `pretraining_cohorts` of encoder
        cards use.
    fields : dict of str to BulkField
        What else is ordered with the tables, by the provider's id (``20227``, ``26207-26209``).
    facts : dict of str to Fact
        Statements by name, each with its source.
    families : list of str
        Columns of relatives, the outermost first (extended families before sibships): what an
        experiment's ``exchangeability: families`` stands for.
    confound_forms : ConfoundForms
        Curves and interactions of confounds that every strategy takes out in this cohort.
    visits : Visits, optional
        For cohorts with repeated visits: one row of `participants` is a visit then.
    """

    type_name: ClassVar[str] = "dataset"
    place: ClassVar[str] = "datasets"
    heading: ClassVar[str] = "Datasets"
    skeleton: ClassVar[dict[str, Any]] = {
        "title": "…",
        "cohort": "my_cohort",
        "license": "…",
        "access": "…",
        "tables": {
            "participants": {
                "file": "participants.tsv",
                "id_column": "participant_id",
                "columns": {
                    "age": {"name": "age", "unit": "years", "range": [0, 120], "role": "confound"}
                },
            }
        },
    }

    kind: Literal["cohort", "part", "catalogue"] = "cohort"
    cohort: Identifier | None = None
    part_of: DatasetId | None = None
    license: str = ""
    attribution: str = ""
    access: str = ""
    n_subjects: int | None = Field(None, ge=0)
    modalities: list[Modality] = []
    drawn_from: list[Identifier] = []
    tables: dict[str, Table] = {}
    fields: dict[str, BulkField] = {}
    facts: dict[str, Fact] = {}
    families: list[str] = []
    confound_forms: ConfoundForms = ConfoundForms()
    visits: Visits | None = None

    @model_validator(mode="after")
    def _visits_name_columns(self):
        if self.visits is None:
            return self
        known = {c.name for t in self.tables.values() for c in t.columns.values()}
        wanted = [self.visits.subject, self.visits.wave, self.visits.age, *self.visits.constant]
        absent = [c for c in wanted if c is not None and c not in known]
        if absent:
            raise ValueError(f"'{absent[0]}' under `visits` is not a canonical column")
        return self

    @model_validator(mode="after")
    def _kind_fits(self):
        if (self.kind == "catalogue") != (self.cohort is None):
            raise ValueError("a `cohort` id belongs to every dataset that is not a catalogue")
        if (self.kind == "part") != (self.part_of is not None):
            raise ValueError("kind 'part' and `part_of` belong together")
        return self
