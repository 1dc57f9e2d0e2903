"""Four-dimensional images, and embeddings of them that were made elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset

from neurogenomics_kb.brain.embeddings import FORMATS, ImportedEmbeddings, read_embeddings
from neurogenomics_kb.brain.images import OPEN, believable
from neurogenomics_kb.datasets.raw_file import require_file
from neurogenomics_kb.datasets.read_only import ReadOnlyDataset
from neurogenomics_kb.foundation.errors import InputError


class NiftiDataset(AbstractDataset[Any, Any]):
    """A NIfTI image; loads without reading its voxels.

    Inside a ``partitions.PartitionedDataset`` it gives one image per run, opened when a node asks
    for it.

    Examples
    --------
    .. code-block:: yaml

        fmri.volumes:
          type: partitions.PartitionedDataset
          path: ${cohort_dir:${globals:cohort}}/fmriprep
          filename_suffix: _task-rest_space-MNI152NLin6Asym_res-2_desc-preproc_bold.nii.gz
          dataset:
            type: neurogenomics_kb.datasets.NiftiDataset

    >>> NiftiDataset(filepath="bold.nii.gz").exists()
    False
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        self._filepath = Path(filepath)
        self.metadata = metadata

    def load(self) -> Any:
        """The image; its file stays open, since compressed ones are read from front to back."""
        import nibabel

        require_file(self._filepath, "image")
        try:
            image = nibabel.load(self._filepath, **OPEN)
        except Exception as error:  # nibabel raises many kinds
            raise InputError(
                f"not a NIfTI image ({error})",
                file=self._filepath,
                remedy="Copy the file again; expected .nii or .nii.gz.",
            ) from None
        return believable(image, self._filepath)

    def save(self, data: Any) -> None:
        """Write an image."""
        import nibabel

        self._filepath.parent.mkdir(parents=True, exist_ok=True)
        nibabel.save(data, self._filepath)

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath)}


class EmbeddingsDataset(ReadOnlyDataset[dict[str, Callable[[], ImportedEmbeddings]]]):
    """Folder of embeddings that were made elsewhere, one file or folder per model card.

    Examples
    --------
    .. code-block:: yaml

        fmri.embeddings:
          type: neurogenomics_kb.datasets.EmbeddingsDataset
          path: ${cohort_dir:${globals:cohort}}/embeddings   # brainmt.parquet, swift/part-0.pt, …

    >>> EmbeddingsDataset(path="nowhere").exists()
    False
    """

    why = "these embeddings were made elsewhere"

    def __init__(self, *, path: str, metadata: dict[str, Any] | None = None) -> None:
        self._path = Path(path)
        self.metadata = metadata

    def load(self) -> dict[str, Callable[[], ImportedEmbeddings]]:
        """Model card id to a function that reads its embeddings."""
        if not self._path.is_dir():
            raise InputError(
                "the folder of embeddings is missing",
                file=self._path,
                remedy="Put it there, or set the environment variable NGKB_<COHORT>_DIR to the "
                "cohort's folder.",
            )
        found: dict[str, Callable[[], ImportedEmbeddings]] = {}
        for place in sorted(self._path.iterdir()):
            name = place.stem if place.is_file() else place.name
            if place.name.startswith(".") or (place.is_file() and place.suffix not in FORMATS):
                continue
            if name in found:
                raise InputError(
                    f"there are several embeddings of '{name}'",
                    file=self._path,
                    remedy="Keep one file or one folder per model card.",
                )
            found[name] = lambda place=place: read_embeddings(place)
        return found

    def _exists(self) -> bool:
        return self._path.is_dir()

    def _describe(self) -> dict[str, Any]:
        return {"path": str(self._path)}
