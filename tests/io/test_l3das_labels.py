"""Labels and outputs of L3DAS: positions in metres, frames as published or plain."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seldkit.events import Events
from seldkit.io import read_events, write_events

FORMATS = ["l3das21", "l3das22", "l3das23"]


def read(path: Path, text: str, format: str = "l3das22", **options: object) -> Events:
    path.write_text(text)
    return read_events(path, format=format, **options)  # type: ignore[arg-type]


def position(events: Events) -> torch.Tensor:
    assert events.distance is not None
    return events.direction * events.distance.unsqueeze(dim=1)


@pytest.mark.parametrize("k", range(6))
def test_labels_cover_the_frames_of_the_published_targets(
    tmp_path: Path, golden: Callable[[str], Path], k: int
) -> None:
    with np.load(golden("roam/l3das22_labels_features.npz")) as file:
        start, end, names, xyz, wanted = (
            file[f"{name}_{k}"] for name in ("start", "end", "class", "xyz", "list")
        )
    columns = zip(start.tolist(), end.tolist(), names.tolist(), xyz.tolist(), strict=True)
    lines = [f"a.wav,{s!r},{e!r},{name},{','.join(map(repr, at))}" for s, e, name, at in columns]
    events = read(tmp_path / "clip.csv", "\n".join(["file,Start,End,Class,X,Y,Z", *lines]))
    rows = torch.column_stack((events.frame, events.label, position(events))).numpy()
    order = np.lexsort((rows[:, 1], rows[:, 0]))  # the published list goes class by class
    np.testing.assert_allclose(rows[order], wanted, rtol=0, atol=1e-12)


@pytest.mark.parametrize(("format", "num_frames"), [*zip(FORMATS, [600, 300, 300], strict=True)])
def test_published_frames_are_squeezed(tmp_path: Path, format: str, num_frames: int) -> None:
    duration = num_frames / 10
    times = np.sort(np.random.default_rng(0).uniform(0, duration, (200, 2)))
    times[:3] = [[0, duration], [10.0, 10.0], [9.95, 10.05]]
    place = "rho,theta,z" if format == "l3das23" else "X,Y,Z"
    lines = [f"{start!r},{end!r},Knock,1,1,1" for start, end in times.tolist()]
    text = "\n".join([f"Start,End,Class,{place}", *lines])
    for options in ({}, {"num_frames": num_frames}):
        events = read(tmp_path / "clip.csv", text, format, **options)
        for source, pair in enumerate(times.tolist()):
            whole = [round(time / 0.1) * 0.1 for time in pair]
            first, last = (int(np.interp(t, (0, duration), (0, num_frames - 1))) for t in whole)
            frames = events.frame[events.source == source].tolist()
            assert frames == list(range(first, last + 1))


@pytest.mark.parametrize(
    ("start", "end", "frame_rule", "frames"),
    [
        (10.0, 10.2, "published", [99, 100, 101]),
        (10.0, 10.2, "plain", [100, 101]),
        (0.04, 0.06, "published", [0]),
        (0.04, 0.06, "plain", [0]),
        (0.1, 0.1, "published", [0]),
        (0.1, 0.1, "plain", []),
        (29.9, 30.4, "published", [298, 299]),
        (29.9, 30.4, "plain", [299]),
    ],
)
def test_frame_rules_differ(
    tmp_path: Path, start: float, end: float, frame_rule: str, frames: list[int]
) -> None:
    text = f"Start,End,Class,X,Y,Z\n{start},{end},Knock,1,1,1"
    assert read(tmp_path / "clip.csv", text, frame_rule=frame_rule).frame.tolist() == frames


def test_columns_are_read_by_name(tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    text = "File,Class,Z,Y,X,End,Start\nx.wav,Knock,2,0,0,0.1,0\ny.wav,Writing,0,0,-3,0.1,0\n"
    for format in ("l3das21", "l3das22"):
        events = read(path, text, format, frame_rule="plain", num_frames=300)
        assert events == Events(
            [0, 0],
            [7, 13],
            [[0, 0, 1], [-1, 0, 0]],
            source=[0, 1],
            distance=[2, 3],
            num_frames=300,
        )
    assert read(path, text, classes=["Writing", "Knock"]).label.tolist() == [1, 0]


@pytest.mark.parametrize(
    ("cylinder", "xyz"),
    [
        ("2,0,1", (0, 2, 1)),
        ("2,90,0", (-2, 0, 0)),
        ("2,-90,0", (2, 0, 0)),
        ("2,210,-1", (1, -(3**0.5), -1)),
        ("0,45,-1", (0, 0, -1)),
    ],
)
def test_cylinders_are_turned_to_the_left(
    tmp_path: Path, cylinder: str, xyz: tuple[float, float, float]
) -> None:
    wanted = torch.tensor([xyz], dtype=torch.float64)
    row = read(tmp_path / "clip.csv", f"5,1,{cylinder}", "l3das23")
    torch.testing.assert_close(position(row), wanted, atol=1e-15, rtol=0)
    label = read(
        tmp_path / "clip.csv", f"Start,End,Class,rho,theta,z\n0,0,Knock,{cylinder}", "l3das23"
    )
    torch.testing.assert_close(position(label), wanted, atol=1e-15, rtol=0)


def test_outputs_have_no_header(tmp_path: Path) -> None:
    path = tmp_path / "clip.csv"
    events = Events.from_degrees(
        [2, 1, 1], [4, 0, 0], [0, 90, -90], [0, 0, 60], distance=[1.1, 2, 4]
    )
    write_events(path, events, format="l3das22")
    assert path.read_text() == "2,4,1.1,0,0\n1,0,0,2,0\n1,0,0,-2,3.464101615138\n"
    write_events(path, events, format="l3das23")
    assert path.read_text() == "2,4,1.1,-90,0\n1,0,2,0,0\n1,0,2,-180,3.464101615138\n"


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32 - 1))
def test_positions_come_back(
    tmp_path_factory: pytest.TempPathFactory, format: str, seed: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "clip.csv"
    generator = np.random.default_rng(seed)
    rows = int(generator.integers(1, 40))
    direction = generator.normal(size=(rows, 3))
    events = Events(
        generator.integers(0, 300, rows),
        generator.integers(0, 14, rows),
        direction / np.linalg.norm(direction, axis=1, keepdims=True),
        distance=10.0 ** generator.uniform(-2, 1.5, rows),
        num_frames=300,
    )
    write_events(path, events, format=format)
    back = read_events(path, format=format, num_frames=300)
    assert torch.equal(back.frame, events.frame)
    assert torch.equal(back.label, events.label)
    torch.testing.assert_close(back.direction, events.direction, atol=1e-9, rtol=0)
    torch.testing.assert_close(back.distance, events.distance, atol=1e-9, rtol=0)
    assert back.num_frames == 300


@pytest.mark.parametrize("format", FORMATS)
def test_a_position_at_the_origin_is_in_front_at_no_distance(tmp_path: Path, format: str) -> None:
    events = read(tmp_path / "clip.csv", "3,1,0,0,0", format)
    assert position(events).tolist() == [[0.0, 0.0, 0.0]]
    assert events.direction.tolist() == [[1.0, 0.0, 0.0]]
    write_events(tmp_path / "again.csv", events, format=format)
    assert read_events(tmp_path / "again.csv", format=format) == events
