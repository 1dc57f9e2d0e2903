"""What tells an image from another, without reading its voxels where it lies in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from neurogenomics_kb.foundation.content import fingerprint_files


def content_of_image(image: Any) -> Any:
    """Hash of an image's files, or its values where it lies in memory only.

    Parameters
    ----------
    image : nibabel image
        Its voxels are not read where it has files.
    """
    names = {each.filename for each in getattr(image, "file_map", {}).values()} - {None}
    files = [Path(name) for name in names if Path(name).is_file()]
    if files:
        return fingerprint_files(files)
    zooms = [float(z) for z in image.header.get_zooms()]
    return [np.asanyarray(image.dataobj), np.asarray(image.affine), zooms]
