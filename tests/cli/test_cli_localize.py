"""`seldkit localize` tells where the sounds of a recording come from."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from seldkit.ambisonics import plane_wave
from seldkit.arrays import ArrayGeometry
from seldkit.geometry import unit_vector
from seldkit.io import read_events, write_audio
from seldkit.synth import array_plane_wave

Seldkit = Callable[..., tuple[int, str, str]]
SIDE = 0.02285
SQUARE = [[SIDE, SIDE, 0], [-SIDE, SIDE, 0], [-SIDE, -SIDE, 0], [SIDE, -SIDE, 0]]


def test_a_talker_behind(seldkit: Seldkit, data: Callable[[str], Path], tmp_path: Path) -> None:
    Path("array.json").write_text(json.dumps({"positions": SQUARE}))
    recording = data("multi_ssl/a180e20_50cm.flac")
    words = ("localize", recording, "--array", "array.json", "--out", "found.csv")
    code, out, err = seldkit(*words)
    head, *rows = out.splitlines()
    assert (code, err) == (0, "")
    assert head.split() == ["source", "start", "end", "azimuth", "elevation"]
    assert rows
    for row in rows:
        azimuth, elevation = (float(cell.rstrip("°")) for cell in row.split()[-2:])
        assert abs(azimuth) > 177
        assert 15 < elevation < 25
    found = read_events("found.csv", format="dcase2023")
    assert len(found) > 20
    assert seldkit(*words, "--format", "dcase2019") == (0, out, "")
    assert read_events("found.csv", format="dcase2019").frame_s == 0.02
    Path("list.json").write_text(json.dumps(SQUARE))
    assert seldkit("localize", recording, "--array", "list.json") == (0, out, "")


def test_ambisonics_of_other_conventions(seldkit: Seldkit) -> None:
    direction, sound = unit_vector(60.0, 20.0), 0.1 * torch.randn(8000)
    gains = torch.tensor([0.5**0.5, 1, 1, 1]).unsqueeze(1)
    write_audio("fuma.wav", plane_wave(sound, direction)[[0, 3, 1, 2]] * gains, 8000)
    capsules = ArrayGeometry.tetrahedron(0.0147)
    looks = torch.nn.functional.normalize(capsules.positions).float()
    heard = array_plane_wave(sound, direction, capsules, sample_rate=8000)
    write_audio("a.wav", heard * (1 + looks @ direction).unsqueeze(1) / 2, 8000)
    for name, order in (("fuma.wav", "fuma"), ("a.wav", "a-format")):
        words = ("localize", name, "--array", "foa", "--order", order, "--method", "intensity")
        code, out, err = seldkit(*words)
        assert (code, bool(err)) == (0, order == "a-format")
        azimuth, elevation = (float(cell.rstrip("°")) for cell in out.split()[-2:])
        assert abs(azimuth - 60) < 3
        assert abs(elevation - 20) < 3


@pytest.mark.messages
@pytest.mark.parametrize("text", ["{}", "[[0, 1]]", "no", "3"])
def test_what_is_no_array(seldkit: Seldkit, data: Callable[[str], Path], text: str) -> None:
    Path("array.json").write_text(text)
    recording = data("multi_ssl/a180e20_50cm.flac")
    code, out, err = seldkit("localize", recording, "--array", "array.json")
    assert (code, out) == (2, "")
    assert 'array.json must hold {"positions": [[x, y, z], ...]} in metres, got' in err
    assert seldkit("localize", recording, "--array", "missing.json")[0] == 2
    Path("array.json").write_text(json.dumps(SQUARE))
    code, _, err = seldkit("localize", recording, "--array", "array.json", "--order", "fuma")
    assert code == 2
    assert "--order and --normalization are for --array foa, got --array array.json" in err
