"""The vector of a class says where it sounds, and by its length whether."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize

from formats.sounding import clip_of, make_events
from seldkit.events import Events
from seldkit.formats import ACCDOA


def test_vectors_stand_at_their_class() -> None:
    events = Events.from_degrees([1], [1], [90], [60], distance=[2.0], onscreen=[True])
    target = ACCDOA(2, distance=True, onscreen=True).encode(events, 2)
    wanted = torch.zeros(2, 2, 5)
    wanted[1, 1] = torch.tensor([0, 0.5, 0.75**0.5, 2, 1])
    torch.testing.assert_close(target, wanted)


def test_a_planar_vector_forgets_the_elevation_alone() -> None:
    events = Events.from_degrees([0, 1], [0, 0], [150, -120], [60, 90], distance=[2.0, 0.0])
    format_ = ACCDOA(1, planar=True, distance=True)
    target = format_.encode(events, 2)[:, 0]
    half, high = 0.5, 0.75**0.5
    torch.testing.assert_close(target, torch.tensor([[-high, half, 2], [-half, -high, 0]]))
    decoded = format_.decode(target.unsqueeze(1))
    torch.testing.assert_close(decoded.azimuth_deg.round(), events.azimuth_deg)
    assert decoded.elevation_deg.tolist() == [0, 0]


def test_the_length_must_exceed_the_threshold() -> None:
    output = torch.tensor([[[0.5, 0, 0], [0, 0.3, -0.41], [0, 0, 0.9]]])
    events = ACCDOA(3).decode(output)
    assert events.label.tolist() == [1, 2]
    torch.testing.assert_close(events.direction, normalize(output[0, 1:].double(), dim=-1))
    assert ACCDOA(3, threshold=[0.4, 0.6, 0.95]).decode(output).label.tolist() == [0]


def test_a_threshold_below_zero_takes_silence_for_the_front() -> None:
    assert ACCDOA(1, threshold=-1.0).decode(torch.zeros(1, 1, 3)).direction.tolist() == [[1, 0, 0]]


def test_the_flag_is_a_logit_and_no_distance_is_negative() -> None:
    output = torch.tensor([[[0, 1, 0, -2, -0.1], [0, 1, 0, 2, 0.1], [0, 1, 0, 0, 0.0]]])
    events = ACCDOA(3, distance=True, onscreen=True).decode(output)
    assert events.onscreen is not None
    assert events.onscreen.tolist() == [False, True, False]
    assert events.distance is not None
    assert events.distance.tolist() == [0, 2, 0]


def test_only_the_longest_vectors_of_a_frame_count() -> None:
    lengths = torch.tensor([[0.9, 0.6, 0.8, 0.7], [0.6, 0.6, 0.6, 0.1], [0.1, 0.2, 0.6, 0.3]])
    output = torch.stack((lengths, torch.zeros(3, 4), torch.zeros(3, 4)), dim=-1)
    events = ACCDOA(4, max_events=2).decode(output)
    found = list(zip(events.frame.tolist(), events.label.tolist(), strict=True))
    assert found == [(0, 0), (0, 2), (1, 0), (1, 1), (2, 2)]
    assert len(ACCDOA(4, max_events=9).decode(output)) == len(ACCDOA(4).decode(output)) == 8
    events = ACCDOA(4, max_events=1, threshold=[0.95, 0.95, 0.85, 0.05]).decode(output)
    assert list(zip(events.frame.tolist(), events.label.tolist(), strict=True)) == [
        (0, 3),
        (1, 3),
        (2, 3),
    ]
    with pytest.raises(ValueError, match="max_events must be at least 1, got 0"):
        ACCDOA(4, max_events=0)


def test_a_limit_chooses_among_active_classes() -> None:
    output = torch.diag_embed(torch.tensor([0.8, 0.7, 0.5])).unsqueeze(0)
    events = ACCDOA(3, threshold=[0.9, 0.9, 0.2], max_events=1).decode(output)
    assert events.label.tolist() == [2]


@pytest.mark.parametrize("classes", [5, 40, 300])
def test_of_equally_long_vectors_the_lower_classes_stay(classes: int) -> None:
    output = torch.tensor([0.0, 0.8, 0.0]).expand(2, classes, 3).clone()
    output[1, classes - 1] *= 1.1
    events = ACCDOA(classes, max_events=4).decode(output)
    assert events.label.tolist() == [0, 1, 2, 3, 0, 1, 2, classes - 1]


def test_the_output_may_need_a_gradient_and_any_precision() -> None:
    target = ACCDOA(3).encode(make_events([(0, 1, 90, 0, 0)]), 1)
    for dtype in (torch.bfloat16, torch.float64):
        events = ACCDOA(3).decode(target.to(dtype).requires_grad_())
        assert events.azimuth_deg.tolist() == [90]


@pytest.mark.parametrize("clips", range(4))
def test_encodes_as_the_published_code(golden: Callable[[str], Path], clips: int) -> None:
    saved = np.load(golden("dcase/adpit.npz"))
    labels = torch.from_numpy(saved[f"s{clips}_events"])
    frames, classes = saved[f"s{clips}_TC"].tolist()
    format_ = ACCDOA(classes, overflow="drop", distance=True)
    for clip in range(2):
        events = clip_of(labels, clip, frames)
        for name, axes in (("accdoa2023", 4), ("accdoa2024_cm", 5)):
            # Blocks of classes: activity, x, y, z and centimetres.
            wanted = torch.from_numpy(saved[f"s{clips}_target_{name}"][clip])
            wanted = wanted.reshape(frames, axes, classes).transpose(1, 2)[..., 1:].float()
            target = format_.encode(events, frames)
            target[..., 3] *= 100
            torch.testing.assert_close(target[..., : axes - 1], wanted)


@pytest.mark.parametrize("scene", range(3))
def test_decodes_as_the_published_code(golden: Callable[[str], Path], scene: int) -> None:
    saved = np.load(golden("dcase/decode.npz"))
    output = torch.from_numpy(saved[f"s{scene}_out"]).flatten(0, 1)
    events = ACCDOA(13).decode(output.unflatten(1, (3, 13)).mT)
    rows = torch.from_numpy(saved[f"s{scene}_rows"])
    assert torch.equal(torch.stack((events.frame, events.label), dim=1), rows[:, :2].long())
    torch.testing.assert_close(events.direction, normalize(rows[:, 2:], dim=1))


def test_decodes_as_the_published_code_of_pseldnets(golden: Callable[[str], Path]) -> None:
    saved = np.load(golden("einv2/post_accdoa_pseldnets.npz"))
    output = torch.from_numpy(saved["pred"][0]).unflatten(1, (3, 6)).mT
    format_ = ACCDOA(6, threshold=saved["threshold"].item(), max_events=saved["max_ov"].item())
    events = format_.decode(output)
    columns = events.frame, events.label, events.azimuth_deg, events.elevation_deg
    rows = torch.stack([column.double() for column in columns], dim=1)
    wanted = torch.from_numpy(saved["rows_frame_class_azi_ele"])
    order = (wanted[:, 0] * 6 + wanted[:, 1]).argsort()
    torch.testing.assert_close(rows, wanted[order], rtol=0, atol=1e-4)
