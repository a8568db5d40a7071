"""`seldkit models` and `seldkit export` tell of trained systems, and write them as one file."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.hearing import record_alarm, saved_system
from seldkit import Pipeline
from seldkit.pipeline import compare_onnx

Seldkit = Callable[..., tuple[int, str, str]]


def test_it_tells_what_a_system_is_made_of(seldkit: Seldkit, tmp_path: Path) -> None:
    folder = saved_system(tmp_path / "trained")
    code, out, err = seldkit("models", folder)
    assert (code, err) == (0, "")
    title, *lines = out.splitlines()
    assert title == f"{folder}:"
    entries = {line[:13].strip(): line[14:] for line in lines}
    assert entries["hears"] == "4 channels at 24000 Hz, in windows of 4 s every 2 s"
    assert entries["classes"] == "a, b, c"
    assert entries["features"].startswith("ein_seld(")
    assert entries["network"].startswith("seldnet(num_classes=3, ")
    code, out, _ = seldkit("models", folder, folder, "--cost", "--json")
    told = json.loads(out)[str(folder)]
    assert told["classes"] == ["a", "b", "c"]
    assert told["parameters"].startswith("1,579, ")
    assert "on one core" in told["time"]


def test_it_lists_what_comes_with_the_library(seldkit: Seldkit) -> None:
    code, out, err = seldkit("models")
    assert (code, err) == (0, "")
    assert out.startswith("everyday12:\n")
    assert "4 channels at 24000 Hz, whole recordings from start to end" in out
    code, out, err = seldkit("models", "nothing")
    assert (code, out) == (2, "")
    assert "a system must be the folder of a saved pipeline" in err


@pytest.mark.transforms
def test_a_system_is_written_and_compared(seldkit: Seldkit, tmp_path: Path) -> None:
    pytest.importorskip("onnxscript")
    folder, street = saved_system(tmp_path / "trained"), record_alarm(tmp_path / "street.wav")
    code, out, err = seldkit("export", folder, "small.onnx", "--int8", "--on", street)
    assert (code, err) == (0, "")
    size, shapes, change = out.splitlines()
    assert size.startswith("small.onnx: ")
    assert shapes == "takes waveform (batch, 4, sample) at 24000 Hz, returns output"
    assert change.startswith(f"largest difference on {street}: output 0.0")
    changes = compare_onnx("small.onnx", Pipeline.load(folder))
    assert 1e-5 < changes["output"] < 0.05


def test_what_cannot_be_exported_is_told(seldkit: Seldkit, tmp_path: Path) -> None:
    pytest.importorskip("onnxruntime")
    saved_system(tmp_path / "trained")
    for words, message in (
        (("trained", "out.pt"), "OUT must end with .onnx, got out.pt"),
        (("gone", "out.onnx"), "a system must be the folder of a saved pipeline"),
        (("trained", "no/out.onnx"), "there is no folder no"),
        (("trained", "out.onnx", "--on", "gone.wav"), "gone.wav"),
    ):
        code, out, err = seldkit("export", *words)
        assert (code, out) == (2, "")
        assert err.startswith("seldkit export: error: ")
        assert message in err
