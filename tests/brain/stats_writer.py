"""Write a SUBJECTS_DIR of made-up people in FreeSurfer's own layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurogenomics_kb.simulate.imaging import DESIKAN_KILLIANY

DKT = [r for r in DESIKAN_KILLIANY if r not in ("bankssts", "frontalpole", "temporalpole")]
DESTRIEUX = [f"G_and_S_{i:02d}" for i in range(73)] + ["S_temporal_transverse"]
REGIONS = {"aparc": DESIKAN_KILLIANY, "aparc.DKTatlas": DKT, "aparc.a2009s": DESTRIEUX}
STRUCTURES = ["Left-Thalamus", "Left-Hippocampus", "Right-Thalamus", "Right-Hippocampus"]
CORTICAL = "StructName NumVert SurfArea GrayVol ThickAvg ThickStd MeanCurv GausCurv FoldInd CurvInd"
SUBCORTICAL = (
    "Index SegId NVoxels Volume_mm3 StructName normMean normStdDev normMin normMax normRange"
)
CVS = {"6": "$Id: {}.c,v 1.79 2016/03/14 15:15:34 greve Exp $"}


def cortical(rng, hemisphere: str, atlas: str, version: str) -> str:
    rows = [
        f"{region:<40} {rng.integers(500, 9000):5d} {rng.integers(300, 6000):6d} "
        f"{rng.integers(900, 20000):6d} {rng.uniform(1.8, 3.6):6.3f} {rng.uniform(0.4, 0.9):5.3f} "
        f"{rng.uniform(0.08, 0.16):9.3f} {rng.uniform(0.01, 0.04):9.3f} "
        f"{rng.integers(5, 90):8d} {rng.uniform(1, 9):7.1f}"
        for region in REGIONS[atlas]
    ]
    program = CVS.get(version, version).format("mris_anatomical_stats")
    return "\n".join(
        [
            "# Table of FreeSurfer cortical parcellation anatomical statistics ",
            "# ",
            "# generating_program mris_anatomical_stats",
            f"# cvs_version {program}",
            f"# hemi {hemisphere}",
            f"# AnnotationFile ../label/{hemisphere}.{atlas}.annot",
            "# Measure Cortex, NumVert, Number of Vertices, 125224, unitless",
            "# Measure Cortex, WhiteSurfArea, White Surface Total Area, 85245.6, mm^2",
            f"# Measure Cortex, MeanThickness, Mean Thickness, {rng.uniform(2.3, 2.7):.5f}, mm",
            "# NTableCols 10",
            f"# ColHeaders {CORTICAL}",
            *rows,
            "",
        ]
    )


def segmentation(rng, structures: list[str], version: str, holes: tuple[int, int]) -> str:
    program = CVS.get(version, version).format("mri_segstats")
    etiv = rng.uniform(1.2e6, 1.8e6)
    head = [
        "# Title Segmentation Statistics ",
        "# generating_program mri_segstats",
        f"# cvs_version {program}",
        f"# Measure BrainSeg, BrainSegVol, Brain Segmentation Volume, {0.72 * etiv:.6f}, mm^3",
        "# Measure SupraTentorial, SupraTentorialVol, Supratentorial volume, "
        f"{0.63 * etiv:.6f}, mm^3",
        "# Measure lhSurfaceHoles, lhSurfaceHoles, Number of defect holes in lh surfaces prior to "
        f"fixing, {holes[0]}, unitless",
        "# Measure rhSurfaceHoles, rhSurfaceHoles, Number of defect holes in rh surfaces prior to "
        f"fixing, {holes[1]}, unitless",
        "# Measure EstimatedTotalIntraCranialVol, eTIV, Estimated Total Intracranial Volume, "
        f"{etiv:.6f}, mm^3",
        f"# NRows {len(structures)} ",
        "# NTableCols 10 ",
        f"# ColHeaders  {SUBCORTICAL}  ",
    ]
    rows = [
        f"{i:3d} {i + 9:3d} {rng.integers(900, 9000):9d} {rng.uniform(900, 9000):9.1f}  {name:<30} "
        "   90.5   6.1  20.0  114.0  94.0 "
        for i, name in enumerate(structures, 1)
    ]
    return "\n".join([*head, *rows, ""])


def write_subject(
    directory: Path,
    name: str,
    *,
    seed: int,
    version: str = "7.3.2",
    holes: tuple[int, int] = (8, 6),
    atlases=("aparc", "aparc.DKTatlas", "aparc.a2009s"),
) -> Path:
    """Write the ``stats`` folder of one subject and return it."""
    rng = np.random.default_rng(seed)
    stats = directory / name / "stats"
    stats.mkdir(parents=True)
    for atlas in atlases:
        for hemisphere in ("lh", "rh"):
            text = cortical(rng, hemisphere, atlas, version)
            (stats / f"{hemisphere}.{atlas}.stats").write_text(text)
    (stats / "aseg.stats").write_text(segmentation(rng, STRUCTURES, version, holes))
    white = [f"wm-{h}-{r}" for h in ("lh", "rh") for r in DESIKAN_KILLIANY]
    (stats / "wmparc.stats").write_text(segmentation(rng, white, version, holes))
    return stats
