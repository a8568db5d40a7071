"""Events keep their tracks, whatever track they come on in each frame."""

from itertools import permutations
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize

from seldkit.formats import MultiACCDOA, TrackWise
from seldkit.geometry import unit_vector
from seldkit.outputs import SELDOutput
from seldkit.postprocess import link_tracks

SEEDS = st.integers(0, 2**32 - 1)
QUICK = settings(max_examples=20)


def random_output(seed: int, time: int, tracks: int, *, per_class: bool = False) -> SELDOutput:
    generator = torch.Generator().manual_seed(seed)
    axes = (time, tracks, 3) if per_class else (time, tracks)
    return SELDOutput(
        4 * torch.randn(time, tracks, 3, generator=generator),
        torch.randn(*axes, 3, generator=generator),
        torch.rand(axes, generator=generator),
    )


def shuffled(output: Any, seed: int) -> Any:
    """Return an output whose tracks are exchanged at random in every frame."""
    generator = torch.Generator().manual_seed(seed)
    first = output[0] if isinstance(output, SELDOutput) else output
    order = torch.rand(first.shape[:2], generator=generator).argsort(dim=1)
    frame = torch.arange(len(order)).unsqueeze(1)
    if isinstance(output, SELDOutput):
        distance = None if output.distance is None else output.distance[frame, order]
        return SELDOutput(output.activity[frame, order], output.direction[frame, order], distance)
    return output[frame, order]


def relabelled(a: Any, b: Any) -> bool:
    """Return whether one order of tracks, for all frames, makes two outputs equal."""
    pairs: list[tuple[Any, Any]] = [(a, b)]
    if isinstance(a, SELDOutput):
        pairs = [(x, y) for x, y in zip(a, b, strict=True) if x is not None]
    return any(
        all(torch.equal(x[:, list(order)], y) for x, y in pairs)
        for order in permutations(range(pairs[0][0].shape[1]))
    )


@QUICK
@given(SEEDS, st.integers(1, 12), st.integers(1, 4), st.booleans(), st.booleans())
def test_the_order_of_tracks_in_each_frame_does_not_matter(
    seed: int, time: int, tracks: int, per_class: bool, silence: bool
) -> None:
    output = random_output(seed, time, tracks, per_class=per_class)
    if silence:  # frames in which tracks are alike, so that nothing but the order tells them apart
        output.activity[::2] = -1000.0
        output.direction[::2] = 0.0
    assert relabelled(link_tracks(output), link_tracks(shuffled(output, seed)))


@QUICK
@given(SEEDS, st.integers(1, 4))
def test_vectors_are_linked_class_by_class(seed: int, tracks: int) -> None:
    vectors = torch.randn(9, tracks, 2, 4, generator=torch.Generator().manual_seed(seed))
    linked = link_tracks(vectors)
    for c in range(2):
        alone = link_tracks(vectors[:, :, c : c + 1])
        assert torch.equal(linked[:, :, c : c + 1], alone)
        assert relabelled(alone, link_tracks(shuffled(vectors[:, :, c : c + 1], seed)))


@QUICK
@given(SEEDS)
def test_values_are_exchanged_and_the_first_frame_stays(seed: int) -> None:
    output = random_output(seed, 8, 3)
    linked = link_tracks(output)
    for x, y in zip(output, linked, strict=True):
        assert x is not None
        assert y is not None
        assert torch.equal(x[0], y[0])
        assert torch.equal(x.sort(dim=1).values, y.sort(dim=1).values)
    # What is exchanged goes together.
    marked = link_tracks(output._replace(distance=output.activity[..., 0]))
    assert marked.distance is not None
    assert torch.equal(marked.activity[..., 0], marked.distance)


@QUICK
@given(SEEDS)
def test_an_event_stays_on_its_track(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    azimuth = torch.arange(30.0).unsqueeze(1) + torch.tensor([0.0, 120.0])
    target = SELDOutput(torch.full((30, 2, 3), -6.0), unit_vector(azimuth, 0.0), azimuth.clone())
    target.activity[:, :, 1] = 5.0  # of one class, in different directions
    noisy = target._replace(
        activity=target.activity + torch.randn(30, 2, 3, generator=generator),
        direction=target.direction + 0.1 * torch.randn(30, 2, 3, generator=generator),
    )
    linked = link_tracks(shuffled(noisy, seed))
    assert linked.distance is not None
    assert (linked.distance.diff(dim=0) == 1).all()


def test_an_event_finds_its_track_after_a_gap() -> None:
    vectors = torch.zeros(9, 2, 1, 3)
    vectors[:3, 0, 0] = torch.tensor([1.0, 0, 0])
    vectors[6:, 1, 0] = torch.tensor([0.9, 0.3, 0])
    linked = link_tracks(vectors)
    assert (linked[:, 1] == 0).all()
    target = torch.zeros(9, 2, 1, 3)
    target[:, 0] = vectors.sum(dim=1)
    assert torch.equal(linked, target)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_every_precision_is_kept_under_autocast(dtype: torch.dtype) -> None:
    output = random_output(3, 10, 3)
    output = SELDOutput(*(x.to(dtype) for x in output if x is not None))
    with torch.autocast("cpu", torch.bfloat16):
        linked = link_tracks(output)
    wanted = link_tracks(SELDOutput(*(x.double() for x in output if x is not None)))
    for x, y in zip(linked, wanted, strict=True):
        assert x is not None
        assert y is not None
        assert x.dtype == dtype
        assert torch.equal(x.double(), y)


def test_probabilities_planar_vectors_and_nothing() -> None:
    output = random_output(5, 6, 2)
    wanted = link_tracks(output)
    found = link_tracks(output._replace(activity=output.activity.sigmoid()), logits=False)
    assert torch.equal(found.direction, wanted.direction)
    vectors = torch.zeros(3, 2, 1, 3)
    vectors[:, 0, 0] = torch.tensor([1.0, 0, 0])  # at no distance, then at 9 m
    vectors[:, 1, 0] = torch.tensor([-1.0, 0, 9.0])
    vectors[1] = vectors[1].flip(0)
    vectors[1, :, 0, 2] = vectors[1, :, 0, 2].flip(0)  # distances tell the opposite
    assert (link_tracks(vectors, planar=True)[:, 0, 0, 0] == 1).all()
    assert link_tracks(torch.zeros(0, 2, 1, 3)).shape == (0, 2, 1, 3)
    empty = SELDOutput(torch.zeros(0, 2, 3), torch.zeros(0, 2, 3))
    assert link_tracks(empty).activity.shape == (0, 2, 3)


def test_formats_decode_the_same_events() -> None:
    output = random_output(7, 20, 3)
    format_ = TrackWise(3, 3)
    before = format_.decode(output)
    after = format_.decode(link_tracks(output))
    order = (after.frame * 9 + after.label * 3).argsort(stable=True)
    assert sorted(zip(before.frame.tolist(), before.azimuth_deg.tolist(), strict=True)) == sorted(
        zip(after.frame.tolist(), after.azimuth_deg.tolist(), strict=True)
    )
    assert len(order) == len(before)
    vectors = normalize(torch.randn(20, 3, 2, 3), dim=-1)
    multi = MultiACCDOA(2)
    found = multi.decode(link_tracks(vectors))
    assert sorted(found.azimuth_deg.round(decimals=6).tolist()) == sorted(
        multi.decode(vectors).azimuth_deg.round(decimals=6).tolist()
    )


@pytest.mark.messages
def test_what_is_wrong_with_tracks_is_told() -> None:
    output = random_output(0, 4, 2)
    with pytest.raises(ValueError, match=r"memory must lie in 0\.\.1, got 1.5"):
        link_tracks(output, memory=1.5)
    with pytest.raises(TypeError, match="memory must be a number, got True"):
        link_tracks(output, memory=True)
    with pytest.raises(ValueError, match=r"activity must be \(time, track, cls\), got"):
        link_tracks(SELDOutput(torch.zeros(4, 3), torch.zeros(4, 3, 3)))
    with pytest.raises(ValueError, match=r"direction must be \(time=4, track=2, axis=3\), got"):
        link_tracks(output._replace(direction=torch.zeros(4, 3, 3)))
    with pytest.raises(ValueError, match=r"output must be \(time, track, cls, axis\), got"):
        link_tracks(torch.zeros(4, 3, 3))
    with pytest.raises(ValueError, match="direction must be finite"):
        link_tracks(output._replace(direction=output.direction * torch.nan))
    wrong: Any = (output.activity, output.direction)
    with pytest.raises(TypeError, match="output must be a SELDOutput or a tensor, got tuple"):
        link_tracks(wrong)
