"""The names in an ECOCLIMAP-SG data tree, the folder that HARMONIE calls `ECOSG_DATA_PATH`."""

from __future__ import annotations

COVER = "COVER/ecosg_final_map"
"""The map that PGD reads, without its endings: Deode, pysurfex and HARMONIE look for it there."""

COVER_NAMES = (COVER, "COVER/COVER_ECOSG_2010_V0.1")
"""The same map under all its names: CY48t3 calls the link in its run directory by the second."""

VERSION = "VERSION"
MANIFEST = "manifest.json"
FILL_MANIFEST = "parameters_manifest.json"
WORKFLOWS = "workflows"

MARK = ".installing"
"""In a tree that is being built; its lock dies with its owner, which tells a left-over from a work in hand."""

OWN = (VERSION, MANIFEST, WORKFLOWS)
"""What every shadow has of its own: a shadow of a shadow does not inherit it."""

FOLDER_KEYS = {
    "lai_dir": "LAI_SAT_????_c.dir",
    "albnir_soil_dir": "ALB_SAT_NI_????_c.dir",
    "albnir_veg_dir": "ALB_SAT_NI_????_c.dir",
    "albvis_soil_dir": "ALB_SAT_VI_????_c.dir",
    "albvis_veg_dir": "ALB_SAT_VI_????_c.dir",
    "tree_height_dir": "new_ht_c.dir",
}
"""The folders of parameters as pysurfex, surfExp and Deode call them, and their files (one a decade: MMDD)."""
