"""Short-time Fourier transform: waveform to complex spectrum."""

from collections.abc import Iterator
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import (
    check_count,
    check_floating,
    check_literal,
    check_number,
    check_shape,
    integer,
)
from seldkit._typing import Complex, Float
from seldkit.features.binding import BoundModule
from seldkit.features.framing import Framing, PadMode, spectrum_of
from seldkit.features.precision import widened, without_autocast
from seldkit.features.real_spectrum import RealSpectrum, real_basis

Taper = Literal["hann", "none"]


class STFT(BoundModule):
    """Short-time Fourier transform with a periodic Hann window.

    A window shorter than the FFT is centred in it. Frame `i` is centred on sample
    `i * hop_length`, or its window begins there; beyond both ends of the clip the waveform is
    continued by `pad_mode`.

    Shape:
        - Input: `(batch, channel, sample)`, float32 or float64; lower precisions become float32.
        - Output: `(batch, channel, time, freq=n_fft // 2 + 1)`, complex of the same precision, with
          `num_frames(sample)` frames.

    Args:
        n_fft: Length of the FFT, in samples.
        hop_length: Distance between frames, in samples.
        win_length: Length of the window, in samples; `n_fft` if None.
        sample_rate: Sampling rate of the waveform, in hertz; None if it does not matter. A
            `FeatureExtractor` takes it from its parts then, if one of them says it.
        pad_mode: What lies beyond the ends: `"reflect"`, or `"constant"` for silence.
        offset: Constant added to the waveform; published extractors keep the logarithm of silence
            finite with it.
        last_frame: Whether to keep the last frame, which is centred on the end of the clip, or
            begins less than a hop before it.
        centered: Whether frame `i` is centred on sample `i * hop_length`; otherwise its window
            begins there, as in TensorFlow, and `pad_mode` must be `"constant"`.
        taper: The window: `"hann"`, or `"none"` for one of ones, which loses nothing of a frame.
        patch: For frames that are not centred: silence goes on behind the clip until its frames
            fill whole patches, given as frames of a patch and frames from one to the next.
        real_valued: Return a [`RealSpectrum`][seldkit.features.RealSpectrum], computed by a real
            convolution: slower, but it can be exported to ONNX.

    Raises:
        ValueError: If a size is not positive, the window is longer than the FFT or the hop than
            the window, or settings contradict each other.

    Examples:
        >>> stft = STFT(n_fft=1024, hop_length=600, sample_rate=24000)
        >>> stft(torch.zeros(1, 4, 96000)).shape
        torch.Size([1, 4, 161, 513])
    """

    n_fft: int
    window: Tensor
    basis: Tensor

    def __init__(
        self,
        *,
        n_fft: int,
        hop_length: int,
        win_length: int | None = None,
        sample_rate: int | None = None,
        pad_mode: PadMode = "reflect",
        offset: float = 0.0,
        last_frame: bool = True,
        centered: bool = True,
        taper: Taper = "hann",
        patch: tuple[int, int] | None = None,
        real_valued: bool = False,
    ) -> None:
        super().__init__()
        win_length = n_fft if win_length is None else win_length
        check_count(n_fft=n_fft, hop_length=hop_length, win_length=win_length)
        check_number(offset=offset)
        check_literal("taper", taper, Taper)
        self.n_fft, self.hop_length = int(n_fft), int(hop_length)
        self.win_length = win_length = int(win_length)
        self.pad_mode, self.offset = pad_mode, offset
        self.last_frame, self.centered, self.patch = last_frame, centered, patch
        self.taper, self.real_valued = taper, real_valued
        self.framing.check()
        # float64, so that float64 input is transformed exactly; cast to the input's precision.
        make = torch.hann_window if taper == "hann" else torch.ones
        window = make(win_length, dtype=torch.float64)
        left = (n_fft - win_length) // 2
        window = functional.pad(window, (left, n_fft - win_length - left))
        self.register_constant("window", window)
        if real_valued:
            self.register_constant("basis", real_basis(window))
        self.bind(self.n_fft, sample_rate)

    def bind(self, n_fft: int, sample_rate: int | None) -> None:
        """Take the sampling rate, if none is known yet; the length of the FFT is its own."""
        del n_fft
        if self.sample_rate is None and sample_rate is not None:
            check_count(sample_rate=sample_rate)
            self.sample_rate = integer("sample_rate", sample_rate)

    @property
    def framing(self) -> Framing:
        """Where its frames lie."""
        return Framing(
            n_fft=self.n_fft,
            hop_length=self.hop_length,
            win_length=self.win_length,
            pad_mode=self.pad_mode,
            last_frame=self.last_frame,
            centered=self.centered,
            patch=self.patch,
        )

    @property
    def num_bins(self) -> int:
        """Number of frequency bins, from 0 hertz to half the sampling rate."""
        return self.n_fft // 2 + 1

    @property
    def frame_rate(self) -> float:
        """Frames per second, or `ValueError` if the sampling rate is not known."""
        if self.sample_rate is None:
            raise ValueError("STFT must be given its sample_rate to have a frame rate, got None")
        return self.sample_rate / self.hop_length

    def num_frames(self, num_samples: int) -> int:
        """Return the number of frames of a clip.

        With `last_frame` these are `num_samples // hop_length + 1`, but if `n_fft` is odd and the
        clip a whole number of hops the FFT of the last frame does not fit, as with `torch.stft`
        and librosa. Without it they are `num_samples // hop_length` always. Frames that are not
        centred are as many as begin within the clip, or those of the fewest patches that hold it.
        """
        return self.framing.num_frames(num_samples)

    def forward(
        self, waveform: Float[Tensor, "batch channel sample"]
    ) -> Complex[Tensor, "batch channel time freq"]:
        """Return the spectrum of every frame."""
        check_waveform(waveform, self.framing)
        if self.framing.block_size(waveform) is not None and not self.real_valued:
            return torch.cat(list(blocks(self, waveform)), dim=2)
        waveform = widened(waveform)
        waveform = waveform + self.offset if self.offset else waveform
        num_samples = waveform.shape[-1]
        ends = (self.framing.lead, self.framing.tail(num_samples))
        padded = functional.pad(waveform, ends, mode=self.pad_mode)
        if not self.last_frame:
            padded = padded[..., : self.framing.span(self.num_frames(num_samples))]
        if self.real_valued:
            return self._real_transform(padded)  # type: ignore[return-value]  # acts as complex
        return spectrum_of(padded, self.window, self.hop_length)

    def for_export(self) -> "STFT":
        """Return the same transform with `real_valued=True`."""
        settings: dict[str, Any] = self._settings()
        return STFT(**(settings | {"real_valued": True}))

    def _real_transform(self, padded: Tensor) -> RealSpectrum:
        with without_autocast(padded):
            signals = padded.flatten(0, 1).unsqueeze(1)
            bins = functional.conv1d(signals, self.basis.to(padded.dtype), stride=self.hop_length)
        real, imag = bins.mT.unflatten(0, padded.shape[:2]).chunk(2, dim=3)
        return RealSpectrum(real, imag)


def blocks(
    stft: STFT, waveform: Float[Tensor, "batch channel sample"]
) -> Iterator[Complex[Tensor, "batch channel _ freq"]]:
    """Yield the spectrum of every frame of whole clips, block by block."""
    framing, lead = stft.framing, stft.framing.lead
    for start, end in framing.spans(framing.num_frames(waveform.shape[-1]), waveform):
        samples = framing.continued(widened(waveform), start - lead, end - lead, stft.offset)
        yield spectrum_of(samples, stft.window, stft.hop_length)


def check_waveform(waveform: Float[Tensor, "batch channel sample"], framing: Framing) -> None:
    """Raise `ValueError` if a waveform is empty or too short, `TypeError` if it holds integers."""
    check_shape("waveform", waveform, "batch channel sample")
    if 0 in waveform.shape[:2]:
        raise ValueError(
            f"waveform must have a clip and a channel, got shape {tuple(waveform.shape)}"
        )
    check_floating(waveform=waveform)
    framing.check_length(waveform.shape[-1])
