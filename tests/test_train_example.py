"""Any network trains by `examples/train.py`: it hears built-in sounds, and its loss falls."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import trees
from house import ROOT
from seldkit import Pipeline, models
from seldkit._builders import builders_of
from seldkit.arrays import ArrayGeometry

sys.path.insert(0, str(ROOT / "examples"))  # as for a script in that folder

import train
from energy_maps import planes_on
from system import TETRAHEDRON, System
from train import SYSTEMS

pytestmark = pytest.mark.programs

ELSEWHERE = {
    "joined_trainings": "is three networks that were trained apart",
    "lam": "learns without labels",
    "overlapping_e2e": "separates sources, in an example of its own",
    "uplam": "learns without labels",
    "with_adapters": "changes a trained network",
    "with_lora": "changes a trained network",
}


def run(monkeypatch: pytest.MonkeyPatch, out: Path, *words: object) -> None:
    """Run the example as its command line does, on the processor."""
    command = ["train.py", "--quick", "--out", out, "--accelerator", "cpu", *words]
    monkeypatch.setattr(sys, "argv", list(map(str, command)))
    train.main()


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Callable[[System], Path]:
    """Return a function to the scenes that a system learns from, which are made once."""
    folders: dict[str, Path] = {}

    def made(system: System) -> Path:
        heard_by = repr(system.scenes)
        if heard_by not in folders:
            folders[heard_by] = tmp_path_factory.mktemp("made")
            size = {**train.SIZES["quick"], "sounds": None, "data": None, "seed": 0}
            train.read_clips(argparse.Namespace(out=folders[heard_by], **size), system)
        return folders[heard_by] / "scenes"

    return made


@pytest.mark.parametrize("name", SYSTEMS)
def test_any_system_learns_and_is_used(
    name: str,
    scenes: Callable[[System], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "scenes").symlink_to(scenes(SYSTEMS[name]))
    run(monkeypatch, tmp_path, "--system", name, "--epochs", 4, "--batch-size", 2)
    log = np.genfromtxt(tmp_path / "log.csv", delimiter=",", skip_header=1)
    loss = log[:, 2:].sum(axis=1)  # behind epoch and learning rate
    fall, rise = loss[0] - loss[-1], np.diff(loss).max()  # which chance does as often as it falls
    assert fall > max(3 * rise, 0.03 * loss[0])
    assert capsys.readouterr().out.splitlines()[-1].startswith("F20 frame-wise ")
    pipeline = Pipeline.load(tmp_path / "pipeline", builders={"planes_on": planes_on})
    assert pipeline.predict(tmp_path / "scenes/test/scene_00000.flac").num_frames == 100


@pytest.mark.parametrize("name", SYSTEMS)
def test_reduced_networks_fit_their_features(name: str) -> None:
    extractor, network, format = SYSTEMS[name].build(5)
    sound = 0.1 * torch.randn(extractor.in_channels, extractor.sample_rate)
    pipeline = Pipeline(extractor, network.eval(), format, window_s=1.0)
    assert pipeline.predict(sound, extractor.sample_rate, check=None).num_frames == 10


def test_every_network_is_a_system() -> None:
    built = {builder.__name__ for builder in builders_of(models)}
    assert built - SYSTEMS.keys() == ELSEWHERE.keys()
    listed = (ROOT / "examples" / "README.md").read_text()
    assert [name for name in SYSTEMS if f"`{name}`" not in listed] == []


def test_a_run_goes_on_by_its_own_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scenes: Callable[[System], Path]
) -> None:
    (tmp_path / "scenes").symlink_to(scenes(SYSTEMS["accdoa"]))
    run(monkeypatch, tmp_path, "--epochs", 1)
    with pytest.raises(ValueError, match="it was begun with epochs=1, not 2: repeat that"):
        run(monkeypatch, tmp_path)


@pytest.mark.parametrize(
    ("name", "array", "num_classes"), [("accdoa", None, 13), ("neural_srp", TETRAHEDRON, 1)]
)
def test_a_labelled_corpus_takes_the_place_of_scenes(
    name: str,
    array: ArrayGeometry | None,
    num_classes: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out, corpus = tmp_path / "out", trees.record(tmp_path, array=array)
    words = ["--data", corpus, "--epochs", 1, "--batch-size", 2]
    run(monkeypatch, out, "--system", name, *words)
    assert "F20 frame-wise" in capsys.readouterr().out
    assert len(Pipeline.load(out / "pipeline").classes or ()) == num_classes
