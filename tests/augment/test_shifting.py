"""Sound and labels move together, whole frames at a time, and nothing is lost."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from augment.estimates import by_intensity, foa_waves, sphere
from seldkit.augment import shift_frequency, shift_time
from seldkit.events import Events
from seldkit.features import presets
from seldkit.geometry import angle_deg, unit_vector
from seldkit.outputs import SELDOutput

quick = settings(max_examples=30)


def clips(batch: int, frames: int, ratio: int) -> tuple[Tensor, Tensor]:
    """Return features in which every value is the number of its label frame, and the numbers."""
    numbers = torch.arange(float(frames)).expand(batch, frames)
    features = numbers.repeat_interleave(ratio, dim=1)[:, None, :, None].expand(-1, 2, -1, 3)
    return features, numbers


@given(st.integers(1, 4), st.integers(1, 9), st.integers(1, 5), st.booleans())
def test_a_frame_keeps_its_sound(batch: int, frames: int, ratio: int, waveform: bool) -> None:
    features, numbers = clips(batch, frames, ratio)
    x = features[..., 0] if waveform else features
    target = SELDOutput(numbers[:, :, None, None], numbers[:, :, None], numbers)
    moved, labels = shift_time(x, target, ratio=ratio)
    assert moved.shape == x.shape
    assert labels.distance is not None
    assert torch.equal(labels.activity.flatten(1), labels.distance)
    assert torch.equal(labels.direction.flatten(1), labels.distance)
    first = moved[:, 1] if waveform else moved[:, 1, :, 2]
    assert torch.equal(first, labels.distance.repeat_interleave(ratio, dim=1))
    assert torch.equal(labels.distance.sort(dim=1).values, numbers)
    steps = labels.distance.diff(dim=1, prepend=labels.distance[:, -1:]) % frames
    assert (steps == 1 % frames).all()


def test_each_clip_has_a_shift_of_its_own_and_all_occur() -> None:
    x, numbers = clips(400, 5, 2)
    _, moved = shift_time(x, numbers, ratio=2)
    assert isinstance(moved, Tensor)
    assert (moved[:, 0].long().bincount(minlength=5) > 50).all()


def test_targets_without_distance_and_of_any_format() -> None:
    x, numbers = clips(3, 6, 1)
    _, target = shift_time(x, SELDOutput(numbers[..., None], numbers[..., None]), ratio=1)
    assert target.distance is None
    _, vectors = shift_time(x, torch.zeros(3, 6, 2, 5, 3), ratio=1)
    assert vectors.shape == (3, 6, 2, 5, 3)


def test_some_clips_stay_as_they_are() -> None:
    x, numbers = clips(400, 50, 1)
    moved, labels = shift_time(x, numbers, ratio=1, p=0.25)
    stays = (labels == numbers).all(dim=1)
    assert torch.equal((moved == x).flatten(1).all(dim=1), stays)
    assert 0.68 < stays.float().mean() < 0.84


@quick
@given(st.integers(0, 2**16))
def test_events_move_with_their_sound(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    frame = torch.randint(12, (20,), generator=generator)
    events = [Events(frame, frame, unit_vector(10.0 * frame, 0.0)), Events([], [], [])]
    x, _ = clips(2, 12, 3)
    moved, labels = shift_time(x, events, ratio=3, generator=generator)
    first = moved[0, 0, ::3, 0]
    assert torch.equal(first[labels[0].frame], labels[0].label.float())
    assert sorted(labels[0].label.tolist()) == sorted(frame.tolist())
    assert labels[0].frame.tolist() == sorted(labels[0].frame.tolist())
    assert [len(labels[1]), labels[1].num_frames] == [0, 12]


def test_a_moving_wave_is_heard_where_its_shifted_label_says() -> None:
    generator = torch.Generator().manual_seed(0)
    directions = sphere(8, generator)
    wave = foa_waves(directions, 100, generator).transpose(0, 1).reshape(1, 4, 800)
    moved, labels = shift_time(wave, directions[None], ratio=100, generator=generator)
    assert not torch.equal(labels[0], directions)
    found = by_intensity(moved[0].unflatten(1, (8, 100)).transpose(0, 1))
    assert angle_deg(found, labels[0]).max() < 1e-5


@quick
@given(st.integers(1, 15), st.integers(0, 2**16))
def test_all_channels_move_as_far_in_frequency_and_mirror_at_the_edge(
    max_bins: int, seed: int
) -> None:
    features = torch.arange(16.0).expand(6, 3, 4, 16)
    found, labels = shift_frequency(
        features, features, max_bins=max_bins, generator=torch.Generator().manual_seed(seed)
    )
    assert labels is features
    assert torch.equal(found, found[:, :1, :1].expand_as(found))
    for row in found[:, 0, 0]:
        ways = range(-max_bins, max_bins + 1)
        wanted = [
            functional.pad(torch.arange(16.0)[None], (n, 0), "reflect")[0, :16]
            if n >= 0
            else functional.pad(torch.arange(16.0)[None], (0, -n), "reflect")[0, -n:]
            for n in ways
        ]
        assert any(torch.equal(row, way) for way in wanted)


def test_shifts_up_and_down_are_equally_likely() -> None:
    features = torch.arange(16.0).expand(3000, 1, 1, 16)
    found, _ = shift_frequency(features, features, max_bins=2)
    middle = (8 - found[:, 0, 0, 8]).long() + 2
    assert (middle.bincount(minlength=5) / 3000 - 0.2).abs().max() < 0.04


def test_intensity_points_the_same_way_after_a_shift_in_frequency() -> None:
    generator = torch.Generator().manual_seed(1)
    directions = sphere(4, generator)
    extractor = presets.dcase2023_foa()
    features = extractor(foa_waves(directions, 4800, generator))
    found, _ = shift_frequency(features, directions, extractor=extractor, generator=generator)
    assert not torch.equal(found, features)
    flow = functional.normalize(found[:, 4:].mean(dim=(2, 3)), dim=-1)[:, [2, 0, 1]]
    assert angle_deg(flow, directions).max() < 1e-2


def test_lags_stay_and_phases_are_refused() -> None:
    features = torch.randn(4, 10, 5, 64)
    found, _ = shift_frequency(features, features, extractor=presets.dcase2023_mic())
    assert torch.equal(found[:, 4:], features[:, 4:])
    assert not torch.equal(found[:, :4], features[:, :4])
    with pytest.raises(ValueError, match="features must mean the same in every bin to be shifted"):
        shift_frequency(torch.randn(4, 7, 5, 191), features, extractor=presets.salsa_ipd())
    with pytest.raises(ValueError, match="max_bins must be below the 64 bins of the features, got"):
        shift_frequency(features, features, max_bins=64)


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    x, numbers = clips(2, 5, 4)
    with pytest.raises(
        ValueError, match=r"x must be \(batch, channel, time=15, ...\) for 5 frames"
    ):
        shift_time(x, numbers, ratio=3)
    with pytest.raises(ValueError, match="ratio must be at least 1, got 0"):
        shift_time(x, numbers, ratio=0)
    with pytest.raises(
        TypeError, match="labels must be a tensor, a SELDOutput or a list of Events"
    ):
        shift_time(x, (numbers, numbers), ratio=4)  # type: ignore[type-var]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_precision_is_kept_under_autocast(dtype: torch.dtype) -> None:
    x, numbers = (part.to(dtype) for part in clips(3, 5, 4))
    with torch.autocast("cpu", torch.bfloat16):
        moved, labels = shift_time(x, numbers, ratio=4)
    assert moved.dtype == labels.dtype == dtype
    assert torch.equal(moved[:, 0, ::4, 0], labels)
