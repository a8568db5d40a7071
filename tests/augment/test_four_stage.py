"""The recipe is its stages one after the other, and the labels stay true to the sound."""

from collections import Counter

import pytest
import torch
from torch.nn import functional

from augment.estimates import foa_waves, sphere
from seldkit.arrays import ArrayGeometry
from seldkit.augment import four_stage, mix_clips, spec_augment, turn_clips
from seldkit.features import presets
from seldkit.geometry import angle_deg


def test_it_is_its_stages() -> None:
    waveform, target = torch.randn(4, 4, 9600), torch.zeros(4, 4, 5, 3)
    target[torch.arange(4), :, torch.arange(4)] = sphere(
        4, torch.Generator().manual_seed(0)
    ).float()[:, None]
    extractor = presets.dcase2023_foa()
    draw = [torch.Generator().manual_seed(1) for _ in range(2)]
    features, labels = four_stage(waveform, target, extractor=extractor, p=0.6, generator=draw[0])
    eight = torch.stack([swap.matrix for swap in ArrayGeometry.tetrahedron().swaps()])
    x, y = turn_clips(waveform, target, swaps=eight, p=0.6, generator=draw[1])
    x, y = mix_clips(x, y, p=0.6, generator=draw[1])
    x, y = spec_augment(extractor(x), y, extractor=extractor, p=0.6, generator=draw[1])
    assert torch.equal(features, x)
    assert torch.equal(labels, y)


@pytest.mark.parametrize("seed", range(3))
def test_intensity_of_what_is_left_points_where_the_labels_say(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    directions = sphere(6, generator)
    waveform = foa_waves(directions, 24000, generator)
    target = directions[:, None, None].expand(6, 10, 1, 3)  # one class: no room for a second
    counts: Counter[str] = Counter()
    extractor = presets.dcase2023_foa()
    features, labels = four_stage(
        waveform, target, extractor=extractor, counts=counts, generator=generator
    )
    assert counts["mixed"] == 0
    found = functional.normalize(features[:, 4:].mean(dim=(2, 3)), dim=-1)[:, [2, 0, 1]]
    assert angle_deg(found, labels[:, 0, 0]).max() < 1e-2


def test_an_array_turns_by_its_own_swaps() -> None:
    waveform, target = torch.randn(4, 4, 9600), torch.zeros(4, 4, 5, 3)
    features, _ = four_stage(
        waveform, target, extractor=presets.salsa_lite(), swaps=ArrayGeometry.tetrahedron()
    )
    assert features.shape[:2] == (4, 7)


def test_stereo_has_two_directions_and_vectors_in_a_plane() -> None:
    waveform, target = torch.randn(40, 2, 9600), torch.zeros(40, 4, 5, 2)
    target[:, :, 0] = torch.tensor([0.6, 0.8])
    features, turned = four_stage(
        waveform, target, extractor=presets.dcase2025_stereo(), swaps="stereo", planar=True
    )
    assert features.shape[:2] == (40, 2)
    found = turned[:, 0, 0].unique(dim=0)
    torch.testing.assert_close(found, torch.tensor([[0.6, -0.8], [0.6, 0.8]]))


@pytest.mark.messages
def test_microphones_are_not_taken_for_ambisonics() -> None:
    waveform, target = torch.randn(2, 4, 9600), torch.zeros(2, 4, 5, 3)
    with pytest.raises(ValueError, match="swaps must be the ArrayGeometry of the microphones or"):
        four_stage(waveform, target, extractor=presets.dcase2023_mic())
