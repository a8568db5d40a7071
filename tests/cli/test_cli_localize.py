"""`seldkit localize` tells where the sounds of a recording come from."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from seldkit.io import read_events

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
    Path("list.json").write_text(json.dumps(SQUARE))
    assert seldkit("localize", recording, "--array", "list.json") == (0, out, "")


@pytest.mark.messages
@pytest.mark.parametrize("text", ["{}", "[[0, 1]]", "no", "3"])
def test_what_is_no_array(seldkit: Seldkit, data: Callable[[str], Path], text: str) -> None:
    Path("array.json").write_text(text)
    recording = data("multi_ssl/a180e20_50cm.flac")
    code, out, err = seldkit("localize", recording, "--array", "array.json")
    assert (code, out) == (2, "")
    assert 'array.json must hold {"positions": [[x, y, z], ...]} in metres, got' in err
    assert seldkit("localize", recording, "--array", "missing.json")[0] == 2
