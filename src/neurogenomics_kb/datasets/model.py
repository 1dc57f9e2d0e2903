"""Typed documents: what a node returns as a model is loaded as that model."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from kedro.io import AbstractDataset
from pydantic import BaseModel

from neurogenomics_kb.foundation.whole_files import write_text_whole
from neurogenomics_kb.registry.recipe import Recipe


class ModelDataset(AbstractDataset[BaseModel, BaseModel]):
    """A pydantic model as a JSON file.

    Parameters
    ----------
    filepath : str
        JSON file.
    model : str
        Class of the model, ``package.module.Class``.
    metadata : dict, optional
        For kedro-viz and tracking.

    Examples
    --------
    .. code-block:: yaml

        reporting.view:
          type: neurogenomics_kb.datasets.ModelDataset
          filepath: data/08_reporting/demo/first/view.json
          model: neurogenomics_kb.pipelines.reporting.view.ReportView

    >>> ModelDataset(
    ...     filepath="view.json", model="neurogenomics_kb.registry.recipe.Recipe"
    ... ).exists()
    False
    """

    def __init__(
        self, *, filepath: str, model: str, metadata: dict[str, Any] | None = None
    ) -> None:
        self._filepath = Path(filepath)
        module, _, name = model.rpartition(".")
        self._model: type[BaseModel] = getattr(import_module(module), name)
        self.metadata = metadata

    def load(self) -> BaseModel:
        """The stored model, validated."""
        return self._model.model_validate_json(self._filepath.read_text(encoding="utf-8"))

    def save(self, data: BaseModel) -> None:
        """Store the model; anything else is refused."""
        data = self._model.model_validate(data)
        write_text_whole(self._filepath, data.model_dump_json(indent=1))

    def _exists(self) -> bool:
        return self._filepath.is_file()

    def _describe(self) -> dict[str, Any]:
        return {"filepath": str(self._filepath), "model": self._model.__name__}


class RecipeDataset(ModelDataset):
    """The recipe of a run: an experiment with every card it names, resolved.

    Parameters
    ----------
    filepath : str
        JSON file.
    metadata : dict, optional
        For kedro-viz and tracking.

    Examples
    --------
    >>> RecipeDataset(filepath="recipe.json").exists()
    False
    """

    def __init__(self, *, filepath: str, metadata: dict[str, Any] | None = None) -> None:
        model = f"{Recipe.__module__}.{Recipe.__name__}"
        super().__init__(filepath=filepath, model=model, metadata=metadata)
