"""A turned clip sounds from where its turned labels say, by estimates that know nothing of it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from augment.estimates import (
    ARRAY,
    RATE,
    array_waves,
    by_intensity,
    foa_waves,
    lags_by_gcc,
    lags_of,
    sphere,
)
from seldkit.augment import channel_swaps, turn_clips
from seldkit.events import Events
from seldkit.features import STFT, FeatureExtractor, LogMel, MelFilterBank, presets
from seldkit.geometry import angle_deg, unit_vector
from seldkit.outputs import SELDOutput

quick = settings(max_examples=20)


@quick
@given(st.integers(0, 2**16), st.sampled_from([4, 8, 16, 48]))
def test_the_intensity_of_a_turned_wave_points_where_the_label_says(seed: int, count: Any) -> None:
    generator = torch.Generator().manual_seed(seed)
    labels = sphere(5, generator)
    waveform = foa_waves(labels, 200, generator)
    turned, target = turn_clips(
        waveform, labels, swaps=channel_swaps(count), p=0.8, generator=generator
    )
    assert angle_deg(by_intensity(turned), target).max() < 1e-5
    torch.testing.assert_close(turned.square().sum(), waveform.square().sum())


@quick
@given(st.integers(0, 2**16))
def test_microphones_hear_a_turned_wave_as_late_as_its_label_says(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    labels = sphere(4, generator)
    turned, target = turn_clips(
        array_waves(labels, 480, generator), labels, swaps=ARRAY, p=0.9, generator=generator
    )
    assert (lags_by_gcc(turned) - lags_of(target)).abs().max() <= 1 / 16


def test_features_are_those_of_the_turned_sound() -> None:
    labels = sphere(6, torch.Generator().manual_seed(0))
    waveform = foa_waves(labels, 4800, torch.Generator().manual_seed(1)).float()
    extractor = presets.dcase2023_foa()
    draw = [torch.Generator().manual_seed(3) for _ in range(2)]
    features, target = turn_clips(
        extractor(waveform), labels, extractor=extractor, generator=draw[0]
    )
    turned, same = turn_clips(waveform, labels, generator=draw[1])
    assert torch.equal(target, same)
    torch.testing.assert_close(features, extractor(turned), atol=1e-4, rtol=0)


def test_features_of_an_array_are_those_of_the_turned_sound() -> None:
    labels = sphere(6, torch.Generator().manual_seed(0))
    waveform = array_waves(labels, 4800, torch.Generator().manual_seed(1)).float()
    extractor = presets.salsa_lite()
    draw = [torch.Generator().manual_seed(3) for _ in range(2)]
    features, _ = turn_clips(
        extractor(waveform), labels, swaps=ARRAY, extractor=extractor, generator=draw[0]
    )
    turned, _ = turn_clips(waveform, labels, swaps=ARRAY, generator=draw[1])
    differ = (features - extractor(turned)).abs() > 1e-3
    assert differ.float().mean() < 1e-3, "but for phases that wrap around"


def stereo_waves(directions: torch.Tensor, samples: int, generator: torch.Generator) -> Any:
    """Return left and right as those of DCASE 2025 were made of FOA: W + Y and W - Y."""
    omni, side = foa_waves(directions, samples, generator)[:, :2].unbind(dim=1)
    return torch.stack((omni + side, omni - side), dim=1)


@quick
@given(st.integers(0, 2**16), st.booleans())
def test_stereo_is_mirrored_or_not(seed: int, planar: bool) -> None:
    generator = torch.Generator().manual_seed(seed)
    labels = sphere(6, generator)
    waveform = stereo_waves(labels, 200, generator)
    axes = labels[:, :2] if planar else labels
    turned, target = turn_clips(
        waveform, axes, swaps="stereo", planar=planar, p=0.8, generator=generator
    )
    left, right = turned.unbind(dim=1)
    heard = ((left - right) * (left + right)).sum(dim=1) / (left + right).square().sum(dim=1)
    torch.testing.assert_close(heard, target[:, 1])
    assert torch.equal(target[:, 0], labels[:, 0]), "what is in front stays in front"
    assert torch.equal(target[:, 2:], axes[:, 2:])


@pytest.mark.parametrize("top_db", [80.0, None])
def test_features_of_stereo_are_those_of_the_turned_sound(top_db: float | None) -> None:
    waveform = stereo_waves(sphere(6, torch.Generator()), 4800, torch.Generator()).float()
    target, extractor = torch.randn(6, 10, 13, 2), presets.dcase2025_stereo(top_db=top_db)
    draw = [torch.Generator().manual_seed(3) for _ in range(2)]
    settings: dict[str, Any] = {"swaps": "stereo", "planar": True}
    features, mirrored = turn_clips(
        extractor(waveform), target, extractor=extractor, generator=draw[0], **settings
    )
    turned, same = turn_clips(waveform, target, generator=draw[1], **settings)
    assert torch.equal(mirrored, same)
    assert not torch.equal(turned, waveform)
    torch.testing.assert_close(features, extractor(turned))


def test_labels_of_any_kind_turn_alike() -> None:
    directions = sphere(8, torch.Generator().manual_seed(0))
    waveform = foa_waves(directions, 10, torch.Generator().manual_seed(1))
    events = [Events([2], [1], d[None], distance=[2.0], num_frames=5) for d in directions]
    output = SELDOutput(torch.ones(8, 1, 1), directions[:, None, None], torch.ones(8, 1, 1))

    def turn(labels: Any) -> Any:
        return turn_clips(waveform, labels, generator=torch.Generator().manual_seed(5))[1]

    plain, listed, given = turn(directions), turn(events), turn(output)
    assert torch.equal(given.direction[:, 0, 0], plain)
    assert torch.equal(torch.cat([one.direction for one in listed]), plain)
    assert [one.num_frames for one in listed] == [5] * 8
    assert not torch.equal(plain, directions)


def test_the_only_clip_may_have_its_events_alone() -> None:
    events = Events.from_degrees([0, 3], [1, 0], [90.0, 10.0], [0.0, 20.0])
    mirror = channel_swaps(16)[2:3]
    _, turned = turn_clips(torch.randn(1, 4, 5), events, swaps=mirror)
    assert isinstance(turned, Events)
    torch.testing.assert_close(turned.azimuth_deg, torch.tensor([-90.0, -10.0]).double())
    torch.testing.assert_close(turned.elevation_deg, events.elevation_deg)


def test_the_eight_of_the_tetrahedron_are_the_published_ones_for_foa_too(
    golden: Callable[[str], Path],
) -> None:
    table = np.load(golden("others/acs_table.npz"))
    given = unit_vector(torch.tensor(25.0, dtype=torch.float64), torch.tensor(10.0))
    wanted = {
        tuple(
            unit_vector(torch.tensor(25.0 * a + o, dtype=torch.float64), torch.tensor(10.0 * e))
            .numpy()
            .round(6)
        )
        for a, o, e in zip(
            *(table[k] for k in ("az_sign", "az_offset_deg", "el_sign")), strict=True
        )
    }
    matrices = torch.stack([swap.matrix for swap in ARRAY.swaps()])
    _, target = turn_clips(torch.randn(300, 4, 2), given.expand(300, 3), swaps=matrices)
    assert {tuple(row.numpy().round(6) + 0.0) for row in target} == {
        tuple(np.array(row) + 0.0) for row in wanted
    }


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    x, labels = torch.zeros(2, 7, 5, 64), torch.zeros(2, 5, 3)
    with pytest.raises(ValueError, match="extractor must be given to turn features, got None"):
        turn_clips(x, labels)
    with pytest.raises(ValueError, match=r"swaps must be \(swap, axis=3, axis=3\), got shape"):
        turn_clips(torch.zeros(2, 4, 5), labels, swaps=torch.eye(3))
    with pytest.raises(ValueError, match="swaps must hold at least one, got none"):
        turn_clips(torch.zeros(2, 4, 5), labels, swaps=torch.zeros(0, 3, 3))
    with pytest.raises(ValueError, match="swaps must be one of 'stereo', got 'foa'"):
        turn_clips(torch.zeros(2, 4, 5), labels, swaps="foa")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="labels must be of 2 clips, as what is augmented, got 3"):
        turn_clips(torch.zeros(2, 4, 5), torch.zeros(3, 5, 3))
    with pytest.raises(TypeError, match="labels must be a tensor, a SELDOutput or a list of Even"):
        turn_clips(torch.zeros(2, 4, 5), "labels")  # type: ignore[type-var]
    stft = STFT(n_fft=64, hop_length=32, sample_rate=RATE)
    with pytest.raises(ValueError, match=r"features must be \(batch, channel=4, time, freq=8\)"):
        turn_clips(x, labels, extractor=FeatureExtractor(stft, [LogMel(MelFilterBank(8))]))
