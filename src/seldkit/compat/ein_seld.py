"""Weights of the published EIN-SELD code, for `models.einv2`."""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from seldkit.compat._names import check_names
from seldkit.models import einv2

_CONV = re.compile(r"(sed|doa)_conv_block(\d+)\.0\.double_conv\.([0134])\.(\w+)")
_STITCH = re.compile(r"stitch\.(\d+)")
_TRACK = re.compile(r"(sed|doa)_trans_track(\d+)\.(layers\.(\d+)\..+)")
_HEAD = re.compile(r"fc_(sed|doa)_track(\d+)\.(weight|bias)")

_STAGES = {"sed": "stages_a", "doa": "stages_b"}
_OUTPUT = {"sed": "activity", "doa": "direction"}
_LAYER = {"0": "conv1", "1": "norm1", "3": "conv2", "4": "norm2"}


def convert(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a published EINV2 under the names of `models.einv2`.

    Args:
        state_dict: The published weights: the entry `model` of a checkpoint of the EIN-SELD code.
            Names may begin with `module.`, as data-parallel training leaves them.

    Returns:
        The same tensors for a network built by [`einv2`][seldkit.models.einv2] with its default
        sharing, whose widths, tracks and classes are those of the weights.

    Raises:
        KeyError: If a name is unknown, one is missing or two name the same tensor; the error lists
            them all.

    Examples:
        >>> published = {"fc_sed_track1.bias": torch.zeros(14), "fc.bias": torch.zeros(14)}
        >>> convert(published)
        Traceback (most recent call last):
        ...
        KeyError: "these are not the weights of EINV2; unknown: ['fc.bias']; missing: ..."
    """
    names = {name: _rename(name.removeprefix("module.")) for name in state_dict}
    converted = {new: state_dict[old] for old, new in names.items() if new is not None}
    check_names("EINV2", names, _expected(names))
    return converted


def _rename(name: str) -> str | None:
    """Return the name of a published tensor in `models.einv2`, or None if it is unknown."""
    if match := _CONV.fullmatch(name):
        task, block, layer, kind = match.groups()
        return f"trunk.{_STAGES[task]}.{int(block) - 1}.{_LAYER[layer]}.{kind}"
    if match := _STITCH.fullmatch(name):
        return f"trunk.stitches.{match[1]}.weight"
    if match := _TRACK.fullmatch(name):
        task, track, rest, _ = match.groups()
        return f"{task}_tracks.encoders.{int(track) - 1}.{rest}"
    if match := _HEAD.fullmatch(name):
        task, track, kind = match.groups()
        return f"head.{_OUTPUT[task]}.{int(track) - 1}.{kind}"
    return None


def _expected(names: Mapping[str, str | None]) -> set[str]:
    """Return the names in a network with as many blocks, tracks and layers as there are weights."""

    def largest(pattern: re.Pattern[str], group: int, default: int) -> int:
        found = [m for m in map(pattern.search, names) if m]
        return max((int(m[group]) for m in found), default=default)

    blocks = largest(_CONV, 2, default=4)
    with torch.device("meta"):
        model = einv2(
            1,
            largest(_HEAD, 2, default=2),
            widths=[8] * blocks,
            pool_time=[1] * blocks,
            pool_freq=[1] * blocks,
            num_layers=1 + largest(_TRACK, 4, default=1),
            feedforward=8,
        )
    return set(model.state_dict())
