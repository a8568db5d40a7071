"""The loss of direct-path phases: by hand, and whatever the order of tracks."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seldkit.arrays import ArrayGeometry
from seldkit.events import Events
from seldkit.formats import DirectPathPhase
from seldkit.losses import DirectPathLoss, direct_path_loss
from transforms import assert_compiles_and_exports


@given(st.integers(0, 99), st.permutations(range(3)))
def test_the_order_of_tracks_does_not_matter(seed: int, order: list[int]) -> None:
    generator = torch.Generator().manual_seed(seed)
    preds, target = torch.randn(2, 2, 4, 3, 2, 2, 5, generator=generator)
    wanted = direct_path_loss(preds, target)
    torch.testing.assert_close(direct_path_loss(preds[:, :, order], target), wanted)
    torch.testing.assert_close(direct_path_loss(preds, target[:, :, order]), wanted)
    sums = direct_path_loss(preds.sum(dim=2), target.sum(dim=2))
    assert sums <= 9 * wanted + 1e-5  # a sum is off by no more than its parts together


def test_what_a_target_costs() -> None:
    array = ArrayGeometry.line(2, spacing_m=0.1)
    events = Events.from_degrees([0, 0], [0, 0], [90.0, -90.0], [0.0, 0.0])
    summed = DirectPathPhase(array, bins=(1, 9), n_fft=16).encode(events, 2).unsqueeze(0)
    assert direct_path_loss(summed, summed) == 0
    # In both frames half of the entries are off by 1, in the second they were zeros.
    off = summed + torch.tensor([1.0, 0.0]).reshape(2, 1)
    assert direct_path_loss(off, summed) == 0.5
    assert direct_path_loss(off, summed, mask=torch.tensor([[True, False]])) == 0.5
    tracks = DirectPathPhase(array, num_tracks=2, bins=(1, 9), n_fft=16).encode(events, 2)
    loss = DirectPathLoss()
    assert loss(tracks.flip(1).unsqueeze(0), tracks.unsqueeze(0)) == 0
    one = tracks.unsqueeze(0).clone()
    one[0, 0, 1] = one[0, 0, 0]  # the same side twice
    wrong = (tracks[0, 0] - tracks[0, 1]).square().mean() / 4
    torch.testing.assert_close(loss(one, tracks.unsqueeze(0)), wrong)


def test_its_gradient_is_right() -> None:
    preds, target = torch.randn(2, 1, 2, 2, 1, 2, 3, dtype=torch.float64)
    preds.requires_grad_()
    assert torch.autograd.gradcheck(direct_path_loss, (preds, target))
    loss = direct_path_loss(preds, target, mask=torch.zeros(1, 2, dtype=torch.bool))
    assert loss == 0
    assert torch.autograd.grad(loss, preds)[0].count_nonzero() == 0


@pytest.mark.transforms
def test_it_compiles_and_exports() -> None:
    assert_compiles_and_exports(DirectPathLoss(), *torch.randn(2, 1, 3, 2, 1, 2, 4))


@pytest.mark.messages
@pytest.mark.parametrize(
    ("preds", "target", "message"),
    [
        ((1, 2, 3, 4), (1, 2, 3, 4), r"preds must be \(batch, time, pair, part, freq\), got"),
        ((1, 2, 3, 2, 4), (1, 2, 3, 2, 5), "preds and target must have the same shape, got"),
        ((1, 2, 0, 2, 4), (1, 2, 0, 2, 4), "preds must have a size of at least 1 in each axis"),
    ],
)
def test_messages(preds: tuple[int, ...], target: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        direct_path_loss(torch.zeros(preds), torch.zeros(target))
