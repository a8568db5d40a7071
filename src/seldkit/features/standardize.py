"""Standardisation of features by the mean and deviation of the training data."""

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn

from seldkit._checks import check_choice, check_finite, check_positive, check_shape
from seldkit._typing import Float

StandardizePer = Literal["channel_bin", "channel"]

# Float32 holds a mean to 6e-8 of its size, and features come with rounding of that order. What
# varies less than a millionth is this rounding; divided by its own size it would become noise.
_ROUNDING = 1e-6


class Standardize(nn.Module):
    """Subtract the mean and divide by the standard deviation of each channel and bin.

    Both are measured on training data, by `fit` or step by step by `update`, and travel with the
    `state_dict`, so a model cannot be loaded without its normalisation. A bin whose deviation is
    below a millionth of its mean is constant up to the rounding of float32: it is only centred.

    Shape:
        - Input: `(batch, channel, time, freq)`.
        - Output: the same, in the same precision.

    Args:
        num_channels: Channels of the features.
        num_bins: Bins of the features.
        per: `"channel_bin"` measures each bin of each channel, `"channel"` all bins of a channel
            together, which keeps the shape of the spectrum.
        channels: The channels to standardise, counted from 0, all if None. The others pass as they
            are: directions, say, which have their scale already.

    Attributes:
        mean: Mean, `(channel, 1, freq)`.
        std: Standard deviation over all frames (not the unbiased one), the same shape.
        num_frames: Number of frames of all clips measured.

    Raises:
        ValueError: If a size is not positive, `per` is unknown or there is no such channel.

    Examples:
        >>> standardize = Standardize(1, 1)
        >>> training_data = [torch.tensor([1.0, 3.0]).reshape(1, 1, 2, 1)]
        >>> standardize.fit(training_data)(training_data[0]).flatten()
        tensor([-1.,  1.])
    """

    mean: Tensor
    std: Tensor
    num_frames: Tensor

    def __init__(
        self,
        num_channels: int,
        num_bins: int,
        *,
        per: StandardizePer = "channel_bin",
        channels: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        check_positive(num_channels=num_channels, num_bins=num_bins)
        check_choice("per", per, ("channel_bin", "channel"))
        wrong = [c for c in channels or () if not 0 <= c < num_channels]
        if wrong:
            raise ValueError(f"channels must lie in 0 to {num_channels - 1}, got {wrong}")
        self.num_channels, self.num_bins, self.per = num_channels, num_bins, per
        self.channels = None if channels is None else tuple(channels)
        self.register_buffer("mean", torch.zeros(num_channels, 1, num_bins))
        self.register_buffer("std", torch.ones(num_channels, 1, num_bins))
        self.register_buffer("num_frames", torch.zeros((), dtype=torch.int64))
        self._moments = self._none()
        # A Python value, because a look into the buffer would break a compiled graph.
        self._fitted = False

    @property
    def fitted(self) -> bool:
        """Whether the mean and deviation are known."""
        return self._fitted

    def fit(self, batches: Iterable[Float[Tensor, "_ channel _ freq"]]) -> "Standardize":
        """Measure mean and deviation over all clips and frames, in one pass and float64.

        What was measured before is forgotten.

        Args:
            batches: Features of the training data, `(batch, channel, time, freq)` each.

        Returns:
            This module.

        Raises:
            ValueError: If there is no frame, a shape is wrong or a value is not finite.
        """
        moments = self._none()
        for batch in batches:
            moments = moments.merged(self._measured(batch))
        if moments.num_frames == 0:
            raise ValueError("batches must hold at least one frame, got none")
        return self._keep(moments)

    def update(self, batch: Float[Tensor, "_ channel _ freq"]) -> "Standardize":
        """Add a batch to what has been measured: mean and deviation are those of all so far.

        Args:
            batch: Features, `(batch, channel, time, freq)`.

        Returns:
            This module.

        Raises:
            ValueError: If the shape is wrong or a value is not finite.
        """
        return self._keep(self._moments.merged(self._measured(batch)))

    def merge(self, other: "Standardize") -> "Standardize":
        """Add what another one has measured, such as that of another worker.

        The result is that of one pass over the data of both. It keeps the digits of float64, unless
        one of them was loaded from a `state_dict`, which holds those of float32.

        Args:
            other: One with the same sizes, `per` and `channels`, fitted or not.

        Returns:
            This module.

        Raises:
            ValueError: If they differ in what they measure.
        """
        if self._settings() != other._settings():
            raise ValueError(
                f"other must be Standardize({self._settings()}), got ({other._settings()})"
            )
        return self._keep(self._moments.merged(other._moments))

    def forward(
        self, features: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time freq"]:
        """Return the standardised features."""
        self._check(features)
        if not self._fitted:
            raise RuntimeError("Standardize must be fitted on training data before it is used")
        # Half precision has too few digits for the difference of a level and its mean.
        dtype = torch.promote_types(features.dtype, torch.float32)
        mean, std = self.mean.to(dtype), self.std.to(dtype)
        scale = torch.where(std > _ROUNDING * mean.abs(), std, 1.0)
        return ((features - mean) / scale).to(features.dtype)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return f"{self._settings()}, fitted={self._fitted}"

    def _settings(self) -> str:
        sizes = f"{self.num_channels}, {self.num_bins}"
        return f"{sizes}, per={self.per!r}, channels={self.channels}"

    def _check(self, features: Tensor) -> None:
        sizes = {"channel": self.num_channels, "freq": self.num_bins}
        check_shape("features", features, "batch channel time freq", **sizes)

    def _none(self) -> "_Moments":
        bins = self.num_bins if self.per == "channel_bin" else 1
        zeros = torch.zeros(self.num_channels, 1, bins, dtype=torch.float64)
        return _Moments(0, zeros, zeros)

    def _measured(self, batch: Tensor) -> "_Moments":
        self._check(batch)
        check_finite("features", batch)
        if batch.shape[0] * batch.shape[2] == 0:
            return self._none()
        axes = (0, 2) if self.per == "channel_bin" else (0, 2, 3)
        values = batch.detach().double()
        mean = values.mean(dim=axes, keepdim=True)
        square = (values - mean).square_().mean(dim=axes, keepdim=True)
        return _Moments(batch.shape[0] * batch.shape[2], mean[0].cpu(), square[0].cpu())

    def _keep(self, moments: "_Moments") -> "Standardize":
        self._moments = moments
        self.mean.copy_(moments.mean)
        self.std.copy_(moments.square.sqrt())
        if self.channels is not None:
            others = [c for c in range(self.num_channels) if c not in self.channels]
            self.mean[others] = 0
            self.std[others] = 1
        self.num_frames.fill_(moments.num_frames)
        self._fitted = moments.num_frames > 0
        return self

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)
        mean, std = (x.detach().double().cpu() for x in (self.mean, self.std))
        self._moments = _Moments(int(self.num_frames), mean, std.square())
        self._fitted = self._moments.num_frames > 0


class _Moments(NamedTuple):
    """Mean and mean squared deviation of so many frames, float64 on the CPU, `channel 1 bin`."""

    num_frames: int
    mean: Tensor
    square: Tensor

    def merged(self, other: "_Moments") -> "_Moments":
        """Return the moments of both together.

        Source: Chan et al., "Updating formulae and a pairwise algorithm for computing sample
        variances", 1979: it loses no digits where the mean is far from zero.
        """
        total = self.num_frames + other.num_frames
        if other.num_frames == 0 or self.num_frames == 0:
            return self if other.num_frames == 0 else other
        share = other.num_frames / total
        shift = other.mean - self.mean
        square = self.square + share * (other.square - self.square)
        return _Moments(
            total, self.mean + share * shift, square + shift.square() * (share * (1 - share))
        )
