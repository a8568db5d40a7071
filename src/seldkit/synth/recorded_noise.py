"""Ambient noise from recordings."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seldkit._typing import Float
from seldkit.io import audio_info, read_audio
from seldkit.io.resampling import Ratio
from seldkit.synth.fingerprints import file_fingerprint
from seldkit.synth.recordings import recordings_below

FADE_S = 0.1


class RecordedNoise:
    """Recordings of ambient noise in a folder, at any depth, with the channels of the scenes.

    Args:
        folder: Holds WAV, FLAC or OGG files.
        num_channels: How many channels each must have.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If it holds no recordings, or one with another number of channels.
    """

    def __init__(self, folder: str | PathLike[str], num_channels: int) -> None:
        self.folder = Path(folder)
        self.files: Sequence[Path] = recordings_below(self.folder)
        if not self.files:
            raise ValueError(f"noise must be a folder of recordings, got none in {self.folder}")
        for path in self.files:
            if (found := audio_info(path).num_channels) != num_channels:
                raise ValueError(f"{path} must have {num_channels} channels, got {found}")

    def draw(
        self, generator: np.random.Generator, num_samples: int, sample_rate: int
    ) -> Float[NDArray[np.float32], "channel sample"]:
        """Return a random piece with unit power on the first channel.

        Where a recording is too short, another piece follows after a cross-fade of 0.1 s.

        Raises:
            ValueError: If the piece is silent or cannot be read.
        """
        noise = self._piece(generator, num_samples, sample_rate)
        while noise.shape[1] < num_samples:
            more = self._piece(generator, num_samples, sample_rate)
            noise = _joined(noise, more, round(FADE_S * sample_rate))
        noise = noise[:, :num_samples]
        power = float(np.square(noise[0], dtype=np.float64).mean())
        if power == 0:
            raise ValueError(f"noise in {self.folder} must not be silent on the first channel")
        return noise / np.float32(np.sqrt(power))

    def fingerprint(self) -> str:
        """Return a text that changes with the files and with what they hold."""
        return f"{len(self.files)} recordings {file_fingerprint(self.folder, self.files)}"

    def _piece(
        self, generator: np.random.Generator, num_samples: int, sample_rate: int
    ) -> NDArray[np.float32]:
        path = self.files[int(generator.integers(len(self.files)))]
        info = audio_info(path)
        length = Ratio.between(info.sample_rate, sample_rate).length(info.num_samples)
        start = int(generator.integers(max(1, length - num_samples + 1)))
        frames = min(num_samples, length)
        return read_audio(path, sample_rate=sample_rate, start=start, frames=frames)[0].numpy()


def _joined(
    first: NDArray[np.float32], second: NDArray[np.float32], fade: int
) -> NDArray[np.float32]:
    """Return one noise after the other, the power of both together constant in between."""
    fade = min(fade, first.shape[1] // 2, second.shape[1] // 2)
    rising = np.sqrt(np.linspace(0, 1, fade, dtype=np.float32))
    both = first[:, first.shape[1] - fade :] * rising[::-1] + second[:, :fade] * rising
    return np.concatenate((first[:, : first.shape[1] - fade], both, second[:, fade:]), axis=1)
