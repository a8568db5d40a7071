"""Features fitted and files predicted by many workers: nothing but the time changes."""

from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from torch import Tensor

from seldkit.features import Standardize, presets
from seldkit.formats import ACCDOA
from seldkit.io import write_audio
from seldkit.models import seldnet
from seldkit.pipeline import Pipeline, predict_files
from sound_fields import diffuse_noise


@pytest.fixture(scope="module")
def threads() -> Iterator[Executor]:
    """Return two threads."""
    with ThreadPoolExecutor(2) as executor:
        yield executor


def doubled(seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(1, 3, 5, 4, generator=generator)


def test_features_are_measured_the_same_by_whoever(threads: Executor, dask: Executor) -> None:
    alone = Standardize(3, 4).fit(map(doubled, range(9)))
    for executor in (None, threads, dask):
        fitted = Standardize(3, 4).fit(range(9), doubled, executor=executor)
        assert torch.equal(fitted.mean, alone.mean)
        assert torch.equal(fitted.std, alone.std)
    with pytest.raises(ValueError, match="features must be") as caught:
        Standardize(2, 4).fit(range(9), doubled, executor=threads)
    assert caught.value.__notes__ == ["at item 0: 0"]


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """Return a saved pipeline and three recordings."""
    folder = tmp_path_factory.mktemp("predict")
    extractor = presets.ein_seld(sample_rate=8000, hop_length=200, num_mels=8)
    model = seldnet(
        2,
        num_bins=8,
        widths=(4, 4, 4),
        pool_time=(4, 1, 1),
        pool_freq=(2, 2, 2),
        rnn_channels=4,
        num_heads=2,
        hidden=(4,),
        format="accdoa",
    )
    pipeline = Pipeline(extractor, model, ACCDOA(2, threshold=0.01), window_s=1.0)
    pipeline.eval().save(folder / "pipeline")
    files = [folder / f"{number}.wav" for number in range(3)]
    for number, path in enumerate(files):
        write_audio(path, diffuse_noise(8000, seed=number), 8000)
    return folder / "pipeline", files


@pytest.mark.parametrize("name", ["here", "threads", "dask"])
def test_files_are_predicted_the_same_by_whoever(
    name: str, saved: tuple[Path, list[Path]], request: pytest.FixtureRequest
) -> None:
    folder, files = saved
    given = {} if name == "here" else {"executor": request.getfixturevalue(name)}
    pipeline = Pipeline.load(folder)
    expected = [pipeline.predict(path) for path in files]
    assert any(len(events) for events in expected)
    assert list(predict_files(folder, files, **given)) == expected
    assert list(predict_files(pipeline, files, **given)) == expected
    results = predict_files(folder, [files[0], "no.wav"], **given)
    assert next(results) == expected[0]
    with pytest.raises(FileNotFoundError) as caught:
        next(results)
    assert caught.value.__notes__ == ["at item 1: 'no.wav'"]
