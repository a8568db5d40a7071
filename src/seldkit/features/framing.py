"""Where the frames of a clip lie: how many there are, on which samples, in which blocks."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_count, check_literal, check_pair
from seldkit._typing import Complex, Float
from seldkit.features.precision import without_autocast

PadMode = Literal["reflect", "constant"]

# Samples under the windows of one block of frames, for each thread: what its cache holds.
_BLOCK = 2**19


@dataclass(frozen=True)
class Framing:
    """Frames of a short-time Fourier transform; its attributes are the arguments of `STFT`."""

    n_fft: int
    hop_length: int
    win_length: int
    pad_mode: PadMode
    last_frame: bool
    centered: bool
    patch: tuple[int, int] | None

    def check(self) -> None:
        """Raise `ValueError` if settings are unknown or contradict each other."""
        check_literal("pad_mode", self.pad_mode, PadMode)
        if not self.hop_length <= self.win_length <= self.n_fft:
            raise ValueError(
                "hop_length <= win_length <= n_fft must hold, got"
                f" {self.hop_length}, {self.win_length} and {self.n_fft}"
            )
        if not self.centered and self.pad_mode != "constant":
            raise ValueError(f"centered=False needs pad_mode='constant', got {self.pad_mode!r}")
        if self.patch is not None:
            check_pair("patch", self.patch, "frames of a patch and from one to the next")
            check_count(**{"patch[0]": self.patch[0], "patch[1]": self.patch[1]})
            if self.centered or not self.last_frame:
                raise ValueError(f"patch={self.patch} needs centered=False and last_frame=True")

    @property
    def lead(self) -> int:
        """Samples under the FFT of the first frame that lie before the clip."""
        return (self.n_fft if self.centered else self.n_fft - self.win_length) // 2

    def tail(self, num_samples: int) -> int:
        """Return how far a clip is continued; less than 0 where frames end before it does."""
        if self.centered:
            return self.n_fft // 2
        return self.span(self.num_frames(num_samples)) - self.lead - num_samples

    def num_frames(self, num_samples: int) -> int:
        """Return the number of frames of a clip, see `STFT.num_frames`."""
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

    def span(self, count: int) -> int:
        """Return the number of samples under so many frames."""
        return (count - 1) * self.hop_length + self.n_fft

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

    def block_size(self, waveform: Float[Tensor, "batch channel sample"]) -> int | None:
        """Return how many frames to transform at a time, or None for all at once.

        On a CPU, frames whose spectrum stays in the cache until the next step reads it take a third
        of the time. Other devices want much work at a time, a gradient needs all results anyway,
        and a compiled or exported graph holds for any number of frames.
        """
        if torch.compiler.is_compiling() or waveform.device.type != "cpu":
            return None
        if waveform.requires_grad and torch.is_grad_enabled():
            return None
        samples = waveform.shape[:2].numel() * self.n_fft
        return max(1, _BLOCK * torch.get_num_threads() // max(1, samples))

    def clips_at_a_time(self, waveform: Float[Tensor, "batch channel sample"]) -> int:
        """Return how many clips to transform at a time: one, unless it does not fill a block."""
        windowed = waveform.shape[1] * self.n_fft * self.num_frames(waveform.shape[2])
        return max(1, _BLOCK * torch.get_num_threads() // windowed)

    def spans(self, count: int, waveform: Tensor) -> Iterator[tuple[int, int]]:
        """Yield the first and the last sample but one of each block of so many frames."""
        size = self.block_size(waveform) or count
        for first in range(0, count, size):
            start = first * self.hop_length
            yield start, start + self.span(min(size, count - first))

    def continued(
        self, waveform: Float[Tensor, "batch channel sample"], start: int, end: int, offset: float
    ) -> Float[Tensor, "batch channel _"]:
        """Return samples of a clip that is continued beyond its ends, with the offset added."""
        num_samples = waveform.shape[-1]
        before, after = max(-start, 0), max(end - max(start, num_samples), 0)
        inside = waveform[..., max(start, 0) : min(end, num_samples)]
        if self.pad_mode == "reflect" and (before or after):
            left = waveform[..., 1 : before + 1].flip(-1)
            right = waveform[..., num_samples - 1 - after : num_samples - 1].flip(-1)
            inside = torch.cat((left, inside, right), dim=-1)
        inside = inside + offset if offset else inside
        if self.pad_mode == "constant" and (before or after):
            return functional.pad(inside, (before, after))
        return inside


def spectrum_of(
    samples: Float[Tensor, "batch channel sample"],
    window: Float[Tensor, " window"],
    hop_length: int,
) -> Complex[Tensor, "batch channel _ freq"]:
    """Return the spectrum of the frames that lie wholly on some samples."""
    with without_autocast(samples):
        frames = samples.unfold(-1, len(window), hop_length)
        spectrum: Tensor = torch.fft.rfft(frames * window.to(samples.dtype))
    return spectrum
