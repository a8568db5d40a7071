"""SALSA-Lite and SALSA-IPD: log-spectrograms and phase differences of microphones."""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_choice, check_positive, check_shape
from seldkit._typing import Complex, Float
from seldkit.arrays import SPEED_OF_SOUND
from seldkit.features.magnitude import LogMagnitude
from seldkit.features.phase import PhaseDifference

SALSALiteForm = Literal["path", "ipd"]


class SALSALite(nn.Module):
    r"""Log-spectrograms of every microphone, then its phase difference to the first one.

    The phases need no statistics over frames and no tests, so that this is a few times as fast as
    [`SALSA`][seldkit.features.SALSA]. They are 0 above `fmax_doa`.

    Shape:
        - Input: complex spectrum `(batch, channel, time, freq=n_fft // 2 + 1)`.
        - Output: `(batch, 2 * channel - 1, time, bin=num_bins)`.

    Args:
        form: `"path"`, SALSA-Lite: by how many metres the sound's way to a microphone is shorter
            than to the first, as the phase has it, times $c / (2 \pi f)$. `"ipd"`, SALSA-IPD: the
            phase difference divided by π, in [-1, 1].
        n_fft: Length of the FFT.
        sample_rate: Sampling rate, in hertz.
        fmin: Bins start at the one that holds this frequency, in hertz, but not at bin 0.
        fmax: Bins end before the one that holds this frequency, in hertz.
        fmax_doa: Phases end with the bin that holds this frequency, in hertz: best the
            [`aliasing_frequency`][seldkit.arrays.ArrayGeometry.aliasing_frequency] of the array.
        speed_of_sound: In metres per second; only the path depends on it.

    Raises:
        ValueError: If a value is out of range.

    Source: Nguyen et al., "SALSA-Lite: A fast and effective feature for polyphonic sound event
    localization and detection with microphone arrays", ICASSP 2022.

    Examples:
        >>> spectrum = torch.ones(1, 4, 5, 257, dtype=torch.complex64)
        >>> spectrum[:, 1] *= 1j  # a quarter of a period ahead of the first
        >>> features = SALSALite("ipd")(spectrum)
        >>> features.shape
        torch.Size([1, 7, 5, 191])
        >>> features[0, 4, 0, 40:44]
        tensor([0.5000, 0.5000, 0.0000, 0.0000])
    """

    lookback = lookahead = 0

    def __init__(
        self,
        form: SALSALiteForm = "path",
        *,
        n_fft: int = 512,
        sample_rate: int = 24000,
        fmin: float = 50.0,
        fmax: float = 9000.0,
        fmax_doa: float = 2000.0,
        speed_of_sound: float = SPEED_OF_SOUND,
    ) -> None:
        super().__init__()
        check_choice("form", form, ("path", "ipd"))
        check_positive(n_fft=n_fft, sample_rate=sample_rate)
        if not 0 <= fmin < fmax_doa <= fmax <= sample_rate / 2:
            raise ValueError(
                f"0 <= fmin < fmax_doa <= fmax <= {sample_rate / 2:g} must hold for"
                f" {sample_rate=}, got {fmin:g}, {fmax_doa:g} and {fmax:g}"
            )
        self.form, self.n_fft, self.sample_rate = form, n_fft, sample_rate
        self.fmin, self.fmax, self.fmax_doa = fmin, fmax, fmax_doa
        first, stop, last_phase = (
            max(1, int(frequency * n_fft // sample_rate)) for frequency in (fmin, fmax, fmax_doa)
        )
        self.level = LogMagnitude((first, stop))
        self.phase = PhaseDifference(
            "path" if form == "path" else "angle",
            bins=(first, min(last_phase + 1, stop)),
            sample_rate=sample_rate,
            n_fft=n_fft,
            speed_of_sound=speed_of_sound,
        )

    @property
    def num_bins(self) -> int:
        """Number of bins."""
        bins = self.level.num_bins
        assert bins is not None
        return bins

    def num_channels(self, in_channels: int) -> int:
        """Return the number of spectrograms and phase differences."""
        return self.level.num_channels(in_channels) + self.phase.num_channels(in_channels)

    def forward(
        self, spectrum: Complex[Tensor, "batch channel time freq"]
    ) -> Float[Tensor, "batch out time bin"]:
        """Return spectrograms and phase differences."""
        check_shape("spectrum", spectrum, "batch channel time freq", freq=self.n_fft // 2 + 1)
        phase = self.phase(spectrum)
        if self.form == "ipd":
            phase = phase / math.pi
        phase = functional.pad(phase, (0, self.num_bins - phase.shape[-1]))
        return torch.cat((self.level(spectrum), phase), dim=1)

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return (
            f"{self.form!r}, n_fft={self.n_fft}, sample_rate={self.sample_rate}, fmin={self.fmin}, "
            f"fmax={self.fmax}, fmax_doa={self.fmax_doa}"
        )
