"""Sines and cosines of the frame number."""

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from seldkit.layers import SinusoidalPositions


def test_the_table_equals_the_published_one(golden: Callable[[str], Path]) -> None:
    arrays = np.load(golden("einv2/positional_encoding.npz"))  # (batch, channel, time) there
    x, y, table = (torch.from_numpy(arrays[name]).mT for name in ("x", "y", "pe"))
    positions = SinusoidalPositions(512, scale=0.1)
    torch.testing.assert_close(positions(x), y, rtol=0, atol=1e-5)
    frames = torch.zeros(1, 100, 512)
    torch.testing.assert_close(positions(frames), table, rtol=0, atol=1e-5)


def test_the_formula_by_hand() -> None:
    encoding = SinusoidalPositions(6, scale=0.5)(torch.zeros(1, 8, 6))[0]
    for frame in (0, 1, 7):
        for i in range(3):
            phase = frame / 10000 ** (2 * i / 6)
            assert encoding[frame, 2 * i].item() == pytest.approx(0.5 * math.sin(phase), abs=1e-6)
            assert encoding[frame, 2 * i + 1].item() == pytest.approx(
                0.5 * math.cos(phase), abs=1e-6
            )


def test_type_state_and_repr() -> None:
    positions = SinusoidalPositions(4)
    assert positions(torch.zeros(1, 3, 4, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert not positions.state_dict()
    assert "4, scale=1.0" in repr(positions)


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="channels must be even, got 5"):
        SinusoidalPositions(5)
    with pytest.raises(ValueError, match="channels must be at least 1, got 0"):
        SinusoidalPositions(0)
    with pytest.raises(ValueError, match=r"x must be \(batch, time, channel=4\), got shape"):
        SinusoidalPositions(4)(torch.zeros(1, 4, 3))


def test_positions_are_as_exact_as_the_sequence() -> None:
    layer, x = SinusoidalPositions(8), torch.zeros(1, 3001, 8, dtype=torch.float64)
    frame = torch.arange(3001.0, dtype=torch.float64)
    torch.testing.assert_close(layer(x)[0, :, 0], frame.sin(), rtol=0, atol=1e-12)
