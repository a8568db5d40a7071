"""Extractor of AT2SELD: spectra of first-order ambisonics, at the rate of audio taggers."""

from typing import Literal, cast

from seldkit._builders import builder
from seldkit._checks import check_literal
from seldkit.features.extractor import FeatureExtractor
from seldkit.features.intensity import IntensityNorm, IntensityVector
from seldkit.features.log_mel import LogMel
from seldkit.features.magnitude import LogMagnitude
from seldkit.features.part import Part
from seldkit.features.phase import PhaseDifference
from seldkit.features.presets.tagging import panns, yamnet_bands
from seldkit.features.stft import STFT

TransferBins = Literal["linear", "mel"]
Tagger = Literal["panns", "yamnet"]
TransferPhase = Literal["angle", "cosine_sine"]


@builder
def at2seld(
    *,
    bins: TransferBins = "linear",
    tagger: Tagger = "panns",
    phase: TransferPhase | None = "angle",
    norm: IntensityNorm | None = "mean_energy",
) -> FeatureExtractor:
    """Levels, phase differences and intensity vectors of AT2SELD: 10 channels, 513 bins.

    FOA at 32 kHz, FFT and window of 1024, hop 320 (10 ms): the levels of W, Y, Z and X in decibels,
    not below -100; the phase differences of Y, Z and X to W; the intensity vector in the order y,
    z, x. The frames are those of [`panns`][seldkit.features.presets.panns], so an audio tagger can
    read the level of W; leave it in decibels, and let the network standardise the rest. A clip of
    5 s has 501 frames.

    The report states magnitude, phase and intensity of spectra; what exactly they are is a
    reconstruction.

    Args:
        bins: `"linear"`, or `"mel"` for 64 mel bands. Angles have no sum over a band, their cosines
            and sines do.
        tagger: Whose mel bands they are. Of `"panns"` the first channel is what PANNs read; of
            `"yamnet"`, which sums magnitudes between 125 and 7500 Hz, the levels are decibels too.
            Linear bins suit both.
        phase: `"angle"`, in radians, three channels; `"cosine_sine"`, six; or None for none.
        norm: What the intensity is divided by, see
            [`intensity_vector`][seldkit.features.intensity_vector]. By `"mean_energy"` it lies
            within 1 and is the direction where there is one plane wave; `"unit"` always has the
            length 1.

    Raises:
        ValueError: If a choice is unknown, or angles are asked for in mel bands.

    Examples:
        >>> extractor = at2seld()
        >>> extractor.num_channels, extractor.num_bins
        (10, 513)
        >>> at2seld(bins="mel", phase="cosine_sine").num_channels
        13
    """
    check_literal("bins", bins, TransferBins)
    check_literal("tagger", tagger, Tagger)
    check_literal("phase", phase, TransferPhase | None)
    if bins == "mel" and phase == "angle":
        raise ValueError("phase must be 'cosine_sine' or None for bins='mel', got 'angle'")
    level = _mel_level(tagger) if bins == "mel" else LogMagnitude()
    mel = level.mel if isinstance(level, LogMel) else None
    parts: list[Part] = [level]
    if phase is not None:
        parts.append(PhaseDifference(phase, mel=mel))
    parts.append(IntensityVector(mel, norm=norm))
    return FeatureExtractor(STFT(n_fft=1024, hop_length=320, sample_rate=32000), parts)


def _mel_level(tagger: Tagger) -> LogMel:
    if tagger == "panns":
        return cast(LogMel, panns().parts[0])
    return LogMel(yamnet_bands(), exponent=1, floor=1e-5)
