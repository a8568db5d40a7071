"""What a pipeline costs is counted exactly: hand counts of layers of every kind."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from seldkit import Pipeline, features, formats
from seldkit.pipeline import Cost, measure_cost
from seldkit.pipeline.cost import LiveBytes

BINS = 7 * 32


class Sequence(nn.Module):
    """A network of one layer over time, and a linear one behind it."""

    def __init__(self, layer: nn.Module, width: int) -> None:
        super().__init__()
        self.layer, self.linear = layer, nn.Linear(width, 9)

    def forward(self, maps: Tensor) -> Tensor:
        """Return vectors of three classes."""
        frames = maps[:, :, :-1].unflatten(2, (-1, 4)).mean(dim=3).transpose(1, 2).flatten(2)
        hidden = self.layer(frames)
        hidden = hidden[0] if isinstance(hidden, tuple) else hidden
        output: Tensor = self.linear(hidden).unflatten(2, (3, 3))
        return output


def cost_of(layer: nn.Module, width: int, window_s: float = 4.0) -> Cost:
    extractor = features.presets.ein_seld(num_mels=32)
    network = Sequence(layer, width)
    system = Pipeline(extractor, network, formats.ACCDOA(3), window_s=window_s)
    return measure_cost(system, repeats=1)


@pytest.mark.parametrize(
    ("layer", "width", "each_frame"),
    [
        (lambda: nn.Linear(BINS, 16), 16, 16 * BINS),
        (lambda: nn.GRU(BINS, 16, batch_first=True), 16, 3 * 16 * (BINS + 16)),
        (lambda: nn.LSTM(BINS, 16, batch_first=True), 16, 4 * 16 * (BINS + 16)),
        (
            # Projections, the hidden layer, and 40 frames of a window that look at each other.
            lambda: nn.TransformerEncoderLayer(BINS, 2, 16, batch_first=True),
            BINS,
            4 * BINS**2 + 2 * 16 * BINS + 2 * 40 * BINS,
        ),
    ],
)
def test_work_is_that_of_a_hand_count(
    layer: Callable[[], nn.Module], width: int, each_frame: int
) -> None:
    cost = cost_of(layer(), width)
    assert cost.multiply_accumulates == 10 * (each_frame + 9 * width)


def test_parameters_bytes_and_shares() -> None:
    cost = cost_of(nn.Linear(BINS, 16), 16)
    assert cost.parameters == 16 * BINS + 16 + 16 * 9 + 9
    assert cost.weight_bytes == 4 * cost.parameters
    assert cost.working_bytes > 4 * 7 * 160 * 32, "features of a window"
    assert cost.real_time_factor > 0
    assert 0 < cost.feature_share <= 1
    longer = cost_of(nn.Linear(BINS, 16), 16, window_s=8.0)
    assert longer.multiply_accumulates == cost.multiply_accumulates
    assert longer.working_bytes > cost.working_bytes


def test_bytes_are_those_that_are_alive_at_once() -> None:
    with torch.inference_mode(), LiveBytes() as live:
        x = torch.zeros(1000)
        y = x + 1
        del x
        z = y * 2
        view = z.view(10, 100)
        del z
        again = view + 1
    assert (live.now, live.most) == (12000, 12000)
    del y, view, again
    assert (live.now, live.most) == (0, 12000)


@pytest.mark.messages
def test_a_run_at_least() -> None:
    extractor = features.presets.ein_seld(num_mels=32)
    system = Pipeline(extractor, Sequence(nn.Linear(BINS, 4), 4), formats.ACCDOA(3))
    with pytest.raises(ValueError, match="repeats must be at least 1, got 0"):
        measure_cost(system, repeats=0)
