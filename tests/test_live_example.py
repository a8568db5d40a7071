"""The live view tells what a stream tells, of a file, of a made scene and of a sound card."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from house import ROOT
from seldkit import io
from sound_fields import diffuse_noise

sys.path.insert(0, str(ROOT / "examples"))  # as for a script in that folder

import live

pytestmark = pytest.mark.programs


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> None:
    """Run the example as its command line does."""
    monkeypatch.setattr(sys, "argv", ["live.py", *map(str, words)])
    threads = torch.get_num_threads()
    live.main()
    torch.set_num_threads(threads)


def test_it_runs_in_its_quick_form(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(monkeypatch, "--quick")
    first, *lines, last = capsys.readouterr().out.splitlines()
    assert first == "latency 101 ms; Ctrl-C ends"
    assert last == "30 frames heard"
    assert lines
    assert all(line.split()[2] in ("bell", "dog", "voice") for line in lines)


def test_it_tells_what_the_system_hears_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipeline, audio = live.quick_pipeline(), tmp_path / "noise.wav"
    pipeline.save(tmp_path / "system")
    io.write_audio(audio, diffuse_noise(24000), 24000)
    run(monkeypatch, audio, "--pipeline", tmp_path / "system", "--chunk-s", 0.25)
    lines = capsys.readouterr().out.splitlines()[1:-1]
    spans = pipeline.predict(audio, check=None).spans()
    began = sorted(f"{span.start_s:.1f} {pipeline.classes[span.label]}" for span in spans)  # type: ignore[index]
    assert sorted(f"{line.split()[0]} {line.split()[2]}" for line in lines) == began
    monkeypatch.setattr(live, "START", "\r\x1b[K")
    run(monkeypatch, audio, "--pipeline", tmp_path / "system", "--fast")
    strips = [line for line in capsys.readouterr().out.split("\r") if "·" in line]
    assert len(strips) == 10
    assert all(len(line.split()[-1]) == live.WIDTH for line in strips)


def test_without_a_system_the_one_in_the_box_listens(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    data: Callable[[str], Path],
) -> None:
    run(monkeypatch, data("foa/recordings/starss23_clip.flac"), "--fast")
    lines = capsys.readouterr().out.splitlines()
    assert "speech" in {line.split()[2] for line in lines[1:-1]}


class SoundCard:
    """What `sounddevice` has: a card that is unplugged after five chunks."""

    def __init__(self, **settings: Any) -> None:
        assert settings["samplerate"] == 24000
        self.channels, self.left = settings["channels"], 5

    def __enter__(self) -> "SoundCard":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def read(self, size: int) -> tuple[Any, bool]:
        """Return noise, or interrupt as Ctrl-C does."""
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt
        return np.full((size, self.channels), 0.1, np.float32), self.left == 2


def test_it_hears_a_sound_card_until_it_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    live.quick_pipeline().save(tmp_path)
    card: Any = ModuleType("sounddevice")
    card.InputStream = SoundCard
    monkeypatch.setitem(sys.modules, "sounddevice", card)
    run(monkeypatch, "--pipeline", tmp_path)
    out, err = capsys.readouterr()
    assert out.endswith("5 frames heard\n")
    assert err == "samples were lost: this computer is too slow\n"


@pytest.mark.messages
def test_what_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    live.quick_pipeline().save(tmp_path)
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    with pytest.raises(SystemExit, match=r"a microphone needs pip install 'seldkit\[live\]'"):
        run(monkeypatch, "--pipeline", tmp_path)
