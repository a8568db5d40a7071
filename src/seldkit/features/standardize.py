"""Standardisation of features by the mean and deviation of the training data."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from seldkit._checks import (
    check_count,
    check_finite,
    check_floating,
    check_literal,
    check_shape,
    integer,
)
from seldkit._executors import map_in_order
from seldkit._typing import Float
from seldkit.features.moments import Moments
from seldkit.features.precision import PreciseModule, widened
from seldkit.features.scaler import Array, ScalerOrder, scaler_table

StandardizePer = Literal["channel_bin", "channel"]

# Float32 holds a mean to 6e-8 of its size, and features come with rounding of that order. What
# varies less than a millionth is this rounding; divided by its own size it would become noise.
_ROUNDING = 1e-6


class Standardize(PreciseModule):
    """Subtract the mean and divide by the standard deviation of each channel and bin.

    Both are measured on training data, by `fit` or step by step by `update`, and travel with the
    `state_dict`, so a model cannot be loaded without its normalisation. A bin whose deviation is
    below a millionth of its mean is constant up to the rounding of float32: it is only centred.

    What is measured is in the buffers alone, wherever they come from: a `state_dict`, another
    process, a copy. They stay float32 or better when the module is cast, and so does what is
    computed with them. Standardised features do not turn with the sound field, as each channel has
    a mean of its own: turn features first, by
    [`turn`][seldkit.features.FeatureExtractor.turn].

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
        num_frames: Number of frames of all clips measured, 0 before.

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
        check_count(num_channels=num_channels, num_bins=num_bins)
        check_literal("per", per, StandardizePer)
        chosen = None if channels is None else tuple(integer("channels", c) for c in channels)
        wrong = [c for c in chosen or () if not 0 <= c < num_channels]
        if wrong:
            raise ValueError(f"channels must lie in 0 to {num_channels - 1}, got {wrong}")
        self.num_channels, self.num_bins = int(num_channels), int(num_bins)
        self.per, self.channels = per, chosen
        self.register_buffer("mean", torch.zeros(num_channels, 1, num_bins))
        self.register_buffer("std", torch.ones(num_channels, 1, num_bins))
        self.register_buffer("num_frames", torch.zeros((), dtype=torch.int64))
        # The same with the digits of float64, for what is added later; used while it agrees.
        self._digits = self._none()

    @property
    def fitted(self) -> bool:
        """Whether the mean and deviation are known."""
        return not self.num_frames.is_meta and bool(self.num_frames > 0)

    @classmethod
    def from_arrays(
        cls,
        mean: Array,
        scale: Array,
        num_channels: int,
        num_bins: int,
        *,
        order: ScalerOrder = "channel_bin",
        blocks: Sequence[int] | None = None,
        channels: Sequence[int] | None = None,
        num_frames: int = 1,
    ) -> "Standardize":
        """Make one of the mean and scale that another program has measured.

        Such as `scaler.mean_` and `scaler.scale_` of scikit-learn, whose `StandardScaler` the DCASE
        baselines publish: load the file where it was written, and take these two arrays out.

        Args:
            mean: Mean of every column, or `(channel, bin)`, or `(channel, 1, bin)`.
            scale: Standard deviation, the same shape; scikit-learn has 1 for constants.
            num_channels: Channels of the features.
            num_bins: Bins of the features.
            order: How columns were made of channels and bins: `"channel_bin"` has all bins of the
                first channel first, as the DCASE baselines since 2021; `"bin_channel"` all channels
                of the first bin, as that of 2020.
            blocks: Channels of each of the features that were made columns one by one and then put
                side by side: `(4, 3)` for levels and intensity of DCASE 2020; one block if None.
            channels: The channels that the arrays are of, counted from 0, all if None. The others
                pass as they are.
            num_frames: Of how many frames they are, `scaler.n_samples_seen_` say; it is their
                weight if more is measured by `update` or `merge`.

        Raises:
            ValueError: If the arrays do not have so many columns, a mean is not finite, or a scale
                is not positive.

        Examples:
            >>> mean, scale = [1.0, 2.0, 3.0, 4.0], [1.0, 1.0, 1.0, 2.0]
            >>> Standardize.from_arrays(mean, scale, 2, 2).mean[:, 0]
            tensor([[1., 2.],
                    [3., 4.]])
            >>> Standardize.from_arrays(mean, scale, 2, 2, order="bin_channel").mean[:, 0]
            tensor([[1., 3.],
                    [2., 4.]])
        """
        check_count(num_frames=num_frames)
        made = cls(num_channels, num_bins, channels=channels)
        kept = list(range(made.num_channels) if made.channels is None else made.channels)
        every = torch.zeros(2, made.num_channels, 1, made.num_bins, dtype=torch.float64)
        every[:, kept, 0] = scaler_table(mean, scale, len(kept), made.num_bins, order, blocks)
        return made._keep(Moments(int(num_frames), every[0], every[1].square()))

    def fit(
        self,
        batches: Iterable[Any],
        features: Callable[[Any], Float[Tensor, "_ channel _ freq"]] | None = None,
        *,
        executor: Executor | None = None,
    ) -> "Standardize":
        """Measure mean and deviation over all clips and frames, in one pass and float64.

        What was measured before is forgotten. Who measures does not change a bit.

        Args:
            batches: Features of the training data, `(batch, channel, time, freq)` each; or paths,
                say, of which `features` makes them.
            features: From one of the batches to its features; picklable beside an executor.
            executor: Makes and measures them, as the engine of a cluster may.

        Returns:
            This module.

        Raises:
            ValueError: If there is no frame, a shape is wrong or a value is not finite.
        """
        moments, workers = self._none(), 0 if executor is None else None
        measure = partial(self._measured, features=features)
        for part in map_in_order(measure, batches, num_workers=workers, executor=executor):
            moments = moments.merged(part)
        if moments.num_frames == 0:
            raise ValueError("batches must hold at least one frame, got none")
        return self._keep(moments)

    def update(self, batch: Float[Tensor, "_ channel _ freq"]) -> "Standardize":
        """Add a batch to what has been measured: mean and deviation are those of all so far.

        Args:
            batch: Features, `(batch, channel, time, freq)`.

        Raises:
            ValueError: If the shape is wrong or a value is not finite.
        """
        return self._keep(self._moments().merged(self._measured(batch)))

    def merge(self, other: "Standardize") -> "Standardize":
        """Add what another one has measured, such as that of another worker.

        The result is that of one pass over the data of both, up to rounding. It keeps the digits of
        float64, unless the buffers of one of them came from elsewhere, such as a `state_dict`: they
        hold those of float32.

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
        return self._keep(self._moments().merged(other._moments()))

    def forward(
        self, features: Float[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch channel time freq"]:
        """Return the standardised features."""
        self._check(features)
        if not (torch.compiler.is_compiling() or features.is_meta or self.fitted):
            raise RuntimeError("Standardize must be fitted on training data before it is used")
        # Half precision has too few digits for the difference of a level and its mean.
        wide = widened(features)
        mean, std = self.mean.to(wide.dtype), self.std.to(wide.dtype)
        scale = torch.where(std > _ROUNDING * mean.abs(), std, 1.0)
        if torch.compiler.is_compiling():
            scale = self._unless_unfitted(scale)
        return ((wide - mean) / scale).to(features.dtype)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return f"{self._settings()}, fitted={self.fitted}"

    def _unless_unfitted(self, scale: Tensor) -> Tensor:
        """Return the scale, nan if unfitted: a compiled graph cannot look into a buffer."""
        fitted = self.num_frames > 0
        if fitted.device.type == "cpu" and not torch.compiler.is_exporting():
            torch._assert_async(
                fitted, "Standardize must be fitted on training data before it is used"
            )
        return torch.where(fitted, scale, torch.nan)

    def _settings(self) -> str:
        sizes = f"{self.num_channels}, {self.num_bins}"
        return f"{sizes}, per={self.per!r}, channels={self.channels}"

    def _check(self, features: Tensor) -> None:
        sizes = {"channel": self.num_channels, "freq": self.num_bins}
        check_shape("features", features, "batch channel time freq", **sizes)
        check_floating(features=features)

    def _none(self) -> Moments:
        bins = self.num_bins if self.per == "channel_bin" else 1
        zeros = torch.zeros(self.num_channels, 1, bins, dtype=torch.float64, device="cpu")
        return Moments(0, zeros, zeros)

    def _measured(self, batch: Any, features: Callable[[Any], Tensor] | None = None) -> Moments:
        batch = batch if features is None else features(batch)
        self._check(batch)
        check_finite("features", batch)
        if batch.shape[0] * batch.shape[2] == 0:
            return self._none()
        return Moments.of(batch, (0, 2) if self.per == "channel_bin" else (0, 2, 3))

    def _moments(self) -> Moments:
        """Return what the buffers hold, with the digits of float64 if they are still known."""
        digits, count = self._digits, int(self.num_frames)
        mean, std = (x.detach().float().cpu() for x in (self.mean, self.std))
        known = [x.float() for x in self._as_buffers(digits)]
        if count == digits.num_frames and mean.equal(known[0]) and std.equal(known[1]):
            return digits
        if not count:
            return self._none()
        mean, std = (x.detach().double().cpu() for x in (self.mean, self.std))
        return Moments(count, mean, std.square())

    def _keep(self, moments: Moments) -> "Standardize":
        self._digits = moments
        for buffer, value in zip((self.mean, self.std), self._as_buffers(moments), strict=True):
            buffer.copy_(value)
        self.num_frames.fill_(moments.num_frames)
        return self

    def _as_buffers(self, moments: Moments) -> tuple[Tensor, Tensor]:
        """Return mean and deviation as the buffers hold them, in float64."""
        size = self.num_channels, 1, self.num_bins
        mean, std = (x.expand(size).clone() for x in (moments.mean, moments.square.sqrt()))
        if not moments.num_frames:
            std.fill_(1)
        if self.channels is not None:
            others = [c for c in range(self.num_channels) if c not in self.channels]
            mean[others], std[others] = 0, 1
        return mean, std
