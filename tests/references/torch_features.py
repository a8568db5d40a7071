"""The front-ends of EIN-SELD and PSELDNets as they are published: PyTorch, whole clips at a time.

Waveforms are `batch channel sample` in float32, features `batch channel time freq`: levels of W, Y,
Z, X, then the mel bands of unit intensity vectors y, z, x.
"""

import math

import librosa
import torch
from torch import Tensor
from torch.nn import functional

N_FFT = 1024
SAMPLE_RATE = 24000


class EINSELDFrontEnd:
    """Both parts of the spectrum by convolution with windowed cosines and sines."""

    def __init__(self) -> None:
        turns = torch.outer(torch.arange(N_FFT // 2 + 1), torch.arange(N_FFT)) % N_FFT / N_FFT
        window = torch.hann_window(N_FFT)
        self.cosines = ((2 * math.pi * turns).cos() * window).unsqueeze(1)
        self.sines = (-(2 * math.pi * turns).sin() * window).unsqueeze(1)
        self.mel = mel_table(256, htk=False)

    def __call__(self, waveform: Tensor) -> Tensor:
        """Return 7 channels of 256 bands, a frame each 600 samples."""
        signals = waveform.flatten(0, 1).unsqueeze(1)
        padded = functional.pad(signals, (N_FFT // 2, N_FFT // 2), mode="reflect")
        real, imag = (
            functional.conv1d(padded, basis, stride=600).mT.unflatten(0, waveform.shape[:2])
            for basis in (self.cosines, self.sines)
        )
        return features_of(real, imag, self.mel)


class PSELDNetsFrontEnd:
    """The spectrum by `torch.stft`."""

    def __init__(self) -> None:
        self.window = torch.hann_window(N_FFT)
        self.mel = mel_table(64, htk=True)

    def __call__(self, waveform: Tensor) -> Tensor:
        """Return 7 channels of 64 bands, a frame each 240 samples."""
        signals = waveform.flatten(0, 1)
        spectrum = torch.stft(signals, N_FFT, 240, window=self.window, return_complex=True)
        spectrum = spectrum.mT.unflatten(0, waveform.shape[:2])
        return features_of(spectrum.real, spectrum.imag, self.mel)


def mel_table(num_mels: int, *, htk: bool) -> Tensor:
    """Return the weights of mel bands from 20 Hz on, `bin band`."""
    table = librosa.filters.mel(sr=SAMPLE_RATE, n_fft=N_FFT, n_mels=num_mels, fmin=20, htk=htk)
    return torch.from_numpy(table.T.copy())


def features_of(real: Tensor, imag: Tensor, mel: Tensor) -> Tensor:
    """Return levels and unit intensity vectors of both parts of a spectrum."""
    bands = (real**2 + imag**2) @ mel
    level = 10 * bands.clamp(min=1e-10).log10()
    y, z, x = (real[:, 0] * real[:, c] + imag[:, 0] * imag[:, c] for c in (1, 2, 3))
    length = torch.sqrt(y**2 + z**2 + x**2) + 2.0**-23
    intensity = torch.stack([axis / length @ mel for axis in (y, z, x)], dim=1)
    return torch.cat((level, intensity), dim=1)
