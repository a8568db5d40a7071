"""Short-time Fourier transform: waveform to complex spectrum."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from seldkit._checks import check_choice, check_positive, check_shape
from seldkit._typing import Complex, Float


class STFT(nn.Module):
    """Short-time Fourier transform with a periodic Hann window.

    A window shorter than the FFT is centred in it. Frame `i` is centred on sample
    `i * hop_length`; beyond both ends of the clip the waveform is continued by `pad_mode`.

    Shape:
        - Input: `(batch, channel, sample)`, float32 or float64.
        - Output: `(batch, channel, time, freq=n_fft // 2 + 1)`, complex of the same precision, with
          `sample // hop_length + 1` frames, one fewer without `last_frame`.

    Args:
        n_fft: Length of the FFT, in samples.
        hop_length: Distance between frames, in samples.
        win_length: Length of the window, in samples; `n_fft` if None.
        sample_rate: Sampling rate of the waveform, in hertz.
        pad_mode: What lies beyond the ends: `"reflect"`, or `"constant"` for silence.
        offset: Constant added to the waveform; published extractors keep the logarithm of silence
            finite with it.
        last_frame: Whether to keep the last frame, which is centred on the end of the clip.

    Raises:
        ValueError: If a size is not positive, the window is longer than the FFT or the hop than
            the window.

    Examples:
        >>> stft = STFT(n_fft=1024, hop_length=600, sample_rate=24000)
        >>> stft(torch.zeros(1, 4, 96000)).shape
        torch.Size([1, 4, 161, 513])
    """

    window: Tensor

    def __init__(
        self,
        *,
        n_fft: int,
        hop_length: int,
        win_length: int | None = None,
        sample_rate: int = 24000,
        pad_mode: Literal["reflect", "constant"] = "reflect",
        offset: float = 0.0,
        last_frame: bool = True,
    ) -> None:
        super().__init__()
        win_length = n_fft if win_length is None else win_length
        check_positive(n_fft=n_fft, hop_length=hop_length, sample_rate=sample_rate)
        check_choice("pad_mode", pad_mode, ("reflect", "constant"))
        if not hop_length <= win_length <= n_fft:
            raise ValueError(
                "hop_length <= win_length <= n_fft must hold, got"
                f" {hop_length}, {win_length} and {n_fft}"
            )
        self.n_fft, self.hop_length, self.win_length = n_fft, hop_length, win_length
        self.sample_rate, self.pad_mode = sample_rate, pad_mode
        self.offset, self.last_frame = offset, last_frame
        # float64, so that float64 input is transformed exactly; cast to the input's precision.
        window = torch.hann_window(win_length, dtype=torch.float64)
        self.register_buffer("window", window, persistent=False)

    @property
    def num_bins(self) -> int:
        """Number of frequency bins, from 0 hertz to half the sampling rate."""
        return self.n_fft // 2 + 1

    @property
    def frame_rate(self) -> float:
        """Frames per second."""
        return self.sample_rate / self.hop_length

    def forward(
        self, waveform: Float[Tensor, "batch channel sample"]
    ) -> Complex[Tensor, "batch channel time freq"]:
        """Return the spectrum of every frame."""
        check_shape("waveform", waveform, "batch channel sample")
        if not waveform.is_floating_point():
            raise TypeError(f"waveform must hold floats, got {waveform.dtype}")
        if waveform.dtype not in (torch.float32, torch.float64):
            waveform = waveform.float()
        half = self.n_fft // 2
        shortest = max(
            half + 1 if self.pad_mode == "reflect" else 1,
            1 if self.last_frame else self.hop_length,
        )
        if waveform.shape[-1] < shortest:
            raise ValueError(
                f"waveform must have at least {shortest} samples for n_fft={self.n_fft},"
                f" hop_length={self.hop_length} and pad_mode={self.pad_mode!r}, got"
                f" {waveform.shape[-1]}"
            )
        if self.offset:
            waveform = waveform + self.offset
        with torch.autocast(waveform.device.type, enabled=False):
            padded = functional.pad(waveform, (half, half), mode=self.pad_mode)
            spectrum = torch.stft(
                padded.flatten(0, 1),
                n_fft=self.n_fft,
                hop_length=self.hop_length,
                win_length=self.win_length,
                window=self.window.to(waveform.dtype),
                center=False,
                return_complex=True,
            )
        frames: Tensor = spectrum.mT.unflatten(0, waveform.shape[:2])
        return frames if self.last_frame else frames[:, :, :-1]

    def extra_repr(self) -> str:
        """Show the settings in `print(module)`."""
        return (
            f"n_fft={self.n_fft}, hop_length={self.hop_length}, win_length={self.win_length}, "
            f"sample_rate={self.sample_rate}, pad_mode={self.pad_mode!r}, offset={self.offset}, "
            f"last_frame={self.last_frame}"
        )
