"""Weights of the published NGCC-PHAT systems, for `models.ngcc_seld`."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from seldkit.compat import cst_former
from seldkit.compat._names import bare_weights, check_names
from seldkit.compat._rules import WORD, Rule, to_ours, to_published
from seldkit.models import NGCCPHAT

_PROJECTION = {"0": "expand", "1": "norm", "4": "reduce"}
_RULES = (
    Rule("backbone.conv.0.{edge}_hz_", "correlation.sinc.{edge}", edge=WORD),
    Rule("backbone.bn.0.{kind}", "correlation.sinc_norm.{kind}", kind=WORD),
    Rule("backbone.conv.{n}.{kind}", "correlation.filters.{n}.{kind}", n=-1, kind=WORD),
    Rule("backbone.bn.{n}.{kind}", "correlation.filter_norms.{n}.{kind}", n=-1, kind=WORD),
    Rule("mlp.{n}.0.{kind}", "correlation.lag_filters.{n}.{kind}", n=0, kind=WORD),
    Rule("mlp.{n}.1.{kind}", "correlation.lag_norms.{n}.{kind}", n=0, kind=WORD),
    Rule("cc_proj.{layer}.{kind}", "projection.{layer}.{kind}", layer=_PROJECTION, kind=WORD),
    Rule("tdoa_conv.{kind}", "delay.{kind}", kind=WORD),
)
_LAST = (  # the same names as of the others, but for their number
    Rule("final_conv.0.{kind}", "correlation.lag_filters.3.{kind}", kind=WORD),
    Rule("final_conv.1.{kind}", "correlation.lag_norms.3.{kind}", kind=WORD),
)
_FRONT = "ngcc."
_UNUSED = ("spec_conv.", "spec_transform.", "mel_transform.")


def convert(
    state_dict: Mapping[str, Any], num_classes: int = 13, num_tracks: int = 3
) -> dict[str, Tensor]:
    """Return the weights of a published NGCC-PHAT with CST-former under our names.

    What the published network holds but does not use with mel spectra is left out, and so are its
    tables.

    Args:
        state_dict: The published weights. For wrappers and beginnings of names see
            [`compat`][seldkit.compat].
        num_classes: Number of classes.
        num_tracks: Number of tracks.

    Returns:
        Tensors for a network built by [`ngcc_seld`][seldkit.models.ngcc_seld] of a
        [`cst_former`][seldkit.models.cst_former] with `distance=True, bounded=False`, and the sizes
        of the weights.

    Raises:
        KeyError: If a name is unknown, one is missing or two name the same tensor; the error lists
            those of the front, or else of the network.
        ValueError: If the last layer does not fit the number of classes and tracks.

    Examples:
        >>> convert({"ngcc.backbone.bias": torch.zeros(3)})
        Traceback (most recent call last):
        ...
        KeyError: "these are not the weights of NGCC-PHAT; unknown: ['backbone.bias']; missing: ..."
    """
    weights = bare_weights(state_dict)
    inner = {n.removeprefix(_FRONT): x for n, x in weights.items() if n.startswith(_FRONT)}
    inner = {name: x for name, x in inner.items() if not name.startswith(_UNUSED)}
    rest = {name: x for name, x in weights.items() if not name.startswith(_FRONT)}
    rules = (*_LAST, *_RULES)
    names = {name: to_ours(rules, name) for name in inner}
    tracks = 1 if any(name.startswith("tdoa_conv.") for name in inner) else None
    with torch.device("meta"):
        front = NGCCPHAT(num_tracks=tracks)
    check_names("NGCC-PHAT", names, {new: to_published(rules, new) for new in front.state_dict()})
    ours = {f"front.{new}": inner[old] for old, new in names.items()}
    edges = {name: x.flatten() for name, x in ours.items() if ".sinc." in name}
    network = cst_former.convert(rest, num_classes, num_tracks)
    return ours | edges | {f"network.{name}": x for name, x in network.items()}
