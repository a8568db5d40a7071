"""Batch norm of features equals that of each channel apart."""

import pytest
import torch
from torch import nn

from seldkit.layers import BinNorm
from transforms import assert_compiles_and_exports


def features(batch: int = 2, frames: int = 20) -> torch.Tensor:
    """Return features whose channels and bins differ in level."""
    level = torch.arange(3 * 5.0).reshape(1, 3, 1, 5)
    return torch.randn(batch, 3, frames, 5) * (1 + level) - 10 * level


def test_it_equals_one_batch_norm_for_each_channel() -> None:
    ours, apart = BinNorm(3, num_bins=5), [nn.BatchNorm2d(5) for _ in range(3)]
    x = features()
    for training in (True, False):
        norms = [norm.train(training)(x[:, c].mT.unsqueeze(3)) for c, norm in enumerate(apart)]
        wanted = torch.stack([y.squeeze(3).mT for y in norms], dim=1)
        torch.testing.assert_close(ours.train(training)(x), wanted)
    means = torch.cat([norm.running_mean for norm in apart if norm.running_mean is not None])
    torch.testing.assert_close(ours.batch_norm.running_mean, means)


def test_input_stays_and_gradients_flow() -> None:
    x, norm = features(1, 7), BinNorm(3, num_bins=5)
    before = x.clone()
    y = norm(x)
    y.square().sum().backward()
    assert torch.equal(x, before)
    assert y.shape == x.shape
    assert all(p.grad is not None and p.grad.isfinite().all() for p in norm.parameters())
    norm.reset_parameters()
    assert norm.batch_norm.running_mean is not None
    assert norm.batch_norm.running_mean.abs().sum() == 0


def test_names_are_pinned() -> None:
    tensors = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
    assert set(BinNorm(3, num_bins=5).state_dict()) == {f"batch_norm.{name}" for name in tensors}
    assert "3, num_bins=5" in repr(BinNorm(3, num_bins=5))


@pytest.mark.transforms
def test_it_compiles_and_exports() -> None:
    assert_compiles_and_exports(BinNorm(3, num_bins=5).eval(), features())


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match="num_bins must be at least 1, got 0"):
        BinNorm(3, num_bins=0)
    with pytest.raises(ValueError, match=r"x must be \(batch, channel=3, time, freq=5\), got"):
        BinNorm(3, num_bins=5)(torch.zeros(1, 3, 4, 6))
