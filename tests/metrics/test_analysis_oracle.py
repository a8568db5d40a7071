"""Directions with oracle activity: every kind of output, and which of its directions count."""

from typing import Any, Literal

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from references.overlapping_scenes import CLASSES, random_scene
from seldkit.events import Events
from seldkit.formats import TrackWise
from seldkit.metrics.analysis import direction_scores, match_oracle
from seldkit.outputs import SELDOutput

TIME = 30
SEED = st.integers(0, 2**32 - 1)
QUICK = settings(max_examples=15)

FRONT, LEFT, UP = torch.eye(3).unbind()


def events(*rows: tuple[int, int, float]) -> Events:
    """Return events from rows of frame, class and azimuth."""
    frame, label, azimuth = ([row[i] for row in rows] for i in range(3))
    return Events.from_degrees(frame, label, azimuth, [0.0] * len(rows), num_frames=3)


def random_output(seed: int, kind: str) -> SELDOutput | Tensor:
    """Return what an untrained network might."""
    generator = torch.Generator().manual_seed(seed)

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator)

    match kind:
        case "track-wise":
            return SELDOutput(draw(TIME, 4, CLASSES), draw(TIME, 4, 3), draw(TIME, 4))
        case "track-wise of classes":
            return SELDOutput(draw(TIME, 4, CLASSES), draw(TIME, 4, CLASSES, 3))
        case "class-wise":
            return SELDOutput(draw(TIME, CLASSES), draw(TIME, CLASSES, 3), draw(TIME, CLASSES))
        case "accdoa":
            return draw(TIME, CLASSES, 4)
        case _:
            return draw(TIME, 4, CLASSES, 3)


KINDS = ["track-wise", "track-wise of classes", "class-wise", "accdoa", "multi-accdoa"]


@QUICK
@given(seed=SEED)
def test_a_target_points_to_every_source(seed: int) -> None:
    _, reference = random_scene(seed)
    target = TrackWise(CLASSES, num_tracks=4, distance=True).encode(reference, TIME)
    matches = match_oracle([(target, reference)])
    assert len(matches) == len(reference)
    assert torch.equal(matches.prediction.sort().values, reference.label.sort().values)
    scores = direction_scores(matches, within_m=(1e-3,))
    assert scores.mean_deg == pytest.approx(0, abs=1e-4)
    assert (scores.recall, scores.accuracy.tolist(), scores.accuracy_m.tolist()) == (
        1,
        [1] * 4,
        [1],
    )


@pytest.mark.parametrize("kind", KINDS)
@QUICK
@given(seed=SEED)
def test_every_reference_has_one_row_whatever_the_activity(kind: str, seed: int) -> None:
    _, reference = random_scene(seed)
    output = random_output(seed, kind)
    matches = match_oracle([(output, reference), (output, reference)])
    assert len(matches) == 2 * len(reference)
    assert (matches.reference >= 0).all()
    if isinstance(output, SELDOutput):
        silent = output._replace(activity=output.activity - 100)
        again = match_oracle([(silent, reference)] * 2)
        torch.testing.assert_close(again.angle_deg, matches.angle_deg, equal_nan=True)


@pytest.mark.parametrize("kind", ["track-wise", "track-wise of classes", "multi-accdoa"])
@QUICK
@given(seed=SEED)
def test_the_likeliest_tracks_are_never_closer_than_the_closest(kind: str, seed: int) -> None:
    clip = random_output(seed, kind), random_scene(seed)[1]
    closest, likeliest = (
        match_oracle([clip], tracks=tracks) for tracks in ("closest", "likeliest")
    )
    assert torch.equal(closest.is_pair, likeliest.is_pair)
    assert closest.angle_deg.nansum() <= likeliest.angle_deg.nansum() + 1e-9


def test_a_track_serves_one_source_whatever_its_class() -> None:
    activity = torch.tensor([[[5.0, 0, 0], [0, 0, 5]], [[5, 0, 0], [0, 0, 5]]])
    direction = torch.stack((torch.stack((LEFT, FRONT)), torch.stack((FRONT, UP))))
    reference = events((0, 1, 0), (0, 1, 80), (1, 1, 90))
    matches = match_oracle([(SELDOutput(activity, direction), reference)])
    assert matches.angle_deg.tolist() == pytest.approx([0, 10, 90])
    assert matches.prediction[:2].tolist() == [2, 0]
    assert matches.overlap.tolist() == [2, 2, 1]


@pytest.mark.parametrize(("tracks", "angle"), [("closest", 0), ("likeliest", 90)])
def test_the_likeliest_track_may_point_elsewhere(
    tracks: Literal["closest", "likeliest"], angle: float
) -> None:
    output = SELDOutput(torch.tensor([[[1.0], [2.0]]]), torch.stack((FRONT, LEFT)).unsqueeze(0))
    matches = match_oracle([(output, events((0, 0, 0)))], tracks=tracks)
    assert matches.angle_deg.tolist() == pytest.approx([angle])


def test_a_class_has_one_direction_for_two_sources() -> None:
    vectors = torch.stack((FRONT, LEFT)).unsqueeze(0)
    reference = events((0, 0, 10), (0, 0, 90), (0, 1, 0))
    for output in (vectors, SELDOutput(torch.zeros(1, 2), vectors)):
        matches = match_oracle([(output, reference)])
        assert matches.angle_deg[matches.is_pair].tolist() == pytest.approx([10, 90])
        assert matches.reference[matches.is_pair].tolist() == [0, 1]
        assert direction_scores(matches).recall == pytest.approx(2 / 3)
    two_tracks = torch.stack((vectors, vectors.flip(dims=[1])), dim=1)
    matches = match_oracle([(two_tracks, reference)])
    assert sorted(matches.angle_deg.tolist()) == pytest.approx([0, 0, 10])


def test_lengths_do_not_matter_but_zero_points_nowhere() -> None:
    vectors = torch.stack((0.01 * FRONT, 0 * LEFT)).unsqueeze(0)
    matches = match_oracle([(vectors, events((0, 0, 0), (0, 1, 90)))])
    assert matches.is_pair.tolist() == [True, False]
    assert matches.angle_deg[0] == 0


def test_distances_make_positions() -> None:
    reference = Events.from_degrees([0], [0], [0.0], [0.0], distance=[2.0])
    output = torch.tensor([[[0.3, 0, 0, 2.5]]])
    assert match_oracle([(output, reference)]).position_error_m.tolist() == pytest.approx([0.5])
    bare = match_oracle([(output[..., :3], reference)])
    assert bare.position_error_m.isnan().all()


def test_gradients_and_half_precision_are_welcome() -> None:
    output = torch.stack((FRONT, LEFT)).unsqueeze(0).bfloat16().requires_grad_()
    assert match_oracle([(output, events((0, 0, 0)))]).angle_deg.tolist() == [0]


@pytest.mark.messages
@pytest.mark.parametrize(
    ("output", "message"),
    [
        (torch.zeros(5, 4), r"output must be \(time, cls, axis\) or .* got shape \(5, 4\)"),
        (torch.zeros(5, 4, 5), "output must be .* with 3 or 4 axes"),
        (torch.full((5, 4, 3), torch.nan), "direction must be finite"),
        (torch.zeros(1, 4, 3), r"reference.frame must be below time=1 of its output, got 2"),
        (torch.zeros(5, 1, 3), r"reference.label must be below cls=1 of its output, got 1"),
        (SELDOutput(torch.zeros(5, 4), torch.zeros(5, 3)), "direction must be"),
        (SELDOutput(torch.zeros(5, 2, 4), torch.zeros(5, 3, 3)), "direction must be"),
        (SELDOutput(torch.zeros(2, 5, 2, 4), torch.zeros(5, 3, 3)), "activity must be"),
        (SELDOutput(torch.zeros(5, 4), torch.zeros(5, 4, 3), torch.zeros(5)), "distance must be"),
    ],
)
def test_a_wrong_output_is_named(output: SELDOutput | Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        match_oracle([(output, events((2, 1, 0)))])


@pytest.mark.messages
def test_wrong_clips_are_named() -> None:
    reference = events((0, 0, 0))
    outputs: list[Any] = [torch.zeros(3, 1, 3), random_output(0, "track-wise")]
    with pytest.raises(ValueError, match="clips must hold outputs of one kind"):
        match_oracle([(output, reference) for output in outputs])
    with pytest.raises(ValueError, match="tracks must be one of 'closest', 'likeliest', got 'all'"):
        match_oracle([(outputs[0], reference)], tracks="all")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="clips must hold at least one clip, got none"):
        match_oracle([])
