"""The transform that the DCASE baselines of 2020 to 2024 share."""

from seldkit.features.stft import STFT


def baseline_stft() -> STFT:
    """Return the transform: 24 kHz, FFT 1024, window 960, hop 480, the last frame cut.

    Beyond the ends is silence, and 1e-8 is added to the waveform.
    """
    return STFT(
        n_fft=1024,
        hop_length=480,
        win_length=960,
        sample_rate=24000,
        pad_mode="constant",
        offset=1e-8,
        last_frame=False,
    )
