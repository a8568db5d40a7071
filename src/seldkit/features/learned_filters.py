"""What filters of a waveform share that learn: their places in time and frequency."""

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_floating, check_number, check_shape
from seldkit._typing import Float
from seldkit.features.precision import widened


def filtered(
    waveform: Float[Tensor, "item channel sample"],
    filters: Float[Tensor, "filter channel tap"],
    stride: int,
) -> Float[Tensor, "item filter time"]:
    """Return the sum over channels of every filter's response, one for each whole stride.

    Response `i` is centred on sample `i * stride + stride // 2`, the middle of its stride; beyond
    both ends there is silence.
    """
    half, samples = filters.shape[-1] // 2, waveform.shape[-1]
    before = half - stride // 2
    needed = (samples // stride - 1) * stride + filters.shape[-1]
    padded = functional.pad(waveform, (before, needed - before - samples))
    responses: Tensor = functional.conv1d(padded, filters.to(waveform.dtype), stride=stride)
    return responses


def filtered_alone(
    waveform: Float[Tensor, "batch channel sample"],
    filters: Float[Tensor, "filter tap"],
    stride: int,
) -> Float[Tensor, "batch channel time filter"]:
    """Return every filter's response to each channel."""
    responses = filtered(waveform.flatten(0, 1).unsqueeze(1), filters.unsqueeze(1), stride)
    alone: Tensor = responses.mT.unflatten(0, waveform.shape[:2])
    return alone


def band_pass(
    time: Float[Tensor, "*axes tap"],
    low: Float[Tensor, "*#axes"],
    high: Float[Tensor, "*#axes"],
    half: int,
) -> Float[Tensor, "*axes tap"]:
    r"""Return a band-pass filter at any time, between samples, too.

    $$k(n) = \bigl(2 f_2 \operatorname{sinc}(2 f_2 n) - 2 f_1 \operatorname{sinc}(2 f_1 n)\bigr)\,
    w(n), \qquad \operatorname{sinc}(x) = \frac{\sin \pi x}{\pi x},$$

    with a Hamming window $w$ that ends beyond `half` samples.

    Args:
        time: In samples.
        low: Lower edge $f_1$, in cycles per sample.
        high: Upper edge $f_2$.
        half: Half of the window.
    """
    twice_low, twice_high = 2 * low.unsqueeze(-1), 2 * high.unsqueeze(-1)
    kernel = twice_high * (twice_high * time).sinc() - twice_low * (twice_low * time).sinc()
    hamming = 0.54 + 0.46 * (torch.pi * time / max(half, 1)).cos()
    return kernel * hamming * (time.abs() <= half)


def taps(kernel_size: int, like: Tensor) -> Float[Tensor, " tap"]:
    """Return the times of a filter's taps, 0 in the middle."""
    half = kernel_size // 2
    return torch.arange(-half, half + 1, device=like.device, dtype=widened(like).dtype)


def check_odd(kernel_size: int) -> None:
    """Raise `ValueError` unless a filter has a middle."""
    if kernel_size % 2 == 0:
        raise ValueError(f"kernel_size must be odd, got {kernel_size}")


def check_band(fmin: float, fmax: float | None, sample_rate: int) -> float:
    """Return the upper limit of a band, or raise `ValueError` if it is none."""
    nyquist = sample_rate / 2
    fmax = nyquist if fmax is None else fmax
    if not 0 <= fmin < fmax <= nyquist:
        raise ValueError(f"0 <= fmin < fmax <= {nyquist:g} must hold, got {fmin:g} and {fmax:g}")
    return fmax


def check_not_negative(**values: float) -> None:
    """Raise `ValueError` if a number is negative."""
    check_number(**values)
    for name, value in values.items():
        if value < 0:
            raise ValueError(f"{name} must be at least 0, got {value:g}")


def check_samples(
    waveform: Float[Tensor, "batch channel sample"], stride: int, **sizes: int
) -> None:
    """Raise unless a waveform holds floats and has a whole stride."""
    check_shape("waveform", waveform, "batch channel sample", **sizes)
    check_floating(waveform=waveform)
    if waveform.shape[-1] < stride:
        raise ValueError(
            f"waveform must have at least {stride} samples, one stride, got {waveform.shape[-1]}"
        )
