"""The builders whose work a pipeline can be saved with and loaded from by their names."""

from collections.abc import Callable
from typing import Any

import seldkit.backbones as backbones
import seldkit.formats as formats
import seldkit.layers as layers
import seldkit.models as models
import seldkit.postprocess as postprocess
from seldkit._builders import builders_of
from seldkit.arrays import ArrayGeometry
from seldkit.features import PairSelection, Standardize, presets
from seldkit.grids import DirectionGrid

Builder = Callable[..., Any]

_PARTS: dict[str, list[Builder]] = {
    "extractor": [getattr(presets, name) for name in presets.__all__],
    "model": builders_of(models),
    "format": builders_of(formats),
    "standardize": [Standardize],
    "postprocess": builders_of(postprocess),
}


def known_builders(part: str | None = None) -> dict[str, Builder]:
    """Return the builders of a part of a pipeline by name, or of arguments of builders if None.

    Examples:
        >>> sorted(known_builders("format"))
        ['ACCDOA', 'AngularGrid', 'ClassWise', 'DirectPathPhase', 'MultiACCDOA', 'TrackWise']
    """
    if part is not None:
        found = _PARTS[part]
    else:  # no extractors, of which some have the name of their network
        found = [
            x
            for room in (models, backbones, layers, formats, postprocess)
            for x in builders_of(room)
        ]
        found += [ArrayGeometry, DirectionGrid, PairSelection]
    return {builder.__name__: builder for builder in found}
