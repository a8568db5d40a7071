"""Extractors of the DCASE baselines, for FOA, microphones and stereo.

Those of FOA share the transform, the mel bands and the levels, and differ in the intensity vector.
The published code leaves what lies beyond the ends of a clip to librosa: here it is silence, as
since librosa 0.10; older versions mirrored the signal, which changes the first and last frames.
"""

from seldkit._builders import builder
from seldkit.features.cross_correlation import GCCPHAT
from seldkit.features.extractor import FeatureExtractor
from seldkit.features.intensity import IntensityAxes, IntensityNorm, IntensityVector
from seldkit.features.log_mel import LogMel
from seldkit.features.mel import MelFilterBank
from seldkit.features.stft import STFT


@builder
def dcase2020_foa(*, top_db: float | None = 80.0) -> FeatureExtractor:
    """Log-mel and intensity vectors of the DCASE 2020 baseline: 7 channels, 64 bands.

    As [`dcase2023_foa`][seldkit.features.presets.dcase2023_foa], but the intensity is of unit
    length in each bin, in the order x, y, z. The published files hold the same numbers mel-major.

    Args:
        top_db: Levels are raised to at most this many decibels below the loudest of the clip and
            channel; None leaves them, so that the features can be streamed.

    Source: Politis et al., "A dataset of reverberant spatial sound scenes with moving sources for
    sound event localization and detection", DCASE 2020; settings of the published baseline.
    """
    return _foa("unit", "xyz", top_db)


@builder
def dcase2021_foa(*, top_db: float | None = 80.0) -> FeatureExtractor:
    """Log-mel and intensity vectors of the DCASE 2021 baseline: 7 channels, 64 bands.

    As [`dcase2023_foa`][seldkit.features.presets.dcase2023_foa], but the intensity is divided by
    half the sum of the energies of the four channels, in the order x, y, z.

    Args:
        top_db: Levels are raised to at most this many decibels below the loudest of the clip and
            channel; None leaves them, so that the features can be streamed.

    Source: Politis et al., "A dataset of dynamic reverberant sound scenes with directional
    interferers for sound event localization and detection", DCASE 2021; settings of the published
    baseline.
    """
    return _foa("mean_energy", "xyz", top_db)


@builder
def dcase2023_foa(*, top_db: float | None = 80.0) -> FeatureExtractor:
    """Log-mel and intensity vectors of the DCASE 2022 to 2024 baselines: 7 channels, 64 bands.

    FOA at 24 kHz, FFT 1024, window 960, hop 480 (20 ms), silence beyond the ends, 1e-8 added to the
    waveform, the last frame cut, Slaney mel bands from 0 to 12 kHz, levels raised to 80 dB below
    the loudest of the clip and channel; the intensity is divided by the energy, in the order
    y, z, x. Because of `top_db` a clip's features depend on the whole clip.

    Args:
        top_db: Levels are raised to at most this many decibels below the loudest of the clip and
            channel; None leaves them, so that the features can be streamed.

    Source: Politis et al., "STARSS22: A dataset of spatial recordings of real scenes with
    spatiotemporal annotations of sound events", DCASE 2022; settings of the published baselines.
    """
    return _foa("energy", "yzx", top_db)


@builder
def dcase2023_mic(*, top_db: float | None = 80.0) -> FeatureExtractor:
    """Log-mel and GCC-PHAT of the DCASE 2022 to 2024 baselines: 10 channels, 64 bands or lags.

    Four microphones at 24 kHz, FFT 1024, window 960, hop 480 (20 ms), silence beyond the ends, 1e-8
    added to the waveform, the last frame cut, Slaney mel bands from 0 to 12 kHz, levels raised to
    80 dB below the loudest of the clip and channel; then the six pairs of microphones (0, 1),
    (0, 2), (0, 3), (1, 2), (1, 3), (2, 3) at lags of -32 to 31 samples, positive where the second
    hears a sound after the first. Because of `top_db` a clip's features depend on the whole clip.

    In digital silence the published correlations are those of rounding noise; here they are those
    of the constant 1e-8 alone.

    Args:
        top_db: Levels are raised to at most this many decibels below the loudest of the clip and
            channel; None leaves them, so that the features can be streamed.

    Source: Politis et al., "STARSS22: A dataset of spatial recordings of real scenes with
    spatiotemporal annotations of sound events", DCASE 2022; settings of the published baselines.
    """
    level = LogMel(MelFilterBank(64), top_db=top_db)
    return FeatureExtractor(baseline_stft(), [level, GCCPHAT(64)])


@builder
def dcase2025_stereo(*, top_db: float | None = 80.0) -> FeatureExtractor:
    """Log-mel of the DCASE 2025 baseline: 2 channels, left and right, 64 bands.

    Stereo at 24 kHz, FFT 1024, window 960, hop 480 (20 ms), silence beyond the ends, Slaney mel
    bands from 0 to 12 kHz, levels raised to 80 dB below the loudest of the clip, left or right. A
    clip of 5 s has 251 frames. Because of `top_db` a clip's features depend on the whole clip.

    Args:
        top_db: Levels are raised to at most this many decibels below the loudest of the clip; None
            leaves them, so that the features can be streamed.

    Source: Shimada et al., "Stereo sound event localization and detection with onscreen/offscreen
    classification", DCASE 2025; settings of the published baseline.
    """
    stft = STFT(n_fft=1024, hop_length=480, win_length=960, sample_rate=24000, pad_mode="constant")
    level = LogMel(MelFilterBank(64), top_db=top_db, top_db_per="clip")
    return FeatureExtractor(stft, [level], in_channels=2)


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


def _foa(norm: IntensityNorm, axes: IntensityAxes, top_db: float | None) -> FeatureExtractor:
    mel = MelFilterBank(64)
    intensity = IntensityVector(mel, norm=norm, axes=axes, eps=1e-8)
    return FeatureExtractor(baseline_stft(), [LogMel(mel, top_db=top_db), intensity])
