"""The optimisers that examples use are the published ones."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pytorch_optimizer import AdaBelief
from torch import nn

SETTINGS: dict[str, dict[str, Any]] = {
    "eps16_norect": {"eps": 1e-16, "rectify": False},
    "eps16_rect": {"eps": 1e-16, "rectify": True},
    "eps8_norect_wd": {"eps": 1e-8, "rectify": False, "weight_decay": 1e-2},
    "eps8_l2": {
        "eps": 1e-8,
        "rectify": False,
        "weight_decay": 1e-2,
        "weight_decouple": False,
    },
}


@pytest.mark.parametrize("name", SETTINGS)
def test_adabelief(golden: Callable[[str], Path], name: str) -> None:
    arrays = {k: torch.from_numpy(v) for k, v in np.load(golden("roam/adabelief.npz")).items()}
    weight = nn.Parameter(arrays["w0"].clone())
    optimizer = AdaBelief([weight], lr=5e-4, **SETTINGS[name])
    for gradient, wanted in zip(arrays["grads"], arrays[name], strict=True):
        weight.grad = gradient.clone()
        optimizer.step()
        torch.testing.assert_close(weight.data, wanted, rtol=0, atol=1e-15)
