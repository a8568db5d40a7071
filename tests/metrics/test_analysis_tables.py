"""Tables by class and by overlap, and sweeps over thresholds."""

from dataclasses import dataclass
from math import inf
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from metrics.clip_rows import in_frames
from references.overlapping_scenes import CLASSES, random_scene
from seldkit.events import Events
from seldkit.formats import ACCDOA, TrackWise
from seldkit.metrics import SELDMetrics
from seldkit.metrics.analysis import (
    Sweep,
    Table,
    by_overlap,
    class_table,
    detection_scores,
    match_events,
    overlap_table,
    sweep,
)
from seldkit.metrics.analysis.overlap import Clip
from seldkit.outputs import SELDOutput

SEED = st.integers(0, 2**32 - 1)
QUICK = settings(max_examples=10)
PROTOCOLS = [*(f"dcase{year}" for year in range(2019, 2026)), "l3das21", "l3das22", "l3das23"]
TIME = 20


def events(*rows: tuple[int, int, float]) -> Events:
    """Return events from rows of frame, class and azimuth."""
    frame, label, azimuth = ([row[i] for row in rows] for i in range(3))
    return Events.from_degrees(frame, label, azimuth, [0.0] * len(rows), num_frames=TIME)


def scenes(seed: int) -> list[Clip]:
    """Return three clips."""
    return [random_scene(seed + i, num_frames=TIME) for i in range(3)]


def test_a_table_aligns_its_numbers() -> None:
    columns = {"TP": torch.tensor([3, 12]), "F": torch.tensor([0.25, torch.nan])}
    table = Table(["dog", "white cat"], columns)
    assert str(table).splitlines() == [
        "           TP      F",
        "dog         3  0.250",
        "white cat  12    nan",
    ]
    assert table.as_dict()["dog"] == {"TP": 3, "F": 0.25}
    assert len(str(Table(["dog", "dog"], columns)).splitlines()) == 3


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_table_of_classes_holds_counts_and_scores(protocol: str) -> None:
    metrics = SELDMetrics(protocol, CLASSES)
    for prediction, reference in scenes(0):
        frame_s = metrics.frame_s
        metrics.update(in_frames(prediction, frame_s), in_frames(reference, frame_s))
    scores, table = metrics.compute(), class_table(metrics)
    assert list(table.rows) == ["0", "1", "2", "3", "all"]
    assert {"Nref", "Nsys", "TP", "FP", "FN", *scores.as_dict()} <= table.columns.keys()
    for name, value in scores.as_dict().items():
        assert table.columns[name].dtype == torch.float64
        assert table.columns[name][-1].item() == pytest.approx(value, rel=1e-15, nan_ok=True)
        expected = scores.per_class[scores.published_names[name]]
        torch.testing.assert_close(table.columns[name][:-1], expected, equal_nan=True)
    whole = table.as_dict()["all"]
    assert {name: whole[name] for name in ("TP", "FP", "FN")} == {
        name: scores.counts[name] for name in ("TP", "FP", "FN")
    }
    assert len(str(table).splitlines()) == CLASSES + 2


# One dog that is found; then a dog and a cat, of which the cat is found as a dog, 15 degrees off.
REFERENCE = events((0, 0, 0), (1, 0, 0), (1, 1, 90))
PREDICTION = events((0, 0, 0), (1, 0, 105), (3, 1, 0))


def table_of(clips: list[Clip], **arguments: Any) -> Table:
    """Return the table by overlap of two classes, frame by frame."""
    metrics = SELDMetrics("dcase2024", 2, average="micro", frames="clip")
    return overlap_table(clips, metrics, **arguments)


def test_the_table_by_overlap_can_be_followed_by_hand() -> None:
    # Two sources: one prediction of two, a dog far from the dog and near the cat.
    # All: also a false alarm in silence; 2 of 3 found by class, by place within 20 degrees.
    table = table_of([(PREDICTION, REFERENCE)], within_deg=(10, 20))
    assert {row: list(map(float, values.values())) for row, values in table.as_dict().items()} == {
        "SELD": pytest.approx([1, 0, 1 / (1 + 1 + 1)]),
        "SED only": pytest.approx([1, 2 / 3, 2 / 3]),
        "DOA only, 10°": pytest.approx([1, 0, 1 / 3]),
        "DOA only, 20°": pytest.approx([1, 2 / 3, 2 / 3]),
    }
    assert list(table.columns) == ["1", "2", "all"]


def test_the_table_shows_oracle_directions_and_positions_too() -> None:
    columns = [0, 1], [0, 1], [0, 90], [0, 0]
    reference = Events.from_degrees(*columns, distance=[1.0, 2.0], num_frames=2)
    prediction = Events.from_degrees([0], [0], [0], [0], distance=[1.5])
    output = torch.zeros(2, 2, 4)
    output[0, 0] = torch.tensor([0.1, 0, 0, 1.0])
    output[1, 1] = torch.tensor([0.1, 0.1, 0, 2.0])
    table = table_of(
        [(prediction, reference)], outputs=[output], within_deg=(40, 50), within_m=(1,)
    )
    assert {row: values["all"] for row, values in table.as_dict().items()} == pytest.approx(
        {
            "SELD": 2 / 3,
            "SED only": 2 / 3,
            "DOA only, 40°": 2 / 3,
            "DOA only, 50°": 2 / 3,
            "Position only, 1 m": 2 / 3,
            "DOA oracle, 40°": 0.5,
            "DOA oracle, 50°": 1,
            "Position oracle, 1 m": 0.5,
        }
    )
    bare = table_of([(prediction, reference)], within_deg=())
    assert list(bare.rows) == ["SELD", "SED only"]


@pytest.mark.parametrize("protocol", ["dcase2023", "dcase2024", "l3das22"])
@QUICK
@given(seed=SEED)
def test_the_table_agrees_with_its_parts(protocol: str, seed: int) -> None:
    clips, metrics = scenes(seed), SELDMetrics(protocol, CLASSES)
    table = overlap_table(clips, metrics, within_deg=(5, 180), within_m=(1, 2), unit="clip")
    groups, whole = by_overlap(clips, metrics, unit="clip"), SELDMetrics(protocol, CLASSES)
    for clip in clips:
        whole.update(*clip)
    assert table.as_dict()["SELD"] == {
        **{str(n): group.compute().f_score for n, group in groups.items()},
        "all": whole.compute().f_score,
    }
    matches = match_events(clips)
    alone = detection_scores(matches, CLASSES, average=metrics.average)
    assert table.as_dict()["SED only"]["all"] == alone.f_score
    rows = {name: list(values.values()) for name, values in table.as_dict().items()}
    for wide, narrow in (
        ("DOA only, 180°", "DOA only, 5°"),
        ("Position only, 2 m", "Position only, 1 m"),
    ):
        assert all(w >= n for w, n in zip(rows[wide], rows[narrow], strict=True))


@QUICK
@given(seed=SEED)
def test_neither_part_is_harder_than_the_whole(seed: int) -> None:
    metrics = SELDMetrics(
        "dcase2024", CLASSES, average="micro", frames="clip", relative_distance_threshold=inf
    )
    table = overlap_table(scenes(seed), metrics, within_deg=(20,))
    for column in table.columns.values():
        whole, detection, direction = column.tolist()
        assert whole <= detection + 1e-9
        assert whole <= direction + 1e-9


def test_another_score_may_be_shown() -> None:
    table = table_of([(PREDICTION, REFERENCE)], score="localization_error_deg")
    angles = list(table.as_dict()["SELD"].values())
    assert angles == pytest.approx([0, 105, 52.5], abs=1e-3)


@dataclass
class Peak:
    """A format whose events are the frames above its threshold, all in front."""

    threshold: float = 0.9

    def decode(self, output: Tensor) -> Events:
        """Return the events of probabilities `time cls`."""
        return decode_front(output, self.threshold)


def decode_front(output: Tensor, threshold: float) -> Events:
    """Return the events of probabilities `time cls` above a threshold, all in front."""
    frame, label = (output >= threshold).nonzero(as_tuple=True)
    front = torch.tensor([1.0, 0.0, 0.0]).expand(len(frame), 3)
    return Events(frame, label, front)


def probabilities(seed: int, num_classes: int = 3) -> tuple[Tensor, Events]:
    """Return probabilities of sounds in front, and which of them there are."""
    generator = torch.Generator().manual_seed(seed)
    there = torch.rand(TIME, num_classes, generator=generator) > 0.6
    noise = torch.randn(TIME, num_classes, generator=generator)
    events = decode_front(there.double(), 0.5)
    known = Events(events.frame, events.label, events.direction, num_frames=TIME)
    return torch.sigmoid(4 * there - 2 + 2 * noise), known


@pytest.mark.parametrize("protocol", ["dcase2021", "dcase2023", "dcase2024"])
@QUICK
@given(seed=SEED)
def test_a_sweep_scores_each_threshold_as_if_alone(protocol: str, seed: int) -> None:
    clips = [probabilities(seed + i) for i in range(3)]
    metrics = SELDMetrics(protocol, 3, frames="clip")
    thresholds = torch.linspace(0.1, 0.9, 5)
    found = sweep(clips, decode_front, thresholds, metrics)
    assert metrics.num_clips == 0
    for place, threshold in enumerate(found.thresholds.tolist()):
        for output, reference in clips:
            metrics.update(decode_front(output, threshold), reference)
        expected = metrics.compute()
        metrics.reset()
        for name, score in found.scores.items():
            one = score[place].item()
            assert one == pytest.approx(getattr(expected, name), nan_ok=True)
            row = found.per_class[name][place]
            torch.testing.assert_close(row, expected.per_class[name], equal_nan=True)
    best = found.scores["f_score"].max()
    place = found.thresholds.tolist().index(found.best("f_score"))
    assert found.scores["f_score"][place] == best


def test_a_format_is_swept_as_its_function_is() -> None:
    clips, metrics = [probabilities(0)], SELDMetrics("dcase2024", 3, frames="clip")
    by_function = sweep(clips, decode_front, [0.2, 0.5, 0.8], metrics)
    by_format = sweep(clips, Peak(), [0.2, 0.5, 0.8], metrics)
    assert torch.equal(by_function.scores["f_score"], by_format.scores["f_score"])


def test_a_format_of_the_library_is_swept() -> None:
    _, reference = random_scene(0, num_frames=TIME)
    target = TrackWise(CLASSES, num_tracks=4).encode(reference, TIME)
    output = SELDOutput(8 * target.activity - 4, target.direction)
    metrics = SELDMetrics("dcase2024", CLASSES, average="micro", frames="clip")
    found = sweep([(output, reference)], TrackWise(CLASSES, 4), [0.001, 0.5, 0.999], metrics)
    assert found.scores["f_score"][1].item() == pytest.approx(1)
    assert found.scores["f_score"][2].item() == 0
    assert found.best() == 0.5


def made_up(**scores: list[float]) -> Sweep:
    """Return a sweep over 0.3, 0.5 and 0.7 with the same scores for two classes, one unknown."""
    values = {name: torch.tensor(value, dtype=torch.float64) for name, value in scores.items()}
    return Sweep(
        torch.tensor([0.3, 0.5, 0.7], dtype=torch.float64),
        values,
        {name: value.unsqueeze(1).expand(3, 2) for name, value in values.items()},
        torch.tensor([5, 0]),
    )


def test_the_first_of_equally_good_thresholds_is_best() -> None:
    found = made_up(f_score=[0.1, 0.8, 0.8], error_rate=[0.9, 0.4, 0.2])
    assert found.best() == 0.5
    assert found.best("error_rate") == 0.7


def test_a_class_without_references_falls_back() -> None:
    found = made_up(f_score=[0.9, 0.8, 0.8])
    assert found.best_per_class().tolist() == [0.3, 0.5]
    assert found.best_per_class(fallback=0.4).tolist() == [0.3, 0.4]


@pytest.mark.messages
def test_classes_that_compete_are_not_chosen_one_by_one() -> None:
    """A class with a low threshold takes the tracks of others: together they find nothing."""
    probability = torch.tensor([[0.8, 0.3], [0.8, 0.3], [0.2, 0.25], [0.2, 0.25], [0.3, 0.2]])
    front = torch.tensor([1.0, 0.0, 0.0]).expand(5, 1, 3)
    scene = Events.from_degrees([0, 1, 2], [0, 0, 1], [0, 0, 0], [0, 0, 0], num_frames=5)
    clips = [(SELDOutput(probability.unsqueeze(1).logit(), front), scene)]
    metrics = SELDMetrics("dcase2024", 2, frames="clip")
    found = sweep(clips, TrackWise(2, 1), [0.1, 0.5], metrics)
    assert found.classes_compete
    assert found.per_class["f_score"].argmax(dim=0).tolist() == [1, 0]  # 0.5 and 0.1
    assert TrackWise(2, 1, threshold=[0.5, 0.1]).decode(clips[0][0]).label.tolist() == [1] * 5
    assert found.best() == 0.1
    with pytest.raises(ValueError, match="best_per_class needs classes that do not compete"):
        found.best_per_class()
    formats = {ACCDOA(2): False, ACCDOA(2, max_events=1): True, TrackWise(1): False}
    assert {format_: format_.classes_compete for format_ in formats} == formats


def test_undefined_scores_are_never_best() -> None:
    found = made_up(
        localization_error_deg=[torch.nan, 9, 12], relative_distance_error=[torch.nan] * 3
    )
    assert found.best("localization_error_deg") == 0.5
    assert torch.tensor(found.best("relative_distance_error")).isnan()
    assert found.best_per_class("relative_distance_error").tolist() == [0.5, 0.5]


def test_a_sweep_prints_as_a_table() -> None:
    lines = str(made_up(f_score=[0.1, 0.8, 0.8]).table()).splitlines()
    assert lines == ["     f_score", "0.3    0.100", "0.5    0.800", "0.7    0.800"]


@pytest.mark.messages
def test_wrong_arguments_are_named() -> None:
    clips, metrics = [probabilities(0)], SELDMetrics("dcase2024", 3, frames="clip")
    with pytest.raises(ValueError, match="sweep needs a clip and a threshold, got 0 clips"):
        sweep([], decode_front, [0.5], metrics)
    with pytest.raises(ValueError, match="sweep needs a clip and a threshold, got 1 clips, 0"):
        sweep(clips, decode_front, [], metrics)
    with pytest.raises(ValueError, match="thresholds must be finite"):
        sweep(clips, decode_front, [0.5, torch.nan], metrics)
    with pytest.raises(ValueError, match="score must be one of 'f_score', got 'er'"):
        made_up(f_score=[0.1, 0.8, 0.8]).best("er")
    with pytest.raises(ValueError, match=r"score must be .*'f_score'.* got 'onscreen_accuracy'"):
        table_of([(PREDICTION, REFERENCE)], score="onscreen_accuracy")
    with pytest.raises(ValueError, match="outputs must hold one for each of 1 clips, got 2"):
        table_of([(PREDICTION, REFERENCE)], outputs=[torch.zeros(TIME, 2, 3)] * 2)
    with pytest.raises(ValueError, match="compute needs at least one clip"):
        class_table(metrics)
    metrics.update(*[clips[0][1]] * 2)
    with pytest.raises(ValueError, match="classes must hold num_classes=3 names, got 1"):
        class_table(metrics, ["dog"])
    with pytest.raises(TypeError, match="classes must be a list of names, got the text 'dog'"):
        class_table(metrics, "dog")
    with pytest.raises(TypeError, match="thresholds must be a number, got True"):
        sweep(clips, decode_front, [True], metrics)
