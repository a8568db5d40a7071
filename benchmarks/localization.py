"""How fast maps of SRP-PHAT are beside pyroomacoustics and a plain loop, and whether all agree.

Run with `OMP_NUM_THREADS=1 PYTHONPATH=.:tests python benchmarks/localization.py`: about a minute,
needs pyroomacoustics; `--quick` takes 0.1 s of audio. Each way makes a map of 18 x 36 directions
of every frame (1024 samples, a hop of 480, 24 kHz) of noise from one direction in the four
microphones of the DCASE tetrahedron. The loop is NumPy: over pairs and directions, each with all
frames and bins at once. pyroomacoustics makes one map a call, so that it is called for every frame.
All on one thread, seldkit in float32.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from pyroomacoustics.doa.srp import SRP
from torch import Tensor

from benchmarks.measuring import arguments
from benchmarks.rows import Row, in_turn, tell
from references.plane_waves import array_recording
from seldkit.arrays import SPEED_OF_SOUND, ArrayGeometry
from seldkit.features import SRPPHAT, STFT
from seldkit.geometry import unit_vector
from seldkit.grids import DirectionGrid

RATE, N_FFT, HOP = 24000, 1024, 480
BINS = (43, 341)  # 1 to 8 kHz
ARRAY, GRID = ArrayGeometry.tetrahedron(), DirectionGrid.equiangular(18, 36)

Spectrum = NDArray[np.complex128]
Maps = NDArray[np.float64]


def by_loop(spectrum: Spectrum) -> Maps:
    """Return the map of each frame: a loop over pairs and directions.

    Args:
        spectrum: Of shape `(channel, time, freq)`.
    """
    bins = np.arange(*BINS)
    white = spectrum[..., bins] / np.abs(spectrum[..., bins])
    delays = ARRAY.delays(GRID.directions).numpy()
    maps = np.zeros((spectrum.shape[1], GRID.num_points))
    for m, n in ARRAY.pairs:
        cross = white[m] * white[n].conj()
        for point, delay in enumerate(delays[:, m] - delays[:, n]):
            turn = np.exp(2j * np.pi * bins * RATE / N_FFT * delay)
            maps[:, point] += (cross * turn).real.sum(axis=1)
    return maps / len(bins) / len(ARRAY.pairs)


def by_pyroomacoustics(spectrum: Spectrum) -> Maps:
    """Return the map of each frame, in the scale of the others."""
    assert GRID.shape is not None
    rows, columns = GRID.shape
    finder = SRP(
        ARRAY.positions.T.numpy(),
        RATE,
        N_FFT,
        c=SPEED_OF_SOUND,
        azimuth=np.linspace(-np.pi, np.pi, columns, endpoint=False),
        colatitude=np.linspace(0, np.pi, rows),
        dim=3,
    )
    maps = []
    for frame in spectrum.transpose(1, 0, 2):
        finder.locate_sources(frame[..., np.newaxis], freq_bins=np.arange(*BINS))
        maps.append(finder.grid.values / 2 - 1 / (ARRAY.num_channels - 1))
    return np.stack(maps)


def rows(quick: bool) -> Iterator[Row]:
    """Yield how fast maps are beside both others, and how far they lie apart."""
    duration_s, rounds = (0.1, 1) if quick else (1.0, 5)
    torch.set_num_threads(1)
    waveform = recording(duration_s)
    spectrum = STFT(n_fft=N_FFT, hop_length=HOP, sample_rate=RATE)(waveform)
    single, plain = spectrum.to(torch.complex64), spectrum[0].numpy()
    part = srp_phat(GRID).float()
    ways = {
        "NumPy loop": partial(by_loop, plain),
        "pyroomacoustics": partial(by_pyroomacoustics, plain),
    }
    with torch.inference_mode():
        ours = part(single)[0, 0].numpy()
        times = in_turn({**ways, "ours": partial(part, single)}, rounds)
    name = f"{len(ours)} maps of {GRID.num_points} directions by SRP-PHAT"
    for other, way in ways.items():
        apart = np.abs(ours - way()).max() / ours.max()
        note = f"maps within {apart:.0e} of their greatest value"
        yield Row.of(name, other, times[other], times["ours"], note)


def recording(duration_s: float) -> Tensor:
    """Return noise from one direction in the microphones, `(batch=1, channel, sample)`."""
    sound = torch.randn(round(duration_s * RATE), dtype=torch.float64)
    direction = unit_vector(torch.tensor(40.0, dtype=torch.float64), 20.0)
    waveform = array_recording(ARRAY, sound, direction, sample_rate=RATE).unsqueeze(0)
    return waveform + 0.1 * torch.randn_like(waveform)


def srp_phat(grid: DirectionGrid, array: ArrayGeometry = ARRAY) -> SRPPHAT:
    """Return what makes the maps."""
    fmin, fmax = BINS[0] * RATE / N_FFT, (BINS[1] - 1) * RATE / N_FFT
    return SRPPHAT(array, grid, fmin=fmin, fmax=fmax, n_fft=N_FFT, sample_rate=RATE)


if __name__ == "__main__":
    tell(rows(arguments().quick))
