"""How fast the features of EIN-SELD are beside the same features by librosa and numpy.

Run with `python benchmarks/features.py`: about ten seconds, needs librosa. It extracts the log-mel
spectrogram and intensity vectors of 60 s of FOA audio both ways on two threads, shows that they
agree, and prints the ratio of the times: that carries over between machines, seconds do not.
"""

from collections.abc import Callable
from time import perf_counter

import librosa
import numpy as np
import torch
from numpy.typing import NDArray

from seldkit.features import presets

SECONDS, SAMPLE_RATE, N_FFT, HOP, MELS = 60, 24000, 1024, 600, 256

Array = NDArray[np.float32]


def numpy_features(waveform: Array, mel: Array) -> Array:
    """Return the seven channels of EIN-SELD, `channel time freq`."""
    spectrum = librosa.stft(waveform, n_fft=N_FFT, hop_length=HOP, pad_mode="reflect")
    spectrum = spectrum.transpose(0, 2, 1)
    level = librosa.power_to_db(np.abs(spectrum) ** 2 @ mel, ref=1.0, amin=1e-10, top_db=None)
    intensity = np.real(np.conj(spectrum[:1]) * spectrum[1:])
    length = np.linalg.norm(intensity, axis=0, keepdims=True)
    intensity = intensity / (length + np.finfo(np.float32).eps)
    return np.concatenate([level, intensity @ mel])


def seconds(task: Callable[[], object]) -> float:
    """Return how long one call takes."""
    start = perf_counter()
    task()
    return perf_counter() - start


def main() -> None:
    """Print the largest differences, to show that both agree, and the ratio of one run."""
    torch.set_num_threads(2)
    generator = torch.Generator().manual_seed(0)
    waveform = 0.1 * torch.randn(1, 4, SECONDS * SAMPLE_RATE, generator=generator)
    plain = waveform[0].numpy()
    mel = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=MELS, fmin=20.0).T
    extractor = presets.ein_seld()
    # The short run loads and compiles what either library loads on first use.
    extractor(waveform[..., :SAMPLE_RATE])
    numpy_features(plain[:, :SAMPLE_RATE], mel)
    difference = np.abs(extractor(waveform)[0].numpy() - numpy_features(plain, mel))
    print(f"differ by {difference[:4].max():.1e} dB, intensity by {difference[4:].max():.1e}")
    slow = seconds(lambda: numpy_features(plain, mel))
    fast = seconds(lambda: extractor(waveform))
    print(f"librosa {slow:.2f} s, seldkit {fast:.2f} s: {slow / fast:.1f} times as fast")


if __name__ == "__main__":
    main()
