"""The builders whose work a pipeline can be saved with and loaded from by their names."""

import dataclasses
from collections.abc import Callable
from types import ModuleType
from typing import Any

import seldkit.formats as formats
import seldkit.postprocess as postprocess
from seldkit.backbones import cnn14, epanns, yamnet
from seldkit.features import Standardize, presets
from seldkit.models import (
    accdoa_crnn,
    accdoa_htsat,
    at2seld,
    einv2,
    resnet_conformer,
    roam,
    seddoa,
    seddoa_crnn,
    seldnet,
)

Builder = Callable[..., Any]


def _dataclasses(module: ModuleType) -> tuple[Builder, ...]:
    """Return the dataclasses that a module offers."""
    offered = (getattr(module, name) for name in module.__all__)
    return tuple(thing for thing in offered if dataclasses.is_dataclass(thing))  # type: ignore[misc]


_PARTS: dict[str, tuple[Builder, ...]] = {
    "extractor": tuple(getattr(presets, name) for name in presets.__all__),
    "model": (
        accdoa_crnn,
        accdoa_htsat,
        at2seld,
        einv2,
        resnet_conformer,
        roam,
        seddoa,
        seddoa_crnn,
        seldnet,
    ),
    "format": _dataclasses(formats),
    "standardize": (Standardize,),
    "postprocess": _dataclasses(postprocess),
}
_ARGUMENTS = (cnn14, epanns, yamnet)


def known_builders(part: str | None = None) -> dict[str, Builder]:
    """Return the builders of a part of a pipeline by name, or of arguments of builders if None.

    Examples:
        >>> sorted(known_builders("format"))
        ['ACCDOA', 'ClassWise', 'MultiACCDOA', 'TrackWise']
    """
    if part is not None:
        found = _PARTS[part]
    else:  # no extractors, of which some have the name of their network
        found = (*_PARTS["model"], *_PARTS["format"], *_PARTS["postprocess"], *_ARGUMENTS)
    return {builder.__name__: builder for builder in found}
