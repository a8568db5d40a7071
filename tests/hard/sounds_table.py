"""Every extractor and its parts, every augmentation, and what else takes waveforms and maps."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from hard.blocks import TIME, Block, each
from seldkit import ambisonics, augment, features, localization, synth
from seldkit.arrays import ArrayGeometry
from seldkit.features import STFT, FeatureExtractor, presets
from seldkit.grids import AngularCells, DirectionGrid


def streamable(name: str) -> FeatureExtractor:
    """Return a preset that can be streamed."""
    settings: dict[str, Any] = {}
    if name in {"dcase2020_foa", "dcase2021_foa", "dcase2023_foa", "dcase2023_mic"}:
        settings = {"top_db": None}
    elif name == "dcase2025_stereo":
        settings = {"top_db": None}
    elif name in {"salsa_foa", "salsa_mic"}:
        settings = {"edges": "clip"}
    elif name == "yamnet":
        settings = {"whole_patches": False}
    extractor: FeatureExtractor = getattr(presets, name)(**settings)
    return extractor


def _part(build: Callable[[], Any], channels: int = 4) -> Block:
    """Return the block of one part behind a short transform."""
    stft = partial(STFT, n_fft=64, hop_length=32, sample_rate=16000)
    make = lambda: FeatureExtractor(stft(), [build()], in_channels=channels)  # noqa: E731
    return Block(make, ((channels, TIME),), 320)


def _preset(name: str) -> Block:
    extractor: FeatureExtractor = getattr(presets, name)()
    length, why = max(4800, 2 * extractor.stft.n_fft), ""
    if "salsa" in name:
        why = "above a frequency there are no directions"
    elif name == "yamnet":
        why = "silence is added until patches are whole"
    return Block(getattr(presets, name), ((extractor.in_channels, TIME),), length, partly=why)


_GRID = partial(DirectionGrid.fibonacci, 20)
_TETRAHEDRON = ArrayGeometry.tetrahedron()
_SPECTRUM = ((4, TIME, 33),)

FEATURES: dict[str, Block] = {
    **{f"presets.{name}": _preset(name) for name in presets.__all__},
    "Autocorrelation": _part(lambda: features.Autocorrelation(16, 4)),
    "BeamEnergy": _part(lambda: features.BeamEnergy(_GRID())),
    "DirectReverberant": _part(
        lambda: features.DirectReverberant(features.MelFilterBank(8), taps=2, delay=1, iterations=2)
    ),
    "LevelDifference": _part(lambda: features.LevelDifference()),
    "LogMagnitude": _part(lambda: features.LogMagnitude()),
    "MUSIC": _part(lambda: features.MUSIC(_TETRAHEDRON, _GRID())),
    "MidSideLevel": _part(lambda: features.MidSideLevel(), 2),
    "NormalizedSpectrum": _part(lambda: features.NormalizedSpectrum()),
    "SALSA": _part(lambda: features.SALSA("foa", fmin_doa=500.0, fmax_doa=4000.0))._replace(
        partly="above a frequency there are no directions"
    ),
    "SRPPHAT": _part(lambda: features.SRPPHAT(_TETRAHEDRON, _GRID())),
    "TDOA": _part(lambda: features.TDOA(4)),
    "GaborFilterbank": Block(
        lambda: features.GaborFilterbank(4, sample_rate=4000, kernel_size=15), ((1, 40),)
    ),
    "MaxCorrFilterbank": Block(
        lambda: features.MaxCorrFilterbank(4, 2, sample_rate=4000, kernel_size=31), ((2, 40),)
    ),
    "SincFilterbank": Block(
        lambda: features.SincFilterbank(4, sample_rate=4000, kernel_size=15), ((1, 40),)
    ),
    "MelFilterBank": Block(
        lambda: features.MelFilterBank(4, n_fft=64, sample_rate=16000), _SPECTRUM
    ),
    "Standardize": Block(
        lambda: features.Standardize(4, 33).fit([torch.randn(2, 4, 9, 33)]), _SPECTRUM
    ),
    "direct_sound": Block(
        lambda: partial(features.direct_sound, taps=2, delay=1), _SPECTRUM, kind=torch.complex64
    ),
    "intensity_vector": Block(lambda: features.intensity_vector, _SPECTRUM, kind=torch.complex64),
    "peak_place": Block(lambda: features.peak_place, ((TIME, 9),)),
    "peaked_map": Block(lambda: lambda x: features.peaked_map(x, (2, 4)), ((1, TIME, 8),)),
    "visibility": Block(
        lambda: partial(features.visibility, sample_rate=24000, num_bands=2), ((4, TIME),), 4800
    ),
}

_FRAMES = 8
_WAVES, _FOA = ((4, 30 * _FRAMES),), ((4, TIME),)
_PICTURES = ((7, 4 * _FRAMES, 32),)
_MIXED = "clips are mixed with others"


def _augmented(step: Callable[..., Any], **settings: Any) -> Callable[[], Callable[..., Any]]:
    """Return what builds an augmentation of any batch, with labels."""

    def run(x: Tensor) -> Any:
        target = torch.zeros(len(x), _FRAMES, 3, 3)
        target[:, 2:5, 0, 0] = 1
        return step(x, target, generator=torch.Generator().manual_seed(1), **settings)[0]

    return lambda: run


AUGMENT: dict[str, Block] = {
    "add_noise": Block(_augmented(augment.add_noise), _WAVES),
    "cutout": Block(_augmented(augment.cutout), _PICTURES, partly="holes"),
    "equalize": Block(_augmented(augment.equalize), _WAVES),
    "four_stage": Block(
        _augmented(
            augment.four_stage,
            extractor=presets.waveform_blocks(block_size=30),
            swaps=torch.eye(3).unsqueeze(0),
        ),
        _WAVES,
        together=_MIXED,
        partly="holes",
    ),
    "mix_clips": Block(_augmented(augment.mix_clips), _WAVES, together=_MIXED),
    "paste_events": Block(_augmented(augment.paste_events, ratio=30), _WAVES, together=_MIXED),
    "shift_frequency": Block(_augmented(augment.shift_frequency), _PICTURES, partly="new bins"),
    "shift_time": Block(_augmented(augment.shift_time, ratio=30), _WAVES),
    "spec_augment": Block(_augmented(augment.spec_augment), _PICTURES, partly="stripes"),
    "swap_channels": Block(
        lambda: lambda x: augment.swap_channels(x, torch.eye(3).expand(len(x), 3, 3)), _WAVES
    ),
    "swap_directions": Block(
        lambda: lambda x: augment.swap_directions(x, torch.eye(3).expand(len(x), 3, 3)),
        ((TIME, 2, 3),),
    ),
    "swap_microphones": Block(
        lambda: lambda x: augment.swap_microphones(x, torch.arange(4).expand(len(x), 4)), _WAVES
    ),
    "turn_clips": Block(_augmented(augment.turn_clips), _WAVES),
}

_FRONT = torch.tensor([1.0, 0.0, 0.0])

FIELDS: dict[str, Block] = {
    "ambisonics.beam": Block(lambda: partial(ambisonics.beam, direction=_FRONT), _FOA),
    "ambisonics.convert": Block(
        lambda: partial(ambisonics.convert, order="fuma", normalization="fuma"), _FOA
    ),
    "ambisonics.encode": Block(
        lambda: partial(ambisonics.encode, array=_TETRAHEDRON, sample_rate=24000), _FOA, 4000
    ),
    "ambisonics.check": Block(
        lambda: lambda x: torch.tensor([ambisonics.check(item, 24000).energy_ratio for item in x]),
        _FOA,
        24000,
        undefined="of silence there is no ratio",
    ),
    "ambisonics.plane_wave": Block(
        lambda: each(partial(ambisonics.plane_wave, direction=_FRONT)), ((TIME,),)
    ),
    "localization.localize": Block(
        lambda: (
            lambda x: [localization.localize(item, _TETRAHEDRON, 24000).direction for item in x]
        ),
        _FOA,
        4800,
        together="no batch",
    ),
    "localization.map_events": Block(
        lambda: lambda x: localization.map_events(x, _GRID()).direction,
        ((20,),),
        together="no batch",
    ),
    "synth.array_plane_wave": Block(
        lambda: each(
            partial(synth.array_plane_wave, direction=_FRONT, array=_TETRAHEDRON, sample_rate=24000)
        ),
        ((TIME,),),
        240,
    ),
    "grids.DirectionGrid.soft_argmax": Block(lambda: _GRID().soft_argmax, ((20,),)),
    "grids.AngularCells.directions": Block(lambda: AngularCells(45.0).directions, ((8, 4, 2, 2),)),
}
