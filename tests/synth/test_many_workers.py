"""Who makes the scenes, how many do, and how often they are stopped: the bytes are the same."""

import sys
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path
from signal import SIGKILL
from subprocess import DEVNULL, Popen
from time import sleep
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from seldkit.arrays import ArrayGeometry
from seldkit.cli import main
from seldkit.data import clip_name
from seldkit.io import read_audio, read_events, write_audio
from seldkit.synth import SceneSynthesizer, write_scenes

pytestmark = pytest.mark.programs

TINY: dict[str, Any] = {"duration_s": 1.0, "sample_rate": 8000, "anechoic": True, "moving": 0.5}


@pytest.fixture
def sounds(tmp_path: Path) -> Path:
    """Return a folder of two classes of noises."""
    for number, name in enumerate(("cat", "dog")):
        (tmp_path / "sounds" / name).mkdir(parents=True)
        noise = torch.randn(1, 4000, generator=torch.Generator().manual_seed(number))
        write_audio(tmp_path / "sounds" / name / "a.wav", 0.1 * noise, 8000)
    return tmp_path / "sounds"


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("workers", ["threads", "processes", "dask"])
def test_other_workers_make_the_same_bytes(
    workers: str, tmp_path: Path, sounds: Path, request: pytest.FixtureRequest
) -> None:
    synthesizer = SceneSynthesizer(sounds, **TINY)
    list(write_scenes(synthesizer, tmp_path / "here", 6, num_workers=0))
    there: Callable[..., Any] = lambda **given: list(  # noqa: E731
        write_scenes(synthesizer, tmp_path / "there", 6, **given)
    )
    if workers == "processes":
        files = there(num_workers=1)
    elif workers == "threads":
        with ThreadPoolExecutor(3) as executor:
            files = there(executor=executor)
    else:
        cluster: Executor = request.getfixturevalue("dask")
        files = there(executor=cluster)
    assert [scene.audio.name for scene in files][::5] == ["scene_00000.flac", "scene_00005.flac"]
    assert contents(tmp_path / "here") == contents(tmp_path / "there")


def test_a_folder_may_be_told_from_where_one_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    files = list(write_scenes(SceneSynthesizer(**TINY), "scenes", 1, num_workers=0))
    assert files[0].labels == Path("scenes/scene_00000.csv")


@pytest.mark.parametrize(("array", "audio"), [(None, "foa_dev"), ("mic", "mic_dev")])
def test_a_published_layout(array: str | None, audio: str, tmp_path: Path) -> None:
    synthesizer = SceneSynthesizer(array=ArrayGeometry.tetrahedron() if array else None, **TINY)
    for fold in (1, 2):  # in one tree
        files = list(
            write_scenes(
                synthesizer,
                tmp_path,
                2,
                seed=fold,
                layout="starss23",
                file_type="wav",
                fold=fold,
                num_workers=0,
            )
        )
    names = sorted(contents(tmp_path))
    assert {name for name in names if "fold2" in name and "manifest" not in name} == {
        f"{audio}/dev-train-synth/fold2_room1_mix001.wav",
        f"{audio}/dev-train-synth/fold2_room2_mix002.wav",
        "metadata_dev/dev-train-synth/fold2_room1_mix001.csv",
        "metadata_dev/dev-train-synth/fold2_room2_mix002.csv",
    }
    assert {"manifest_fold1.json", "manifest_fold2.json"} < set(names)
    assert clip_name(files[1].audio) == (2, 2)
    torch.testing.assert_close(
        read_audio(files[1].audio)[0], synthesizer.scene(2, 1)[0], rtol=0, atol=0
    )
    read_events(files[1].labels, format="dcase2023")


@pytest.mark.messages
def test_a_layout_that_is_unknown(tmp_path: Path) -> None:
    synthesizer, wrong = SceneSynthesizer(**TINY), "mp3"
    other: Any = wrong
    with pytest.raises(ValueError, match="file_type must be one of 'flac', 'wav', got 'mp3'"):
        write_scenes(synthesizer, tmp_path, 1, file_type=other)
    with pytest.raises(ValueError, match="layout must be one of 'flat', 'starss23', got 'mp3'"):
        write_scenes(synthesizer, tmp_path, 1, layout=other)
    with pytest.raises(ValueError, match="fold must be at least 1, got 0"):
        write_scenes(synthesizer, tmp_path, 1, fold=0)
    assert list(tmp_path.iterdir()) == []


class Broken:
    """Sounds of which one in ten cannot be read."""

    classes = ("noise",)

    def draw(
        self, label: int, generator: np.random.Generator, sample_rate: int
    ) -> NDArray[np.float32]:
        """Return a noise, or fail."""
        if generator.random() < 0.1:
            raise ValueError("cannot be read")
        return generator.standard_normal(sample_rate, dtype=np.float32)


def test_an_error_names_the_scene_and_loses_none(tmp_path: Path) -> None:
    synthesizer = SceneSynthesizer(Broken(), **TINY)
    with pytest.raises(ValueError, match="cannot be read") as caught:
        list(write_scenes(synthesizer, tmp_path, 99, num_workers=0))
    whole = len(list(tmp_path.glob("*.csv")))
    assert whole > 1
    assert caught.value.__notes__ == [f"at item {whole}: {whole}"]


def test_a_killed_program_goes_on_with_other_workers(
    tmp_path: Path, sounds: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def words(folder: str, workers: int) -> list[str]:
        given = ["--minutes", "0.4", "--duration", "1", "--workers", str(workers), "--anechoic"]
        names = [str(tmp_path / folder), "--sounds", str(sounds), "--sample-rate", "8000"]
        return ["synth", *names, *given]

    labels = tmp_path / "killed" / "metadata_dev" / "dev-train-synth"
    program = [sys.executable, "-m", "seldkit.cli", *words("killed", 1)]
    with Popen(program, stdout=DEVNULL) as running:
        while running.poll() is None and len(list(labels.glob("*.csv"))) < 4:
            sleep(0.005)
        running.kill()
    assert running.returncode == -SIGKILL
    for folder in ("killed", "alone"):
        assert main(words(folder, 0)) == 0
    told = capsys.readouterr().out.replace("killed", "alone")
    assert told[: len(told) // 2] == told[len(told) // 2 :]
    made = contents(tmp_path / "killed")
    whole = {name: made[name] for name in made if ".draft" not in name}
    assert whole == contents(tmp_path / "alone")
