"""A folder holds a whole pipeline or none; what is damaged or foreign is named."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from house import ROOT
from killed_writers import constant, found, pipeline
from seldkit.pipeline import Pipeline

BUILDERS = {"constant": constant}


def load(folder: Path) -> Pipeline:
    return Pipeline.load(folder, builders=BUILDERS)


@pytest.mark.programs
def test_a_killed_or_rivalled_save_leaves_the_old_or_the_new_pipeline(tmp_path: Path) -> None:
    command = [sys.executable, str(ROOT / "tests" / "killed_writers.py"), str(tmp_path)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    outcome = json.loads(done.stdout)
    *none, last = dict.fromkeys(str(x).partition(":")[0] for x in outcome["first"])
    assert (none, last) == (["FileNotFoundError"], "0.75")
    assert outcome["second"] == sorted(outcome["second"])  # old ones, then new ones
    assert set(outcome["second"]) == {0.25, 0.75}
    assert len(outcome["second"]) > 5
    assert set(outcome["any"]) <= {0.25, 0.5, 0.75}
    assert set(outcome["both"]) <= {0.25, 0.5, 0.75}
    assert outcome["both"][-1] != 0.25
    assert sorted(outcome["left"]) == ["pipeline.json", "weights.safetensors"]


def test_a_failed_save_leaves_the_old_pipeline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline(0.25).save(tmp_path)
    replace = Path.replace
    for name, left in (("weights.safetensors", 0.25), ("pipeline.json", 0.75)):

        def fail(path: Path, target: Path, name: str = name) -> Path:
            if target.name == name:
                raise OSError("the disk is gone")
            return replace(path, target)

        monkeypatch.setattr(Path, "replace", fail)
        with pytest.raises(OSError, match="the disk is gone"):
            pipeline(0.75).save(tmp_path)
        assert found(tmp_path) == left
    monkeypatch.undo()
    pipeline(0.5).save(tmp_path)
    assert found(tmp_path) == 0.5
    assert len(list(tmp_path.iterdir())) == 2


def test_a_draft_that_cannot_be_written_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(number: int) -> None:
        raise OSError("no space left")

    pipeline(0.25).save(tmp_path)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space left"):
        pipeline(0.75).save(tmp_path)
    assert found(tmp_path) == 0.25
    assert len(list(tmp_path.iterdir())) == 2


def test_the_folder_below_is_named(tmp_path: Path) -> None:
    pipeline(0.5).save(tmp_path / "runs" / "last")
    pipeline(0.5).save(tmp_path / "runs" / "best")
    for parent in (tmp_path, str(tmp_path / "runs")):
        with pytest.raises(FileNotFoundError, match=r"holds no pipeline; there is one in .*best, "):
            load(Path(parent))
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*none"):
        load(tmp_path / "none")
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*json; give the folder, "):
        load(tmp_path / "runs" / "best" / "pipeline.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"empty holds no pipeline: no pipeline\.json"):
        load(tmp_path / "empty")
    (tmp_path / "runs" / "best" / "weights.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"holds a pipeline\.json, but no weights\.safe"):
        load(tmp_path / "runs" / "best")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


def cut_header(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:20])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def replace_weights(path: Path) -> None:
    save_file({name: x + 1 for name, x in load_file(path).items()}, path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, "is damaged: "),
        (cut_header, "is damaged: "),
        (empty, "is damaged: "),
        (flip, "is damaged or of another pipeline: its SHA-256 is "),
        (replace_weights, "is damaged or of another pipeline: its SHA-256 is "),
    ],
)
def test_damaged_weights_are_named(
    tmp_path: Path, damage: Callable[[Path], None], message: str
) -> None:
    pipeline(0.5).save(tmp_path)
    damage(tmp_path / "weights.safetensors")
    with pytest.raises(ValueError, match=rf"weights\.safetensors {message}"):
        load(tmp_path)
    pipeline(0.75).save(tmp_path)  # a new one can be put there
    assert found(tmp_path) == 0.75


def test_weights_and_descriptions_of_two_pipelines_do_not_mix(tmp_path: Path) -> None:
    for name, value in (("a", 0.25), ("b", 0.5)):
        pipeline(value).save(tmp_path / name)
    (tmp_path / "b" / "weights.safetensors").replace(tmp_path / "a" / "weights.safetensors")
    with pytest.raises(ValueError, match=r"a/weights\.safetensors is damaged or of another pip"):
        load(tmp_path / "a")


def edited(**entries: Any) -> Callable[[dict[str, Any]], Any]:
    def edit(description: dict[str, Any]) -> Any:
        description.update(entries)
        return description

    return edit


def without(name: str) -> Callable[[dict[str, Any]], Any]:
    def edit(description: dict[str, Any]) -> Any:
        del description[name]
        return description

    return edit


def with_argument(part: str, **arguments: Any) -> Callable[[dict[str, Any]], Any]:
    def edit(description: dict[str, Any]) -> Any:
        description[part]["arguments"].update(arguments)
        return description

    return edit


OLD = {
    "extractor": ["ein_seld", {"num_mels": 8}],
    "model": ["einv2", {"num_classes": 3}],
    "format": ["TrackWise", {"num_classes": 3}],
    "standardize": [7, 8],
    "window_s": 4.0,
    "hop_s": 2.0,
    "label_rate": 10.0,
    "classes": None,
}


@pytest.mark.messages
@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda _: [1, 2], "describes no pipeline: it holds a list"),
        (lambda _: "text", "describes no pipeline: it holds a str"),
        (lambda _: None, "describes no pipeline: it holds a NoneType"),
        (lambda _: {}, "it is none of a pipeline, or was written before pipelines stored"),
        (lambda _: OLD, "it is none of a pipeline, or was written before pipelines stored"),
        (lambda _: {"name": "package", "version": "1.0"}, "it is none of a pipeline"),
        (without("version"), "it does not say its version"),
        (without("seldkit"), "it does not say its version"),
        (without("window_s"), r"missing \['window_s'\], unknown \[\]"),
        (without("weights_sha256"), r"missing \['weights_sha256'\], unknown \[\]"),
        (edited(colour="red"), r"missing \[\], unknown \['colour'\]"),
        (edited(version=2), r"written by seldkit .* \(version 2 .*newer than this .*update"),
        (edited(seldkit="99.1.0"), r"written by seldkit 99\.1\.0 .*newer than this .*update"),
        (edited(version=0), "version must be a whole number from 1, got 0"),
        (edited(version="1"), "version must be a whole number from 1, got '1'"),
        (edited(version=True), "version must be a whole number from 1, got True"),
        (edited(model=["einv2", {}]), "model must be a builder and its arguments, got"),
        (edited(model=None), "model must be a builder and its arguments, got None"),
        (edited(model={"builder": "constant", "arguments": []}), "model must be a builder"),
        (edited(model={"builder": ["constant"], "arguments": {}}), "model must be a builder"),
        (edited(kept=[]), "kept must hold settings of parts, got"),
        (edited(kept={"model": {"momentum": {"norm": 1}}}), "norm"),
        (edited(kept={"model": {"requires_grad": {"bias": False}}}), "bias"),
        (edited(kept={"model": {"dtype": {"": "float32"}}}), " has no precision 'float32'"),
        (edited(kept={"extractor": {"dtype": {"none": "float32"}}}), "none"),
        (edited(kept={"model": 3}), "kept must hold settings of parts, got"),
        (edited(window_s="4"), "window_s must be a number, got '4'"),
        (edited(window_s=None), "hop_s must be None where window_s is, got 0.1"),
        (edited(window_s=0.25), r"window_s \* label_rate must be a whole number, got 2\.5"),
        (edited(hop_s=3), r"hop_s must be at most window_s=0\.2, got 3"),
        (edited(classes="a"), "classes must be a list of names, got the string 'a'"),
        (edited(classes=["a", "b"]), "classes must be as many as the format has"),
        (edited(classes=3), "classes must be a list of names, got 3"),
        (edited(weights_sha256=3), "weights_sha256 must be a text, got 3"),
        (edited(classes={"a": 1, "b": 2}), "classes must be as many as the format has"),
        (with_argument("model", depth=3), "constant cannot be called again: .*'depth'"),
        (with_argument("format", threshold=[1, 2]), "TrackWise cannot be called again: threshold"),
        (with_argument("format", num_classes="1"), "TrackWise cannot be called again: num_cl"),
        (with_argument("format", num_tracks={"a": 1}), r"there is nothing with the keys \['a'\]"),
        (with_argument("format", num_tracks={"tuple": 1}), "is damaged"),
        (with_argument("extractor", num_mels=9), None),
    ],
)
def test_damaged_descriptions_are_named(
    tmp_path: Path, edit: Callable[[dict[str, Any]], Any], message: str | None
) -> None:
    pipeline(0.5).save(tmp_path)
    path = tmp_path / "pipeline.json"
    path.write_text(json.dumps(edit(json.loads(path.read_text(encoding="utf-8")))))
    if message is None:
        load(tmp_path)
        return
    with pytest.raises(ValueError, match=message) as caught:
        load(tmp_path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe{}", b"[" * 100000, b'{"version": 1}{}'])
def test_what_is_no_json_is_named(tmp_path: Path, text: bytes) -> None:
    pipeline(0.5).save(tmp_path)
    (tmp_path / "pipeline.json").write_bytes(text)
    with pytest.raises(ValueError, match=r"pipeline\.json is damaged, it is no JSON: "):
        load(tmp_path)
    pipeline(0.75).save(tmp_path)
    assert found(tmp_path) == 0.75


def test_other_networks_of_a_builder_are_named(tmp_path: Path) -> None:
    pipeline(0.5).save(tmp_path)

    def other() -> nn.Module:
        model = constant()
        model.bias = nn.Parameter(torch.zeros(3))
        return model

    with pytest.raises(ValueError, match=r"missing \['model\.bias'\], unknown \[\]"):
        Pipeline.load(tmp_path, builders={"constant": other})

    def narrow() -> nn.Module:
        model = constant()
        model.weight = nn.Parameter(torch.zeros(3))
        return model

    with pytest.raises(ValueError, match=r"model\.weight has shape \(20000,\) and torch\.float32,"):
        Pipeline.load(tmp_path, builders={"constant": narrow})


def test_nothing_but_known_builders_is_called(tmp_path: Path) -> None:
    pipeline(0.5).save(tmp_path)
    path = tmp_path / "pipeline.json"
    text = path.read_text(encoding="utf-8")
    for name in ("os.system", "eval", "ein_seld", "STFT", "__import__"):
        path.write_text(text.replace('"builder": "constant"', f'"builder": "{name}"'))
        with pytest.raises(KeyError, match=f"model builder '{name}' is unknown; known are "):
            load(tmp_path)
