"""Maps of loadings against reference maps, by a spatial null model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from neurogenomics_kb.brain.maps import region_key
from neurogenomics_kb.foundation.errors import InputError
from neurogenomics_kb.pipelines.integration.analyses.cca.loadings import (
    panels_of,
    significant_components,
)
from neurogenomics_kb.pipelines.integration.analyses.reference_maps.tables import COMPARISONS
from neurogenomics_kb.registry.recipe import Recipe
from neurogenomics_kb.stats.inference.multiplicity import adjust
from neurogenomics_kb.stats.inference.spatial import MIN_REGIONS, map_correlation

ADJUSTMENT = "Holm over all maps"
SIDES = ("lh", "rh")


@dataclass(frozen=True)
class Places:
    """Centres of regions, ``x, y, z`` by name; None where the catalog has none.

    Attributes
    ----------
    sphere : DataFrame or None
        On the sphere of each hemisphere.
    brain : DataFrame or None
        In the brain (mm).
    """

    sphere: pd.DataFrame | None
    brain: pd.DataFrame | None

    def of(self, method: str) -> pd.DataFrame:
        """Centres that a null model needs, by comparable names.

        Raises
        ------
        InputError
            If the catalog has none of them.
        """
        if method.startswith("spin"):
            found, entry = self.sphere, "reporting.sphere (SphereDataset)"
        else:
            found = self.sphere if self.brain is None else self.brain
            entry = "reporting.regions (AtlasDataset) or reporting.sphere (SphereDataset)"
        if found is None:
            raise InputError(
                f"spatial_null '{method}' needs places of the regions and the catalog has none",
                remedy=f"Give {entry}.",
            )
        return found.set_axis([region_key(str(name)) for name in found.index])


def compare_maps(
    recipe: Recipe,
    inference: pd.DataFrame,
    loadings: pd.DataFrame,
    maps: pd.DataFrame,
    places: Places,
) -> pd.DataFrame:
    """Every map of loadings that the report shows against every reference map.

    Maps are those of measures with one value per region, of the significant components and the
    first of each pair. The sign of an axis is arbitrary, so the test is two-sided.

    Parameters
    ----------
    recipe : Recipe
        The experiment with every card that it names.
    inference, loadings : DataFrame
        Tables of the canonical correlation.
    maps : DataFrame
        Reference maps in columns, index of region names.
    places : Places
        Where the regions lie.

    Returns
    -------
    DataFrame
        `COMPARISONS`.
    """
    experiment = recipe.experiment
    shown = significant_components(inference, experiment.alpha)
    known = maps.set_axis([region_key(str(name)) for name in maps.index])
    if known.index.duplicated().any():
        raise InputError(
            f"two regions of the reference maps mean '{known.index[known.index.duplicated()][0]}'",
            remedy="Name every region once.",
        )
    rows = []
    for panel in panels_of(loadings, shown, top=None):
        values = panel.bars.rename(index=lambda name: region_key(str(name)))
        # Measures of other things than regions (genes, scales) share no name with the maps.
        if not panel.signed or not values.index.isin(known.index).any():
            continue
        side = "x" if panel.block == panel.x else "y"
        for name in maps.columns:
            rows.append(
                {
                    "x": panel.x, "y": panel.y, "component": panel.component, "side": side,
                    "block": panel.block, "group": panel.group, "map": str(name),
                    "method": experiment.spatial_null,
                    **_compare(values, known[name], places, experiment),
                }
            )  # fmt: skip
    if not rows:
        return COMPARISONS.empty()
    table = pd.DataFrame(rows)
    table["adjustment"] = ADJUSTMENT
    table["p_adjusted"] = adjust(table["p_raw"], "holm")
    return table[list(COMPARISONS.names)]


def _compare(values: pd.Series, reference: pd.Series, places: Places, experiment) -> dict:
    """Correlation of one pair of maps over the regions that both and the places know."""
    where = places.of(experiment.spatial_null)
    common = values.index[
        values.index.isin(reference.dropna().index) & values.index.isin(where.index)
    ]
    hemisphere = np.array([name.split(" ")[0] for name in common])
    sided = np.isin(hemisphere, SIDES)
    if sided.any():
        # Beside regions of hemispheres, one of the midline has no place on either sphere.
        common, hemisphere = common[sided], hemisphere[sided]
    blank = {
        "correlation": np.nan, "p_raw": np.nan, "p_error": np.nan, "p_naive": np.nan,
        "n_regions": len(common), "n_lost": len(values) - len(common),
    }  # fmt: skip
    if len(common) < MIN_REGIONS:
        return blank | {"note": f"fewer than {MIN_REGIONS} regions in common"}
    if np.ptp(values[common]) == 0 or np.ptp(reference[common]) == 0:
        return blank | {"note": "one of the maps does not vary"}
    both = len(set(hemisphere)) == 2 and sided.any()
    found = map_correlation(
        values[common].to_numpy(),
        reference[common].to_numpy(),
        where.loc[common, list("xyz")].to_numpy(),
        method=experiment.spatial_null,
        n_permutations=experiment.n_permutations,
        hemisphere=hemisphere if both else None,
        homologues=homologues(common) if both and experiment.spatial_null == "moran" else None,
        random_state=experiment.seed,
    )
    return blank | {
        "correlation": found.correlation,
        "p_raw": found.p_value,
        "p_error": found.p_value_error,
        "p_naive": found.p_naive,
        "note": "",
    }


def homologues(names: pd.Index) -> np.ndarray:
    """Position of each region's counterpart in the other hemisphere, its own where it has none.

    Parameters
    ----------
    names : Index
        From `region_key`: ``lh …`` and ``rh …``.

    Examples
    --------
    >>> homologues(pd.Index(["lh a", "lh b", "rh a"])).tolist()
    [2, 1, 0]
    """
    place = {name: i for i, name in enumerate(names)}
    swap = {"lh": "rh", "rh": "lh"}
    out = []
    for i, name in enumerate(names):
        side, rest = name.split(" ", 1)
        out.append(place.get(f"{swap[side]} {rest}", i))
    return np.array(out)
