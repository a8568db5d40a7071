"""Published weights of CST-former: the network computes what the published code does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from seldkit.compat import cst_former as compat
from seldkit.compat.dcase import unpack_multi_accdoa
from seldkit.models import CST_FORMERS, cst_former

Golden = Callable[[str], Path]


def published(path: Path) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Return the arrays of a file, and the weights, with the counters that it leaves out."""
    with np.load(path) as file:
        arrays = {name: torch.from_numpy(file[name]) for name in file.files}
    weights = {name[2:]: x for name, x in arrays.items() if name.startswith("w:")}
    counted = {n: n.replace("running_mean", "num_batches_tracked") for n in weights}
    weights |= {new: torch.tensor(0) for old, new in counted.items() if old != new}
    return {name: x for name, x in arrays.items() if not name.startswith("w:")}, weights


@pytest.mark.parametrize(
    ("form", "settings"),
    [
        ("dst", {}),
        ("dst_cmt", {}),
        ("dca_cmt", {"legacy_order": True}),
        ("ule_cmt", {}),
    ],
)
def test_published_outputs(golden: Golden, form: str, settings: dict[str, Any]) -> None:
    arrays, weights = published(golden(f"recent/cst_{form}.npz"))
    tracks = 1 if form == "dst" else 3
    sizes: dict[str, Any] = {"num_bins": 16, "widths": (16, 16, 16), "hidden": (16,)}
    model = cst_former(3, **CST_FORMERS[form] | sizes | settings).eval()
    model.load_state_dict(compat.convert(weights, 3, tracks))
    seen: list[Tensor] = []
    assert isinstance(model.trunk, torch.nn.Sequential)
    model.trunk[0].register_forward_hook(lambda _, __, output: seen.append(output))
    with torch.no_grad():
        found = model(arrays["x"])
    encoder = seen[0].reshape(arrays["encoder"].shape)
    torch.testing.assert_close(encoder, arrays["encoder"], rtol=0, atol=1e-5)
    wanted = unpack_multi_accdoa(arrays["y"], tracks, 3)
    torch.testing.assert_close(found, wanted.squeeze(2), rtol=0, atol=1e-5)


def test_the_right_order_differs(golden: Golden) -> None:
    arrays, weights = published(golden("recent/cst_dca_cmt.npz"))
    sizes: dict[str, Any] = {"num_bins": 16, "widths": (16, 16, 16), "hidden": (16,)}
    model = cst_former(3, **CST_FORMERS["dca_cmt"] | sizes).eval()
    model.load_state_dict(compat.convert(weights, 3))
    with torch.no_grad():
        found = model(arrays["x"][:1])
    assert (found - unpack_multi_accdoa(arrays["y"][:1], 3, 3)).abs().max() > 0.1


@pytest.mark.messages
def test_messages(golden: Golden) -> None:
    _, weights = published(golden("recent/cst_dca_cmt.npz"))
    with pytest.raises(ValueError, match="in_channels must divide the 28 vectors of a frame"):
        compat.convert(weights, 3, in_channels=5)
    with pytest.raises(ValueError, match="the last layer must have 2 to 5 rows for each of 4"):
        compat.convert(weights, 4)
    del weights["fc_layer.fnn_list.0.bias"]
    with pytest.raises(KeyError, match=r"missing: \['fc_layer.fnn_list.0.bias \(here branches"):
        compat.convert(weights | {"other": torch.zeros(1)}, 3)
