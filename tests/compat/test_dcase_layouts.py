"""Layouts of the published DCASE code, both ways, against its own arrays."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from seldkit.compat import dcase
from seldkit.events import Events
from seldkit.formats import MultiACCDOA

Golden = Callable[[str], Path]

quick = settings(max_examples=25)
size = st.integers(1, 4)


def golden_labels(golden: Golden) -> Iterator[tuple[str, Tensor]]:
    """Yield every published ADPIT label with its name."""
    with np.load(golden("dcase/adpit.npz")) as arrays:
        for name in arrays:
            if "target_adpit" in name:
                yield name, torch.from_numpy(arrays[name])
    with np.load(golden("einv2/loss_adpit_accdoa_pseldnets.npz")) as arrays:
        yield "pseldnets", torch.from_numpy(arrays["adpit_label"])


def random_target(seed: int, time: int, classes: int, axes: int, *, first: bool) -> Tensor:
    """Return 0 to 3 sources for each frame and class, on the first tracks or on any."""
    generator = torch.Generator().manual_seed(seed)
    number = torch.randint(4, (time, 1, classes), generator=generator)
    rank = torch.arange(3).reshape(1, 3, 1).expand(time, 3, classes)
    if not first:
        rank = torch.rand(time, 3, classes, generator=generator).argsort(dim=1)
    values = torch.randn(time, 3, classes, axes, generator=generator)
    return values * (rank < number).unsqueeze(-1)


def test_accdoa_by_hand() -> None:
    x = torch.arange(6.0).reshape(2, 3)  # two classes
    flat = torch.tensor([0.0, 3, 1, 4, 2, 5])
    assert torch.equal(dcase.pack_multi_accdoa(x.unsqueeze(0)), flat)
    assert torch.equal(dcase.unpack_multi_accdoa(flat, 1, 2).squeeze(0), x)


def test_multi_accdoa_by_hand() -> None:
    x = torch.arange(12.0).reshape(2, 3, 2)  # two tracks, three classes
    flat = torch.tensor([0.0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11])
    assert torch.equal(dcase.pack_multi_accdoa(x), flat)
    assert torch.equal(dcase.unpack_multi_accdoa(flat, 2, 3), x)


@quick
@given(st.lists(size, max_size=3), size, size, size)
def test_flattening_goes_both_ways(lead: list[int], tracks: int, classes: int, axes: int) -> None:
    x = torch.randn(*lead, tracks, classes, axes)
    flat = dcase.pack_multi_accdoa(x)
    assert flat.shape == (*lead, tracks * classes * axes)
    assert torch.equal(dcase.unpack_multi_accdoa(flat, tracks, classes), x)


def test_published_targets_of_accdoa(golden: Golden) -> None:
    with np.load(golden("dcase/adpit.npz")) as arrays:
        classes = int(arrays["s0_TC"][1])
        flat = torch.from_numpy(arrays["s0_target_accdoa2023"])
    target = dcase.unpack_multi_accdoa(flat, 1, classes).squeeze(-3)
    active, length = target[..., 0], torch.linalg.vector_norm(target[..., 1:], dim=-1)
    assert active.sum() > 10
    torch.testing.assert_close(active, length)


def test_published_labels_go_both_ways(golden: Golden) -> None:
    for name, label in golden_labels(golden):
        target = dcase.unpack_adpit_label(label)
        *lead, _, entries, classes = label.shape
        assert target.shape == (*lead, 3, classes, entries - 1), name
        assert torch.equal(dcase.pack_adpit_label(target), label), name
        on = (target != 0).any(dim=-1)
        assert (on[..., 1:, :] <= on[..., :-1, :]).all(), name  # the first tracks
        assert torch.equal(on.sum(dim=-2), label[..., 0, :].sum(dim=-2).long()), name


def test_our_targets_are_the_published_ones(golden: Golden) -> None:
    """Encoding the events and packing the target gives the label of each year."""
    with np.load(golden("dcase/adpit.npz")) as arrays:
        for scene in range(4):
            time, classes = map(int, arrays[f"s{scene}_TC"])
            batch, frame, label, track, azimuth, elevation, cm, onscreen = torch.from_numpy(
                arrays[f"s{scene}_events"]
            ).unbind(dim=1)
            formats = {
                2023: MultiACCDOA(classes, overflow="drop"),
                2024: MultiACCDOA(classes, overflow="drop", distance=True),
                2025: MultiACCDOA(
                    classes, overflow="drop", distance=True, onscreen=True, planar=True
                ),
            }
            for year, format_ in formats.items():
                published = torch.from_numpy(arrays[f"s{scene}_target_adpit{year}"])
                for clip, wanted in enumerate(published):
                    rows = batch == clip
                    events = Events.from_degrees(
                        frame[rows],
                        label[rows],
                        azimuth[rows].double(),
                        elevation[rows].double(),
                        source=track[rows],
                        distance=cm[rows] / 100,
                        onscreen=onscreen[rows].bool(),
                    )
                    found = dcase.pack_adpit_label(format_.encode(events, time))
                    torch.testing.assert_close(found.double(), wanted, rtol=0, atol=1e-6)


@quick
@given(st.integers(0, 10**6), size, size, st.integers(2, 5))
def test_targets_go_both_ways(seed: int, time: int, classes: int, axes: int) -> None:
    target = random_target(seed, time, classes, axes, first=True)
    label = dcase.pack_adpit_label(target)
    assert label.shape == (time, 6, 1 + axes, classes)
    assert torch.equal(dcase.unpack_adpit_label(label), target)
    batch = target.expand(2, 1, *target.shape)
    assert torch.equal(dcase.pack_adpit_label(batch), label.expand(2, 1, *label.shape))
    assert torch.equal(dcase.unpack_adpit_label(dcase.pack_adpit_label(batch)), batch)


@quick
@given(st.integers(0, 10**6), size, size)
def test_sources_may_stand_on_any_tracks(seed: int, time: int, classes: int) -> None:
    target = random_target(seed, time, classes, 3, first=False)
    found = dcase.unpack_adpit_label(dcase.pack_adpit_label(target))
    for frame in range(time):
        for cls in range(classes):
            wanted = [v for v in target[frame, :, cls] if v.any()]
            wanted += [torch.zeros(3)] * (3 - len(wanted))
            assert torch.equal(found[frame, :, cls], torch.stack(wanted))


def test_rows_of_the_label_by_hand() -> None:
    target = torch.zeros(1, 3, 4, 3)
    target[0, 2, 1] = torch.tensor([1.0, 0, 0])
    target[0, [0, 2], 2] = torch.eye(3)[:2]
    target[0, :, 3] = torch.eye(3)
    label = dcase.pack_adpit_label(target)[0]
    assert label[:, 0].T.tolist() == [
        [0, 0, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0],
        [0, 1, 1, 0, 0, 0],
        [0, 0, 0, 1, 1, 1],
    ]
    assert torch.equal(label[0, 1:, 1], torch.tensor([1.0, 0, 0]))
    assert torch.equal(label[1:3, 1:, 2], torch.eye(3)[:2])
    assert torch.equal(label[3:, 1:, 3], torch.eye(3))


def test_what_the_activity_silences_is_zero() -> None:
    label = torch.zeros(1, 6, 4, 1)
    label[0, 0, :, 0] = torch.tensor([1.0, 0, 1, 0])
    label[0, 4, 1:, 0] = 7.0  # a vector whose activity is zero
    target = dcase.unpack_adpit_label(label)
    assert target.tolist() == [[[[0, 1, 0]], [[0, 0, 0]], [[0, 0, 0]]]]


def test_precision_is_kept() -> None:
    for dtype in (torch.float32, torch.float64, torch.bfloat16):
        label = dcase.pack_adpit_label(torch.ones(2, 3, 4, 3, dtype=dtype))
        assert label.dtype == dtype
        assert dcase.unpack_adpit_label(label).dtype == dtype


@pytest.mark.messages
def test_messages() -> None:
    with pytest.raises(ValueError, match=r"x must be \(\.\.\., track, cls, axis\), got shape \(2"):
        dcase.pack_multi_accdoa(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="flat must end in a multiple of 13 entries, got 40"):
        dcase.unpack_multi_accdoa(torch.zeros(2, 40), 1, 13)
    with pytest.raises(ValueError, match="flat must end in a multiple of 39 entries, got 0"):
        dcase.unpack_multi_accdoa(torch.zeros(2, 0), 3, 13)
    with pytest.raises(ValueError, match=r"flat must be \(\.\.\., entry\), got shape \(\)"):
        dcase.unpack_multi_accdoa(torch.zeros(()), 1, 13)
    with pytest.raises(ValueError, match="num_tracks must be at least 1, got 0"):
        dcase.unpack_multi_accdoa(torch.zeros(2, 39), 0, 13)
    with pytest.raises(ValueError, match=r"time, track=3, cls, axis\), got shape \(5, 2, 4, 3\)"):
        dcase.pack_adpit_label(torch.zeros(5, 2, 4, 3))
    with pytest.raises(ValueError, match=r"time, row=6, entry, cls\), got shape \(5, 3, 4, 13\)"):
        dcase.unpack_adpit_label(torch.zeros(5, 3, 4, 13))


def test_rows_that_no_label_has_are_refused() -> None:
    label = torch.zeros(2, 6, 4, 3)
    label[0, :2, 0, 0] = 1.0  # A0 and B0
    label[1, 0, 0, 2] = 0.5
    message = "label must have the rows A0, .* active, got other rows in 2 of 6 places"
    with pytest.raises(ValueError, match=message):
        dcase.unpack_adpit_label(label)
