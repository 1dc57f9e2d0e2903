"""Figures that are drawn once: saved as PNG, loaded as the bytes of the PNG."""

from __future__ import annotations

from kedro_datasets.matplotlib import MatplotlibDataset


class FigureDataset(MatplotlibDataset):
    """A matplotlib figure whose stored picture later nodes can show.

    Examples
    --------
    .. code-block:: yaml

        "reporting.{figure}_figure":
          type: neurogenomics_kb.datasets.FigureDataset
          filepath: data/08_reporting/demo/first/{figure}.png

    >>> FigureDataset(filepath="curves.png").exists()
    False
    """

    def load(self) -> bytes:
        """PNG of the figure, as it was drawn."""
        with self._fs.open(str(self._get_load_path()), mode="rb") as file:
            return file.read()
