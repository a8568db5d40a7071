"""Extractors of the SALSA family."""

from seldkit._builders import builder
from seldkit.features.extractor import FeatureExtractor
from seldkit.features.presets.dcase import baseline_stft
from seldkit.features.salsa import SALSA, SALSAEdges, SALSAFormat
from seldkit.features.salsa_lite import SALSALite, SALSALiteEncoding
from seldkit.features.stft import STFT


@builder
def salsa_foa(
    *,
    tracking: bool = True,
    n_fft: int = 512,
    hop_length: int = 300,
    fmax_doa: float = 9000.0,
    edges: SALSAEdges = "wrap",
) -> FeatureExtractor:
    """SALSA of first-order ambisonics: 7 channels, 200 bins.

    FOA at 24 kHz, FFT and window of 512, hop 300 (12.5 ms): four log-spectrograms of bins 1 to 192
    and 8 groups of eight bins, then the principal eigenvectors of bins 1 to 191 as directions
    y, z, x. A clip of 60 s has 4801 frames.

    Args:
        tracking: Whether vectors are left out in bins that do not stand out of the background noise
            or fail the coherence test; False gives vectors to all bins, as published.
        n_fft: Length of FFT and window, in samples; the published code has 512 and 256.
        hop_length: Distance between frames, in samples.
        fmax_doa: Vectors end before the bin that holds this frequency, in hertz.
        edges: What is beyond the ends of the clip: `"wrap"`, its other end, as published, or
            `"clip"`, nothing, so that the features can be streamed.

    Source: Nguyen et al., "SALSA: Spatial cue-augmented log-spectrogram features for polyphonic
    sound event localization and detection", IEEE/ACM TASLP 2022; settings of the published code.
    """
    return _salsa("foa", tracking, n_fft, hop_length, fmax_doa, edges)


@builder
def salsa_mic(
    *,
    tracking: bool = True,
    n_fft: int = 512,
    hop_length: int = 300,
    fmax_doa: float = 4000.0,
    edges: SALSAEdges = "wrap",
) -> FeatureExtractor:
    """SALSA of four microphones: 7 channels, 200 bins.

    As [`salsa_foa`][seldkit.features.presets.salsa_foa], but the vectors of bins 1 to 84 are given
    as path differences to the first microphone, in metres. The published limit of 4 kHz is twice
    the frequency up to which the phases of the DCASE tetrahedron are unambiguous.

    Args:
        tracking: Whether vectors are left out in bins that do not stand out of the background noise
            or fail the coherence test; False gives vectors to all bins, as published.
        n_fft: Length of FFT and window, in samples; the published code has 512 and 256.
        hop_length: Distance between frames, in samples.
        fmax_doa: Vectors end before the bin that holds this frequency, in hertz.
        edges: What is beyond the ends of the clip: `"wrap"`, its other end, as published, or
            `"clip"`, nothing, so that the features can be streamed.

    Source: Nguyen et al., "SALSA: Spatial cue-augmented log-spectrogram features for polyphonic
    sound event localization and detection", IEEE/ACM TASLP 2022; settings of the published code.
    """
    return _salsa("mic", tracking, n_fft, hop_length, fmax_doa, edges)


@builder
def salsa_lite() -> FeatureExtractor:
    """SALSA-Lite of four microphones: 7 channels, 191 bins.

    24 kHz, FFT and window of 512, hop 300 (12.5 ms): four log-spectrograms of bins 1 to 191 (below
    9 kHz), then the path differences to the first microphone in metres, of bins 1 to 42 (2 kHz).

    Source: Nguyen et al., "SALSA-Lite: A fast and effective feature for polyphonic sound event
    localization and detection with microphone arrays", ICASSP 2022; settings of the published code.
    """
    return _salsa_lite("path")


@builder
def salsa_ipd() -> FeatureExtractor:
    """SALSA-IPD of four microphones: 7 channels, 191 bins.

    As [`salsa_lite`][seldkit.features.presets.salsa_lite], but with phase differences divided by π.

    Source: Nguyen et al., "SALSA-Lite: A fast and effective feature for polyphonic sound event
    localization and detection with microphone arrays", ICASSP 2022; settings of the published code.
    """
    return _salsa_lite("ipd")


@builder
def dcase2023_salsa_lite() -> FeatureExtractor:
    """SALSA-Lite of the DCASE 2022 to 2024 baselines: 7 channels, 382 bins.

    MIC at 24 kHz, FFT 1024, window 960, hop 480 (20 ms), silence beyond the ends, 1e-8 added to the
    waveform, the last frame cut: four log-spectrograms of bins 2 to 383 (below 9 kHz), then the
    path differences to the first microphone in metres, of bins 2 to 86 (one more than 2 kHz holds,
    as published).

    Source: Politis et al., "STARSS22: A dataset of spatial recordings of real scenes with
    spatiotemporal annotations of sound events", DCASE 2022; settings of the published baselines.
    """
    return FeatureExtractor(baseline_stft(), [SALSALite(fmax_doa=2020.0)])


def _salsa(
    format: SALSAFormat,
    tracking: bool,
    n_fft: int,
    hop_length: int,
    fmax_doa: float,
    edges: SALSAEdges,
) -> FeatureExtractor:
    salsa = SALSA(
        format,
        fmax_doa=fmax_doa,
        noise_ratio=1.5 if tracking else None,
        condition=5.0 if tracking else None,
        edges=edges,
    )
    stft = STFT(n_fft=n_fft, hop_length=hop_length, sample_rate=24000)
    return FeatureExtractor(stft, [salsa])


def _salsa_lite(encoding: SALSALiteEncoding) -> FeatureExtractor:
    stft = STFT(n_fft=512, hop_length=300, sample_rate=24000)
    return FeatureExtractor(stft, [SALSALite(encoding)])
