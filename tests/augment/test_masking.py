"""Masks hide a part from all channels at once, as silence would, and lags keep their shape."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.augment import cutout, spec_augment
from seldkit.events import Events
from seldkit.features import FeatureExtractor, presets
from seldkit.outputs import SELDOutput

quick = settings(max_examples=25)

EXTRACTORS = {
    name: getattr(presets, name)()
    for name in ("ein_seld", "dcase2023_foa", "dcase2023_mic", "salsa_lite", "salsa_ipd")
}


@pytest.mark.parametrize("name", EXTRACTORS)
def test_the_fill_is_what_silence_gives_there(name: str) -> None:
    extractor: FeatureExtractor = EXTRACTORS[name]
    waveform = 0.1 * torch.randn(2, 4, 24000)
    waveform[:, :, 9000:15000] = 0  # several frames hear nothing else
    features = extractor(waveform)
    rate = extractor.frame_rate / extractor.sample_rate
    silent = torch.zeros(1, 1, features.shape[2], 1, dtype=torch.bool)
    silent[:, :, int(9000 * rate) + 3 : int(15000 * rate) - 3] = True
    assert silent.any()
    torch.testing.assert_close(extractor.silenced(features, silent), features, atol=1e-4, rtol=0)


@quick
@given(st.sampled_from(list(EXTRACTORS)), st.integers(0, 2**16))
def test_one_mask_hides_all_channels_and_never_a_part_of_the_lags(name: str, seed: int) -> None:
    extractor: FeatureExtractor = EXTRACTORS[name]
    features = torch.randn(3, extractor.num_channels, 20, extractor.num_bins)
    generator = torch.Generator().manual_seed(seed)
    wide = {"max_time": 6, "max_freq": features.shape[3] // 4}
    found, _ = spec_augment(
        features, torch.zeros(3, 1), extractor=extractor, p=0.7, generator=generator, **wide
    )
    changed = found != features
    lags = torch.tensor([meaning.bins == "lag" for meaning in extractor.meanings])
    if lags.any():
        whole = changed[:, lags].float().mean(dim=3)
        assert ((whole == 0) | (whole > 0.9)).all(), "frames are hidden whole, or not at all"
    levels = torch.tensor([meaning.per_db == 1 for meaning in extractor.meanings])
    mask = changed[:, levels].any(dim=1, keepdim=True)
    assert torch.equal(changed[:, levels], mask.expand_as(changed[:, levels]))
    cues = ~levels & ~lags
    assert not (changed[:, cues] & ~mask).any()
    quiet = extractor.silenced(features, mask)[:, ~lags]
    torch.testing.assert_close(found[:, ~lags], quiet)


@quick
@given(st.integers(0, 3), st.integers(0, 30), st.integers(0, 3), st.integers(0, 20))
def test_masks_are_as_many_and_as_large_as_asked_at_most(
    num_time: int, max_time: int, num_freq: int, max_freq: int
) -> None:
    features = torch.arange(4 * 2 * 20 * 16.0).reshape(4, 2, 20, 16) - 1280.5
    found, _ = spec_augment(
        features,
        torch.zeros(4, 1),
        num_time=num_time,
        max_time=max_time,
        num_freq=num_freq,
        max_freq=max_freq,
    )
    mask = (found != features).all(dim=1)
    frames, bins = mask.all(dim=2).sum(dim=1), mask.all(dim=1).sum(dim=1)
    if num_freq * max_freq < 16:
        assert (frames <= num_time * max_time).all()
    if num_time * max_time < 20:
        assert (bins <= num_freq * max_freq).all()
    grid = mask.all(dim=2, keepdim=True) | mask.all(dim=1, keepdim=True)
    assert torch.equal(mask, grid), "whole frames and whole bands"


def test_widths_and_places_are_drawn_for_each_clip() -> None:
    features = torch.randn(3000, 1, 12, 4)
    found, _ = spec_augment(features, torch.zeros(3000, 1), num_time=1, max_time=3, num_freq=0)
    mask = (found != features).all(dim=3)[:, 0]
    counts = mask.sum(dim=1).bincount()
    assert (counts / 3000 - 0.25).abs().max() < 0.04, "0 to 3 frames are equally likely"
    assert (mask.float().mean(dim=0) > 0.03).all(), "every frame is masked at times"


@quick
@given(st.integers(0, 2**16))
def test_labels_are_silent_where_whole_label_frames_are(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    features = torch.randn(4, 2, 40, 8, generator=generator)
    events = [Events.from_degrees(range(10), [0] * 10, [0] * 10, [0] * 10) for _ in range(4)]
    target = SELDOutput(torch.ones(4, 10, 2, 3), torch.ones(4, 10, 2, 3))
    state = generator.get_state()
    found, silent = spec_augment(
        features, target, ratio=4, max_time=12, num_freq=0, generator=generator
    )
    masked = (found != features).all(dim=3).all(dim=1).reshape(4, 10, 4)
    assert torch.equal(masked.any(dim=2), masked.all(dim=2))
    heard = (~masked.any(dim=2)).float()
    assert torch.equal(silent.activity, heard[:, :, None, None].expand(4, 10, 2, 3))
    assert torch.equal(silent.direction, heard[:, :, None, None].expand(4, 10, 2, 3))
    generator.set_state(state)
    _, left = spec_augment(features, events, ratio=4, max_time=12, num_freq=0, generator=generator)
    for rows, clip in zip(left, heard, strict=True):
        assert rows.frame.tolist() == clip.nonzero().flatten().tolist()


def test_labels_stay_where_no_ratio_is_given() -> None:
    labels = torch.ones(4, 10, 3)
    assert spec_augment(torch.randn(4, 2, 40, 8), labels, max_time=12)[1] is labels
    assert cutout(torch.randn(4, 2, 40, 8), labels)[1] is labels


@quick
@given(st.integers(0, 2**16))
def test_cutout_takes_rectangles_from_all_channels_but_lags(seed: int) -> None:
    extractor: FeatureExtractor = EXTRACTORS["dcase2023_mic"]
    features = torch.randn(3, extractor.num_channels, 20, extractor.num_bins)
    generator = torch.Generator().manual_seed(seed)
    found, _ = cutout(
        features,
        torch.zeros(3, 1),
        num=1,
        max_time=5,
        max_freq=9,
        extractor=extractor,
        generator=generator,
    )
    changed = found != features
    assert not changed[:, 4:].any(), "lags"
    for mask in changed[:, :4]:
        assert torch.equal(mask, mask[:1].expand_as(mask))
        frames, bins = mask[0].any(dim=1), mask[0].any(dim=0)
        assert torch.equal(mask[0], frames.unsqueeze(1) & bins)
        assert frames.sum() <= 5
        assert bins.sum() <= 9


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    features, labels = torch.zeros(2, 7, 40, 64), torch.zeros(2, 10, 3)
    with pytest.raises(ValueError, match="num_time must not be negative, got -1"):
        spec_augment(features, labels, num_time=-1)
    with pytest.raises(TypeError, match=r"max_freq must be an integer, got 2\.5"):
        cutout(features, labels, max_freq=2.5)  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match=r"features must be \(batch, channel=10, time, freq\), got"
    ):
        spec_augment(features, labels, extractor=EXTRACTORS["dcase2023_mic"])
    with pytest.raises(ValueError, match=r"x must be \(batch, channel, time=30, \.\.\.\) for 10"):
        spec_augment(features, labels, ratio=3)
    with pytest.raises(ValueError, match="max_time must hold a label frame, ratio=4, got 3"):
        spec_augment(features, labels, ratio=4, max_time=3)
