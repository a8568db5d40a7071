"""Whether four channels can be first-order ambisonics at all."""

import math
from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from seldkit._checks import check_floating, check_positive, check_shape
from seldkit._typing import Float

LOW_HZ = 200.0
"""Where the bands begin: below, wind and standing waves rule."""

NUM_BANDS, LOW_BANDS, LEAST_BANDS = 10, 4, 4
"""Thirds of an octave, to 2 kHz; those up to 500 Hz; and how many must be audible."""

WEAK, STRONG = 0.5, 1.6
"""Energy of X, Y and Z against that of W between which a recording may be ambisonics."""

ALIKE = 0.5
"""Coherence above which a channel is taken to hear what the first one does."""

FLOOR_DB = -90.0
"""Level of white noise in whose place a band holds little but rounding to 16 bits."""

FRAME_S, LEAST_S = 0.043, 0.25
"""Length of a frame, and of the shortest recording that tells."""

Kind = Literal["ambisonics", "weak dipoles", "strong dipoles", "microphones"]


class RecordingWarning(UserWarning):
    """A recording is not what it is taken for, so that what is found in it means nothing."""


class Findings(NamedTuple):
    """What four channels say about themselves.

    Attributes:
        energy_ratio: Energy of X, Y and Z together against that of W, 200 to 2000 Hz: the median
            of thirds of an octave. nan if the recording is silent there, or lasts less than a
            quarter of a second.
        coherence: Real part of that of W with X, with Y and with Z, from -1 to 1, 200 to 500 Hz:
            the median of the bands. Near 1 with all three in microphones next to each other. nan
            where there is nothing to compare.
    """

    energy_ratio: float
    coherence: tuple[float, float, float]

    @property
    def kind(self) -> Kind | None:
        """What the channels seem to be; None if nothing can be told."""
        if math.isnan(self.energy_ratio):
            return None
        if self.energy_ratio < WEAK:
            return "weak dipoles"
        if self.energy_ratio <= STRONG:
            return "ambisonics"
        alike = all(coherence > ALIKE for coherence in self.coherence)
        return "microphones" if alike else "strong dipoles"

    @property
    def problem(self) -> str | None:
        """Why this is no first-order ambisonics in ACN order and SN3D, and what helps, or None."""
        if self.kind in (None, "ambisonics"):
            return None
        heard = f"X, Y and Z have {self.energy_ratio:.2g} times the energy of W, and should have 1"
        return f"{heard}; {_ADVICE[self.kind]}"


def check(waveform: Float[Tensor, "channel=4 sample"], sample_rate: float) -> Findings:
    """Return whether four channels are first-order ambisonics, as far as they tell.

    Wherever sound comes from, X, Y and Z together have the energy of W: one wave and many, with
    echoes and without. Four microphones have three times the energy of the first in the others. So
    the energy tells, and what W has in common with each of the others tells why. Neither tells
    which dipole is which: those of FuMa stand in another order, and it is W that gives it away.

    Measured on recordings of some seconds, and on single seconds of them (5 % to 95 %):

    | recordings | energy ratio | of 1 s | least coherence |
    | --- | --- | --- | --- |
    | ambisonics, real microphones | 0.80 to 1.15 | 0.76 to 1.18 | -0.5 to 0.0 |
    | ambisonics, sounds in measured rooms | 0.77 to 1.21 | 0.79 to 1.23 | -0.8 to 0.2 |
    | ambisonics, made scenes, with rooms and without | 0.84 to 1.10 | 0.81 to 1.13 | -1.0 to 1.0 |
    | the same in FuMa | 1.68 to 2.20 | 1.68 to 2.16 | -1.0 to 1.0 |
    | the same in N3D | 2.52 to 3.31 | 2.53 to 3.24 | -1.0 to 1.0 |
    | four microphones 3 to 7 cm apart, real and made | 2.71 to 3.31 | 2.68 to 3.29 | 0.9 to 1.0 |
    | four microphones 14 to 20 cm apart | 2.70 to 3.31 | 2.67 to 3.34 | 0.3 to 0.8 |
    | unrelated noise | 2.91 to 3.06 | 2.76 to 3.19 | 0.0 |

    Below 0.5 or above 1.6 there is a problem, and a coherence above 0.5 with all three channels
    tells microphones from other conventions. A-format recordings are found out where there are
    echoes (2.2 and more); one sound without any may pass.

    Args:
        waveform: The channels, the first one W.
        sample_rate: In hertz.

    Returns:
        The findings; `findings.problem` says what is wrong and what helps.

    Raises:
        TypeError: If the waveform holds integers.
        ValueError: If there are not four channels, or the rate is below 400 Hz.

    Examples:
        >>> sound = torch.randn(24000, generator=torch.Generator().manual_seed(0))
        >>> check(torch.stack([sound, 0.6 * sound, 0 * sound, 0.8 * sound]), 24000).kind
        'ambisonics'
        >>> check(torch.stack([sound, sound, sound, sound]), 24000).kind
        'microphones'
    """
    check_shape("waveform", waveform, "channel sample", channel=4)
    check_floating(waveform=waveform)
    check_positive(sample_rate=sample_rate)
    if sample_rate < 2 * LOW_HZ:
        raise ValueError(f"sample_rate must be at least {2 * LOW_HZ:g}, got {sample_rate:g}")
    if waveform.shape[1] < LEAST_S * sample_rate:
        return Findings(math.nan, (math.nan,) * 3)
    power, common = _bands(waveform.detach().double().cpu(), sample_rate)
    audible = power.amax(dim=1) > 10 ** (FLOOR_DB / 10)
    if audible.sum() < LEAST_BANDS:
        return Findings(math.nan, (math.nan,) * 3)
    power, common = power[audible], common[audible]
    ratio = power[:, 1:].sum(dim=1) / power[:, 0]
    low = audible.nonzero().flatten() < LOW_BANDS
    coherence = common / (power[:, :1] * power[:, 1:]).sqrt()
    y, z, x = coherence[low].nanmedian(dim=0).values.tolist() if low.any() else (math.nan,) * 3
    return Findings(float(ratio.median()), (x, y, z))


def _bands(
    waveform: Float[Tensor, "channel=4 sample"], sample_rate: float
) -> tuple[Float[Tensor, "band channel=4"], Float[Tensor, "band dipole=3"]]:
    """Return the power of each channel in thirds of an octave, and what it has in common with W.

    White noise of a mean square of 1 has a power of 1 in each band.
    """
    n_fft = 2 ** round(math.log2(FRAME_S * sample_rate))
    window = torch.hann_window(n_fft, dtype=waveform.dtype, device=waveform.device)
    spectrum = torch.stft(
        waveform, n_fft, n_fft // 2, window=window, center=False, return_complex=True
    )
    spectrum = spectrum / window.square().sum().sqrt()
    power = spectrum.abs().square().mean(dim=2)
    common = (spectrum[:1].conj() * spectrum[1:]).real.mean(dim=2)
    hertz = torch.arange(n_fft // 2 + 1) * sample_rate / n_fft
    edges = [LOW_HZ * 2 ** (number / 3) for number in range(NUM_BANDS + 1)]
    bands = [(hertz >= low) & (hertz < high) for low, high in pairwise(edges)]
    means = [
        (power[:, band].mean(dim=1), common[:, band].mean(dim=1)) for band in bands if band.any()
    ]
    return torch.stack([p for p, _ in means]), torch.stack([c for _, c in means])


_ADVICE: dict[Kind | None, str] = {
    "weak dipoles": (
        "is it mono in four channels, or of another order of channels? Take the recording as the"
        " ambisonic microphone made it, in the order W, Y, Z, X"
    ),
    "strong dipoles": (
        "is it FuMa (2) or N3D (3)? ambisonics.convert(waveform, order=..., normalization=...)"
        " makes ACN and SN3D of it, and ambisonics.encode(waveform, array, sample_rate) of"
        " microphones far from each other (3) or of an A-format recording; seldkit predict has"
        " --order, --normalization and --array"
    ),
    "microphones": (
        "all four hear the same at low frequencies, as the microphones of an array do:"
        " ambisonics.encode(waveform, array, sample_rate) makes ambisonics of it, with"
        " capsules='cardioid' for an A-format recording; seldkit predict has --array and --order"
        " a-format"
    ),
}
