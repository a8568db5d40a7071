"""Energy maps go to their JSON files and come back, and files that are not in order are told."""

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from random_maps import random_maps
from seldkit.events import EnergyMaps
from seldkit.io import read_maps, write_maps
from seldkit.io.maps import AzimuthGrows

ANNOTATION: dict[str, Any] = {
    "metadata_frame_index": 3,
    "instance_id": 7,
    "category_id": 2,
    "distance": 150.0,
    "segmentation": [[[90.0, 89.5, 0.5]], [[180.0, 0.0, 0.25]]],
}


def written(folder: Path, *annotations: dict[str, Any]) -> Path:
    path = folder / "clip.json"
    path.write_text(json.dumps({"annotations": list(annotations)}))
    return path


def test_points_of_all_polygons_are_one_map(tmp_path: Path) -> None:
    path = written(tmp_path, ANNOTATION, ANNOTATION | {"category_id": 13})
    maps = read_maps(path, num_frames=9)
    assert (maps.frame.tolist(), maps.label.tolist(), maps.source.tolist()) == ([3], [2], [7])
    assert maps.azimuth_deg.tolist() == [90, 0]  # what stands left on the canvas is on the left
    assert maps.elevation_deg.tolist() == [0, 90]
    assert maps.distance is not None
    assert maps.distance.tolist() == [1.5]
    assert maps.score is None
    assert maps.num_frames == 9
    assert read_maps(path, azimuth_grows="right").azimuth_deg.tolist() == [-90, 0]
    assert len(read_maps(path, num_classes=14)) == 2


def test_below_the_last_row_is_straight_down(tmp_path: Path) -> None:
    path = written(tmp_path, ANNOTATION | {"segmentation": [[[0, 180, 1], [360, 179, 1]]]})
    assert read_maps(path).elevation_deg.tolist() == [-90, -90]


@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from(["left", "right"]))
@settings(max_examples=15)
def test_write_then_read_is_the_same(seed: int, scores: bool, grows: AzimuthGrows) -> None:
    maps = random_maps(seed, rows=5, scores=scores)
    with TemporaryDirectory() as folder:
        path = Path(folder, "clip.json")
        write_maps(path, maps, azimuth_grows=grows)
        back = read_maps(path, azimuth_grows=grows, num_frames=5)
    for name in ("frame", "label", "source", "row", "energy", "score"):
        assert str(getattr(back, name)) == str(getattr(maps, name))
    for name in ("azimuth_deg", "elevation_deg", "distance"):
        torch.testing.assert_close(getattr(back, name), getattr(maps, name), atol=1e-9, rtol=0)


def test_a_published_file_comes_back_number_by_number(
    golden: Callable[[str], Path], tmp_path: Path
) -> None:
    source = golden("recent/saiseld/gt/test/fold4_room0_mix001.json")
    copy = tmp_path / source.name
    write_maps(copy, read_maps(source))
    one, other = (json.loads(path.read_text())["annotations"] for path in (source, copy))
    assert one == other


@pytest.mark.messages
@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"segmentation": [[[361, 0, 1]]]}, "annotation 0: x must lie in 0..360, got 361"),
        ({"segmentation": [[[0, -1, 1]]]}, "annotation 0: y must lie in 0..180, got -1"),
        ({"segmentation": [[[0, 1, -1]]]}, "energy must not be negative, got -1"),
        ({"segmentation": [[[0, 1]]]}, "a point must be [x, y, energy], got [0, 1]"),
        ({"segmentation": [[[0, 1, "1"]]]}, "a point must hold finite numbers, got '1'"),
        ({"segmentation": [[[0, 1, float("nan")]]]}, "a point must hold finite numbers, got nan"),
        ({"segmentation": [3]}, "segmentation must hold lists of points"),
        ({"metadata_frame_index": -1}, "metadata_frame_index must not be negative, got -1"),
        ({"metadata_frame_index": 1.5}, "metadata_frame_index must be an integer, got 1.5"),
        ({"distance": -1}, "distance must not be negative, got -1"),
        ({"metadata_frame_index": 10**12}, "clip.json: frame must be below"),
        ({"distance": 10**400}, "clip.json, annotation 0: int too large"),
        ({"score": True}, "score must hold finite numbers, got True"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    tmp_path: Path, change: dict[str, Any], told: str
) -> None:
    path = written(tmp_path, ANNOTATION | change)
    with pytest.raises(ValueError, match=r".") as error:
        read_maps(path)
    assert str(path) in str(error.value)
    assert told in str(error.value)


@pytest.mark.messages
def test_files_that_are_no_maps_are_told(tmp_path: Path) -> None:
    path = tmp_path / "clip.json"
    path.write_text("0,1,2")
    with pytest.raises(ValueError, match="must be a JSON file"):
        read_maps(path)
    path.write_text("{}")
    with pytest.raises(ValueError, match="must hold a list of 'annotations'"):
        read_maps(path)
    path = written(tmp_path, {"category_id": 1})
    with pytest.raises(ValueError, match="must have metadata_frame_index, segmentation"):
        read_maps(path)
    path = written(tmp_path, ANNOTATION, {k: v for k, v in ANNOTATION.items() if k != "distance"})
    with pytest.raises(ValueError, match="distance must be in all annotations or in none"):
        read_maps(path)
    maps = EnergyMaps([0], [0], [0], [0], [0], [1])
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        write_maps(tmp_path / "none" / "clip.json", maps)
    with pytest.raises(TypeError, match="maps must be EnergyMaps, got int"):
        write_maps(path, 3)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"maps.frame_s must be 0.1"):
        write_maps(path, EnergyMaps([0], [0], [0], [0], [0], [1], frame_s=0.02))
