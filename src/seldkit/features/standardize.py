"""Standardisation of features by the mean and deviation of the training data."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from seldkit._checks import check_finite, check_positive, check_shape
from seldkit._typing import Float


class Standardize(nn.Module):
    """Subtract the mean and divide by the standard deviation of each channel and bin.

    Both are measured by `fit` on training data and travel with the `state_dict`, so a model cannot
    be loaded without its normalisation. Bins that never vary are only centred.

    Shape:
        - Input: `(batch, channel, time, freq)`.
        - Output: the same.

    Args:
        num_channels: Channels of the features.
        num_bins: Bins of the features.

    Examples:
        >>> standardize = Standardize(1, 1)
        >>> training_data = [torch.tensor([1.0, 3.0]).reshape(1, 1, 2, 1)]
        >>> standardize.fit(training_data)(training_data[0]).flatten()
        tensor([-1.,  1.])
    """

    mean: Tensor
    std: Tensor
    num_frames: Tensor

    def __init__(self, num_channels: int, num_bins: int) -> None:
        super().__init__()
        check_positive(num_channels=num_channels, num_bins=num_bins)
        self.num_channels, self.num_bins = num_channels, num_bins
        self.register_buffer("mean", torch.zeros(num_channels, 1, num_bins))
        self.register_buffer("std", torch.ones(num_channels, 1, num_bins))
        self.register_buffer("num_frames", torch.zeros((), dtype=torch.int64))
        # A Python value, because a look into the buffer would break a compiled graph.
        self._fitted = False

    @property
    def fitted(self) -> bool:
        """Whether the mean and deviation are known."""
        return self._fitted

    def fit(self, batches: Iterable[Float[Tensor, "_ channel _ freq"]]) -> "Standardize":
        """Measure mean and deviation over all clips and frames, in one pass and float64.

        Batches are merged by their sums of squared deviations (Chan et al., "Updating formulae and
        a pairwise algorithm for computing sample variances", 1979), which loses no digits when the
        mean is far from zero.

        Args:
            batches: Features of the training data, `(batch, channel, time, freq)` each.

        Returns:
            This module.

        Raises:
            ValueError: If there is no frame, a shape is wrong or a value is not finite.
        """
        count = 0
        mean = self.mean.new_zeros(self.mean.shape, dtype=torch.float64)
        squares = torch.zeros_like(mean)
        for batch in batches:
            self._check(batch)
            check_finite("features", batch)
            frames = batch.to(mean).transpose(0, 1).flatten(1, 2)
            n = frames.shape[1]
            if n == 0:
                continue
            batch_mean = frames.mean(dim=1, keepdim=True)
            shift = batch_mean - mean
            squares += (frames - batch_mean).square().sum(dim=1, keepdim=True)
            squares += shift.square() * (count * n / (count + n))
            mean += shift * (n / (count + n))
            count += n
        if count == 0:
            raise ValueError("batches must hold at least one frame, got none")
        deviation = (squares / count).sqrt()
        # A bin that is constant up to rounding has no scale of its own.
        constant = deviation <= 1e-6 * mean.abs()
        self.mean.copy_(mean)
        self.std.copy_(torch.where(constant | (deviation == 0), 1.0, deviation))
        self.num_frames.fill_(count)
        self._fitted = True
        return self

    def forward(
        self, features: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time freq"]:
        """Return the standardised features."""
        self._check(features)
        if not self._fitted:
            raise RuntimeError("Standardize must be fitted on training data before it is used")
        return (features - self.mean.to(features.dtype)) / self.std.to(features.dtype)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return f"{self.num_channels}, {self.num_bins}, fitted={self._fitted}"

    def _check(self, features: Tensor) -> None:
        sizes = {"channel": self.num_channels, "freq": self.num_bins}
        check_shape("features", features, "batch channel time freq", **sizes)

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
        self._fitted = int(self.num_frames) > 0
