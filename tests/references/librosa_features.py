"""Features as most SELD scripts compute them, with librosa and NumPy, channel by channel.

Waveforms are `channel sample`, features `channel time freq`. The settings are those of the DCASE
2023 baseline and of the SALSA code at 24 kHz.
"""

from itertools import combinations

import librosa
import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.floating]
Spectrum = NDArray[np.complexfloating]

SPEED_OF_SOUND = 343.0


def log_mel_intensity(waveform: Array) -> Array:
    """Return four log-mel spectrograms and the intensity vector of FOA."""
    spectrum, mel = _dcase_spectrum(waveform), _mel_table()
    energy = 1e-8 + np.abs(spectrum[0]) ** 2 + (np.abs(spectrum[1:]) ** 2 / 3.0).sum(axis=0)
    intensity = np.real(np.conj(spectrum[:1]) * spectrum[1:]) / energy
    return np.concatenate([_log_mel(spectrum, mel), np.stack([np.dot(i, mel) for i in intensity])])


def log_mel_gcc(waveform: Array) -> Array:
    """Return four log-mel spectrograms and GCC-PHAT of six pairs at lags -32 to 31."""
    spectrum = _dcase_spectrum(waveform)
    lags = []
    for first, second in combinations(spectrum, 2):
        phase = np.exp(1j * np.angle(np.conj(first) * second))
        correlation = np.fft.irfft(phase)
        lags.append(np.concatenate([correlation[:, -32:], correlation[:, :32]], axis=-1))
    return np.concatenate([_log_mel(spectrum, _mel_table()), np.stack(lags)])


def log_mel_stereo(waveform: Array) -> Array:
    """Return the log-mel spectrograms of left and right, cut below the louder one."""
    spectrum = [librosa.stft(x, n_fft=1024, hop_length=480, win_length=960).T for x in waveform]
    bands = np.abs(np.stack(spectrum)) ** 2 @ _mel_table()
    level: Array = librosa.power_to_db(bands)
    return level


def salsa_lite(waveform: Array) -> Array:
    """Return four log-spectrograms and the path differences to the first microphone."""
    spectrum = _salsa_spectrum(waveform)
    bins = np.arange(1, 192)
    level = [librosa.power_to_db(np.abs(s[:, bins]) ** 2, top_db=None) for s in spectrum]
    phase = np.angle(spectrum[1:, :, bins] * np.conj(spectrum[:1, :, bins]))
    metres = SPEED_OF_SOUND * 512 / (2 * np.pi * 24000 * bins)
    path = phase * metres
    path[:, :, 42:] = 0
    return np.concatenate([np.stack(level), path])


def salsa_foa(waveform: Array) -> Array:
    """Return four log-spectrograms and the principal eigenvectors of the bins that have one."""
    spectrum = _salsa_spectrum(waveform)
    num_frames, band = spectrum.shape[1], range(1, 192)
    valid = _above_noise_floor(np.abs(spectrum[0, :, band]).T)
    wrapped = np.concatenate([spectrum[:, -3:], spectrum, spectrum[:, :3]], axis=1)
    vectors = np.zeros((3, num_frames, 200))
    for k in band:
        for t in np.flatnonzero(valid[:, k - 1]):
            frames = wrapped[:, t : t + 7, k]
            u, singular, _ = np.linalg.svd(np.dot(frames, frames.conj().T) / 7)
            if singular[0] > 5 * singular[1]:
                direction = np.real(u[1:, 0] / u[0, 0])
                vectors[:, t, k - 1] = direction / np.linalg.norm(direction)
    power = np.abs(spectrum[:, :, 1:]) ** 2
    power[:, :, -1] = 0  # the last group of eight has seven bins
    groups = power[:, :, 192:].reshape(len(power), num_frames, 8, 8).mean(axis=-1)
    power = np.concatenate([power[:, :, :192], groups], axis=-1)
    level = [librosa.power_to_db(p, top_db=None) for p in power]
    return np.concatenate([np.stack(level), vectors])


def _above_noise_floor(magnitude: Array) -> NDArray[np.bool_]:
    """Return which bins exceed 1.5 times the floor that follows them frame by frame."""
    past = (np.roll(magnitude, 1, axis=0), np.roll(magnitude, 2, axis=0))
    level = np.sqrt((magnitude**2 + past[0] ** 2 + past[1] ** 2) / 3)
    floor = 0.5 * level[:5].mean(axis=0)
    run = np.zeros(floor.shape, dtype=int)
    valid = np.zeros(level.shape, dtype=bool)
    for t, now in enumerate(level):
        run = np.where(now > floor, run + 1, 0)
        step = np.where(run == 0, 0.98, np.where(run <= 3, 1.02, 1.002))
        floor = np.maximum(floor * step, 1e-6)
        valid[t] = now > 1.5 * floor
    return valid


def _dcase_spectrum(waveform: Array) -> Spectrum:
    spectrum = [
        librosa.stft(x + 1e-8, n_fft=1024, hop_length=480, win_length=960).T for x in waveform
    ]
    return np.stack(spectrum)[:, : waveform.shape[1] // 480]


def _salsa_spectrum(waveform: Array) -> Spectrum:
    return np.stack(
        [librosa.stft(x, n_fft=512, hop_length=300, pad_mode="reflect").T for x in waveform]
    )


def _mel_table() -> Array:
    table: Array = librosa.filters.mel(sr=24000, n_fft=1024, n_mels=64).T
    return table


def _log_mel(spectrum: Spectrum, mel: Array) -> Array:
    power = [np.abs(s) ** 2 for s in spectrum]
    return np.stack([librosa.power_to_db(np.dot(p, mel)) for p in power])
