"""Events of one corpus in the classes of another."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit import Events
from seldkit.data import (
    NIGENS2020_TO_STARSS,
    NIGENS2021_TO_STARSS,
    TAU2019_TO_STARSS,
    Projection,
    project,
)
from seldkit.io import read_events, write_events

OLD, NEW = ("a", "b", "c", "d"), ("x", "y", "z")
QUICK = settings(max_examples=60)
TARGETS = st.dictionaries(st.sampled_from(OLD), st.sampled_from(NEW))
OPTIONS = ("distance", "onscreen", "num_frames", "vectors")
ROW = st.tuples(
    st.integers(0, 5),
    st.integers(0, len(OLD) - 1),
    st.integers(-180, 179),
    st.integers(-90, 90),
    st.integers(-1, 3),
    st.floats(0, 9),
    st.booleans(),
)


Rows = list[tuple[int, int, int, int, int, float, bool]]
SCENE = st.tuples(st.lists(ROW, max_size=12), st.frozensets(st.sampled_from(OPTIONS)))


def scene(rows: Rows, options: frozenset[str]) -> Events:
    """Return events of any kind: as degrees or vectors, with or without what is optional."""
    columns = [list(column) for column in zip(*rows, strict=True)] or [[]] * 7
    frame, label, azimuth, elevation, source, distance, onscreen = columns
    events = Events.from_degrees(
        frame,
        label,
        azimuth,
        elevation,
        source=torch.tensor(source, dtype=torch.int64),
        distance=distance if "distance" in options else None,
        onscreen=onscreen if "onscreen" in options else None,
        num_frames=6 if "num_frames" in options else None,
    )
    return replace(events) if "vectors" in options else events  # it forgets the degrees


@QUICK
@given(SCENE, TARGETS)
def test_rows_stay_as_they_are_but_for_their_class(
    drawn: tuple[Rows, frozenset[str]], mapping: dict[str, str]
) -> None:
    events = scene(*drawn)
    found, dropped = project(events, Projection(mapping, classes=OLD, onto=NEW))
    rows = [i for i, label in enumerate(events.label.tolist()) if OLD[label] in mapping]
    wanted = events.select(torch.tensor(rows, dtype=torch.int64))
    assert [NEW[label] for label in found.label] == [mapping[OLD[label]] for label in wanted.label]
    assert replace(found, label=wanted.label, source=wanted.source) == replace(wanted)
    assert (found.given_deg is None) == (events.given_deg is None)
    assert torch.equal(found.azimuth_deg, wanted.azimuth_deg)
    assert torch.equal(found.elevation_deg, wanted.elevation_deg)
    lost = [label for label in events.label.tolist() if OLD[label] not in mapping]
    assert dropped.tolist() == [lost.count(c) for c in range(len(OLD))]
    assert len(found) + int(dropped.sum()) == len(events)


@QUICK
@given(SCENE, TARGETS)
def test_sources_stay_apart(drawn: tuple[Rows, frozenset[str]], mapping: dict[str, str]) -> None:
    events = scene(*drawn)
    found, _ = project(events, Projection(mapping, classes=OLD, onto=NEW))
    rows = events.select(torch.tensor([OLD[c] in mapping for c in events.label], dtype=torch.bool))
    pairs = {
        (int(old), int(was), int(new), int(now))
        for old, was, new, now in zip(
            rows.label, rows.source, found.label, found.source, strict=True
        )
    }
    named = [pair for pair in pairs if pair[1] >= 0]
    assert len({(new, now) for _, _, new, now in named}) == len(named)
    assert all(now == -1 for _, was, _, now in pairs if was == -1)
    if len(set(mapping.values())) == len(mapping):
        assert torch.equal(found.source, rows.source)


@QUICK
@given(SCENE)
def test_onto_itself_changes_nothing(drawn: tuple[Rows, frozenset[str]]) -> None:
    events = scene(*drawn)
    same = Projection({name: name for name in OLD}, classes=OLD, onto=OLD)
    found, dropped = project(events, same)
    assert found == events
    assert not dropped.any()


def test_two_classes_become_one_by_hand() -> None:
    merge = Projection({"a": "y", "c": "y"}, classes=OLD, onto=NEW)
    events = Events.from_degrees([0, 0, 0, 1, 1], [2, 0, 1, 2, 0], [10, 20, 30, 11, 21], [0] * 5)
    found, dropped = project(events, merge)
    assert found.label.tolist() == [1, 1, 1, 1]
    assert found.source.tolist() == [1, 0, 1, 0]
    assert dropped.tolist() == [0, 1, 0, 0]


def test_a_projected_clip_is_written_and_read(tmp_path: Path) -> None:
    projection = replace(
        TAU2019_TO_STARSS,
        mapping={"drawer": "domestic_sounds", "keyboard": "domestic_sounds"},
    )
    events = Events.from_degrees([0, 0, 1, 1], [1, 6, 1, 6], [30, -20, 30, -20], [0] * 4)
    projected, _ = project(events, projection)
    write_events(tmp_path / "clip.csv", projected, format="dcase2022", check="strict")
    read = read_events(tmp_path / "clip.csv", format="dcase2022", check="strict")
    assert read == projected


@pytest.mark.parametrize(
    ("projection", "labels"),
    [
        (TAU2019_TO_STARSS, [12, -1, -1, 3, -1, -1, -1, -1, -1, 7, 4]),
        (NIGENS2020_TO_STARSS, [-1, -1, -1, -1, -1, -1, 0, -1, 6, 12, -1, 1, 3, 9]),
        (NIGENS2021_TO_STARSS, [-1, -1, -1, -1, -1, 0, 6, 12, -1, 1, 3, 9]),
    ],
)
def test_projections_onto_starss_by_number(projection: Projection, labels: list[int]) -> None:
    assert projection.labels.tolist() == labels


def test_nothing_is_projected_to_nothing() -> None:
    nothing = Events.from_degrees([], [], [], [], num_frames=4)
    assert project(nothing, TAU2019_TO_STARSS).events == nothing
    unnamed = Projection({}, classes=OLD, onto=NEW)
    found, dropped = project(Events([0], [3], [[1.0, 0.0, 0.0]]), unnamed)
    assert (len(found), dropped.tolist()) == (0, [0, 0, 0, 1])


@pytest.mark.messages
def test_wrong_names_and_labels_are_named() -> None:
    with pytest.raises(ValueError, match=r"a class in mapping must be one of 'a', .* got 'e'"):
        Projection({"e": "x"}, classes=OLD, onto=NEW)
    with pytest.raises(ValueError, match=r"a counterpart in mapping must be one of .* got 'a'"):
        Projection({"a": "a"}, classes=OLD, onto=NEW)
    with pytest.raises(ValueError, match=r"onto must be different names, got twice \['x'\]"):
        Projection({"a": "x"}, classes=OLD, onto=("x", "x"))
    message = "events must have labels below 4, the number of classes, got 7"
    with pytest.raises(ValueError, match=message):
        project(
            Events.from_degrees([0], [7], [0], [0]), Projection({"a": "x"}, classes=OLD, onto=NEW)
        )
    with pytest.raises(TypeError, match="classes must be a list of names, got 'ab'"):
        Projection({}, classes="ab", onto=NEW)
    with pytest.raises(ValueError, match="onto must have at least one name, got none"):
        Projection({}, classes=OLD, onto=())


def test_a_projection_stays_as_it_was_checked() -> None:
    mapping, classes = {"a": "x"}, list(OLD)
    projection = Projection(mapping, classes=classes, onto=NEW)
    mapping["b"] = "unknown"
    classes[0] = "z"
    assert projection.labels.tolist() == [0, -1, -1, -1]
    empty = Projection({"a": "x"}, classes=OLD, onto=("x", ""))
    assert empty.labels.tolist() == [0, -1, -1, -1]
