"""One name for a region over FreeSurfer's releases, and regions that people may lack."""

from __future__ import annotations

import re

# Structures of the automatic segmentation of which healthy people may have nothing; their 0 is a
# volume. Of all others, 0 means that the structure was not found.
MAY_LACK = re.compile(
    r"hypointensities|vessel|5th.Ventricle|choroid.plexus|Optic.Chiasm|Inf.Lat.Vent|^CSF$"
    r"|^CC_|Corpus_?Callosum|unknown|undetermined|lesion",
    re.IGNORECASE,
)
# The atlas of Destrieux et al. (NeuroImage 2010, 53:1–15) as FreeSurfer 6 and later spell it.
DESTRIEUX = [
    "G_and_S_frontomargin", "G_and_S_occipital_inf", "G_and_S_paracentral", "G_and_S_subcentral",
    "G_and_S_transv_frontopol", "G_and_S_cingul-Ant", "G_and_S_cingul-Mid-Ant",
    "G_and_S_cingul-Mid-Post", "G_cingul-Post-dorsal", "G_cingul-Post-ventral", "G_cuneus",
    "G_front_inf-Opercular", "G_front_inf-Orbital", "G_front_inf-Triangul", "G_front_middle",
    "G_front_sup", "G_Ins_lg_and_S_cent_ins", "G_insular_short", "G_occipital_middle",
    "G_occipital_sup", "G_oc-temp_lat-fusifor", "G_oc-temp_med-Lingual", "G_oc-temp_med-Parahip",
    "G_orbital", "G_pariet_inf-Angular", "G_pariet_inf-Supramar", "G_parietal_sup",
    "G_postcentral", "G_precentral", "G_precuneus", "G_rectus", "G_subcallosal",
    "G_temp_sup-G_T_transv", "G_temp_sup-Lateral", "G_temp_sup-Plan_polar",
    "G_temp_sup-Plan_tempo", "G_temporal_inf", "G_temporal_middle", "Lat_Fis-ant-Horizont",
    "Lat_Fis-ant-Vertical", "Lat_Fis-post", "Pole_occipital", "Pole_temporal", "S_calcarine",
    "S_central", "S_cingul-Marginalis", "S_circular_insula_ant", "S_circular_insula_inf",
    "S_circular_insula_sup", "S_collat_transv_ant", "S_collat_transv_post", "S_front_inf",
    "S_front_middle", "S_front_sup", "S_interm_prim-Jensen", "S_intrapariet_and_P_trans",
    "S_oc_middle_and_Lunatus", "S_oc_sup_and_transversal", "S_occipital_ant", "S_oc-temp_lat",
    "S_oc-temp_med_and_Lingual", "S_orbital_lateral", "S_orbital_med-olfact",
    "S_orbital-H_Shaped", "S_parieto_occipital", "S_pericallosal", "S_postcentral",
    "S_precentral-inf-part", "S_precentral-sup-part", "S_suborbital", "S_subparietal",
    "S_temporal_inf", "S_temporal_sup", "S_temporal_transverse",
]  # fmt: skip
HEMISPHERE = re.compile(r"(?:ctx[-_.])?[lr]h[-_.]")
# FreeSurfer 7 calls the same structure Thalamus that 6 calls Thalamus-Proper.
RENAMED = {"Thalamus-Proper*": "Thalamus", "Thalamus-Proper": "Thalamus"}


def spelling(region: str) -> str:
    """Letters and digits of a name, by which spellings of one region agree.

    Examples
    --------
    >>> spelling("G&S_cingul-Mid-Ant") == spelling("G_and_S_cingul.Mid.Ant") == "gscingulmidant"
    True
    """
    plain = re.sub(r"[^a-z0-9]+", " ", region.lower().replace("&amp;", "&"))
    return "".join(word for word in plain.split() if word != "and")


SPELLINGS = {spelling(name): name for name in DESTRIEUX}


def one_name(region: str) -> str:
    """A region's name as the newest release writes it.

    Older releases write ``G&S_frontomargin`` and ``S_oc_sup&transversal`` in Destrieux' atlas,
    newer ones ``G_and_S_frontomargin``; R turns ``&`` and ``-`` into dots.

    Examples
    --------
    >>> one_name("rh_S_intrapariet&P_trans"), one_name("Left-Thalamus-Proper")
    ('rh_S_intrapariet_and_P_trans', 'Left-Thalamus')
    """
    name = region.strip()
    for old, new in RENAMED.items():
        name = name.replace(old, new)
    side = HEMISPHERE.match(name)
    prefix = side.group(0) if side else ""
    known = SPELLINGS.get(spelling(name[len(prefix) :]))
    return f"{prefix}{known}" if known else re.sub(r"_*&_*", "_and_", name)


def may_lack(region: str) -> bool:
    """Whether a volume of 0 is possible."""
    return MAY_LACK.search(region) is not None
