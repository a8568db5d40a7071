"""Short-time Fourier transform: waveform to complex spectrum."""

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import (
    check_choice,
    check_count,
    check_floating,
    check_number,
    check_shape,
    integer,
)
from seldkit._typing import Complex, Float
from seldkit.features.precision import PreciseModule, widened, without_autocast
from seldkit.features.real_spectrum import RealSpectrum, real_basis

# Samples under the windows of one block of frames, for each thread: what its cache holds.
_BLOCK = 2**19


class STFT(PreciseModule):
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

    window: Tensor
    basis: Tensor

    def __init__(
        self,
        *,
        n_fft: int,
        hop_length: int,
        win_length: int | None = None,
        sample_rate: int | None = None,
        pad_mode: Literal["reflect", "constant"] = "reflect",
        offset: float = 0.0,
        last_frame: bool = True,
        centered: bool = True,
        patch: tuple[int, int] | None = None,
        real_valued: bool = False,
    ) -> None:
        super().__init__()
        win_length = n_fft if win_length is None else win_length
        check_count(n_fft=n_fft, hop_length=hop_length, win_length=win_length)
        check_number(offset=offset)
        check_choice("pad_mode", pad_mode, ("reflect", "constant"))
        if not hop_length <= win_length <= n_fft:
            raise ValueError(
                "hop_length <= win_length <= n_fft must hold, got"
                f" {hop_length}, {win_length} and {n_fft}"
            )
        if not centered and pad_mode != "constant":
            raise ValueError(f"centered=False needs pad_mode='constant', got {pad_mode!r}")
        if patch is not None:
            check_count(**{"patch[0]": patch[0], "patch[1]": patch[1]})
            if centered or not last_frame:
                raise ValueError(f"patch={patch} needs centered=False and last_frame=True")
        self.n_fft, self.hop_length = int(n_fft), int(hop_length)
        self.win_length = win_length = int(win_length)
        self.sample_rate: int | None = None
        self.pad_mode, self.offset = pad_mode, offset
        self.last_frame, self.centered, self.patch = last_frame, centered, patch
        self.real_valued = real_valued
        # float64, so that float64 input is transformed exactly; cast to the input's precision.
        window = torch.hann_window(win_length, dtype=torch.float64)
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
    def num_bins(self) -> int:
        """Number of frequency bins, from 0 hertz to half the sampling rate."""
        return self.n_fft // 2 + 1

    @property
    def frame_rate(self) -> float:
        """Frames per second, or `ValueError` if the sampling rate is not known."""
        if self.sample_rate is None:
            raise ValueError("STFT must be given its sample_rate to have a frame rate, got None")
        return self.sample_rate / self.hop_length

    @property
    def lead(self) -> int:
        """Samples under the FFT of the first frame that lie before the clip."""
        return (self.n_fft if self.centered else self.n_fft - self.win_length) // 2

    def num_frames(self, num_samples: int) -> int:
        """Return the number of frames of a clip.

        With `last_frame` these are `num_samples // hop_length + 1`, but if `n_fft` is odd and the
        clip a whole number of hops the FFT of the last frame does not fit, as with `torch.stft`
        and librosa. Without it they are `num_samples // hop_length` always. Frames that are not
        centred are as many as begin within the clip, or those of the fewest patches that hold it.
        """
        if self.patch is not None:
            first, more = self.patch
            left = num_samples - self.win_length - (first - 1) * self.hop_length
            # Of torch, so that an exported graph holds for any number of samples.
            patches: int = torch.sym_max(-(-left // (more * self.hop_length)), 0)
            return first + more * patches
        if not self.last_frame:
            return num_samples // self.hop_length
        if not self.centered:
            return -(-num_samples // self.hop_length)
        return (num_samples - self.n_fft % 2) // self.hop_length + 1

    def forward(
        self, waveform: Float[Tensor, "batch channel sample"]
    ) -> Complex[Tensor, "batch channel time freq"]:
        """Return the spectrum of every frame."""
        if self.block_size(waveform) is not None:
            return torch.cat(list(self.blocks(waveform)), dim=2)
        self.check(waveform)
        num_samples = waveform.shape[-1]
        ends = (self.lead, self.tail(num_samples))
        padded = functional.pad(self.prepare(waveform), ends, mode=self.pad_mode)
        if not self.last_frame:
            padded = padded[..., : self._span(self.num_frames(num_samples))]
        if self.real_valued:
            return self._real_transform(padded)  # type: ignore[return-value]  # acts as complex
        return self.transform(padded)

    def for_export(self) -> "STFT":
        """Return the same transform with `real_valued=True`."""
        return STFT(
            n_fft=self.n_fft,
            hop_length=self.hop_length,
            win_length=self.win_length,
            sample_rate=self.sample_rate,
            pad_mode=self.pad_mode,
            offset=self.offset,
            last_frame=self.last_frame,
            centered=self.centered,
            patch=self.patch,
            real_valued=True,
        )

    def blocks(
        self, waveform: Float[Tensor, "batch channel sample"]
    ) -> Iterator[Complex[Tensor, "batch channel _ freq"]]:
        """Yield the spectrum of every frame, block by block."""
        self.check(waveform)
        lead, count = self.lead, self.num_frames(waveform.shape[-1])
        for start, end in self.spans(count, waveform):
            yield self.transform(self._continued(waveform, start - lead, end - lead))

    def transform(
        self, samples: Float[Tensor, "batch channel sample"]
    ) -> Complex[Tensor, "batch channel _ freq"]:
        """Return the spectrum of the frames that lie wholly on samples that are prepared."""
        with without_autocast(samples):
            frames = samples.unfold(-1, self.n_fft, self.hop_length)
            spectrum: Tensor = torch.fft.rfft(frames * self.window.to(samples.dtype))
        return spectrum

    def block_size(self, waveform: Tensor) -> int | None:
        """Return how many frames to transform at a time, or None for all at once.

        On a CPU, frames whose spectrum stays in the cache until the next step reads it take a third
        of the time. Other devices want much work at a time, a gradient needs all results anyway,
        and a compiled or exported graph holds for any number of frames.
        """
        if torch.compiler.is_compiling() or self.real_valued or waveform.device.type != "cpu":
            return None
        if waveform.requires_grad and torch.is_grad_enabled():
            return None
        samples = waveform.shape[:2].numel() * self.n_fft
        return max(1, _BLOCK * torch.get_num_threads() // max(1, samples))

    def spans(self, count: int, waveform: Tensor) -> Iterator[tuple[int, int]]:
        """Yield the first and the last sample but one of each block of so many frames."""
        size = self.block_size(waveform) or count
        for first in range(0, count, size):
            start = first * self.hop_length
            yield start, start + self._span(min(size, count - first))

    def tail(self, num_samples: int) -> int:
        """Return how far a clip is continued; less than 0 where frames end before it does."""
        if self.centered:
            return self.n_fft // 2
        return self._span(self.num_frames(num_samples)) - self.lead - num_samples

    def check(self, waveform: Float[Tensor, "batch channel sample"]) -> None:
        """Raise `ValueError` if the waveform is empty or too short."""
        check_shape("waveform", waveform, "batch channel sample")
        if 0 in waveform.shape[:2]:
            raise ValueError(
                f"waveform must have a clip and a channel, got shape {tuple(waveform.shape)}"
            )
        self.check_length(waveform.shape[-1])

    def check_length(self, num_samples: int) -> None:
        """Raise `ValueError` if a clip is too short to have a frame or to be continued."""
        shortest = 1 if self.last_frame else self.hop_length
        if self.pad_mode == "reflect":
            shortest = max(shortest, self.n_fft // 2 + 1)
        if num_samples < shortest:
            raise ValueError(
                f"waveform must have at least {shortest} samples for n_fft={self.n_fft},"
                f" hop_length={self.hop_length} and pad_mode={self.pad_mode!r}, got {num_samples}"
            )

    def prepare(
        self, waveform: Float[Tensor, "batch channel sample"]
    ) -> Float[Tensor, "batch channel sample"]:
        """Return samples plus `offset`, in a precision that has an FFT."""
        check_floating(waveform=waveform)
        waveform = widened(waveform)
        return waveform + self.offset if self.offset else waveform

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return (
            f"n_fft={self.n_fft}, hop_length={self.hop_length}, win_length={self.win_length}, "
            f"sample_rate={self.sample_rate}, pad_mode={self.pad_mode!r}, offset={self.offset}, "
            f"last_frame={self.last_frame}, centered={self.centered}, patch={self.patch}, "
            f"real_valued={self.real_valued}"
        )

    def _span(self, count: int) -> int:
        """Return the number of samples under so many frames."""
        return (count - 1) * self.hop_length + self.n_fft

    def _continued(self, waveform: Tensor, start: int, end: int) -> Tensor:
        """Return samples of a clip that is continued beyond its ends."""
        num_samples = waveform.shape[-1]
        inside = self.prepare(waveform[..., max(start, 0) : min(end, num_samples)])
        before, after = max(-start, 0), max(end - max(start, num_samples), 0)
        if not (before or after):
            return inside
        if self.pad_mode == "constant":
            return functional.pad(inside, (before, after))
        left = self.prepare(waveform[..., 1 : before + 1]).flip(-1)
        right = self.prepare(waveform[..., num_samples - 1 - after : num_samples - 1]).flip(-1)
        return torch.cat((left, inside, right), dim=-1)

    def _real_transform(self, padded: Tensor) -> RealSpectrum:
        with without_autocast(padded):
            signals = padded.flatten(0, 1).unsqueeze(1)
            bins = functional.conv1d(signals, self.basis.to(padded.dtype), stride=self.hop_length)
        real, imag = bins.mT.unflatten(0, padded.shape[:2]).chunk(2, dim=3)
        return RealSpectrum(real, imag)
