"""What has learned and what was made is used by several threads at once as by one."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from command_lines import system
from data.recordings import knock, record
from hard.blocks import Block, tensors
from seldkit import data, io
from seldkit.ambisonics import encode
from seldkit.arrays import ArrayGeometry
from seldkit.formats import DenseMap
from seldkit.grids import DirectionGrid
from seldkit.metrics import SELDMetrics
from seldkit.synth import SceneSynthesizer
from test_hard_inputs import BLOCKS

pytestmark = pytest.mark.programs  # what runs beside them is slow under a checker
THREADS, TIMES = 4, 12
BEGUN = {name: block for name, block in BLOCKS.items() if "losses" not in name}


def same(function: Callable[[Any], Any], inputs: list[Any]) -> None:
    """Compare what threads get with what one gets after them."""
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(function, inputs))
    for value, each in zip(found, inputs, strict=True):
        wanted = function(each)
        if isinstance(wanted, list):
            torch.testing.assert_close(value, wanted, rtol=1e-5, atol=1e-5, equal_nan=True)
        else:
            assert value == wanted


@pytest.mark.parametrize("block", BEGUN.values(), ids=BEGUN)
def test_blocks(block: Block) -> None:
    made = block.make()
    if isinstance(made, nn.Module):
        made.eval()

    @torch.no_grad()
    def run(inputs: list[Tensor]) -> list[Tensor]:
        return tensors(made(*inputs))

    same(run, [block.filled(torch.randn, 2) for _ in range(THREADS)])


def test_a_system_predicts_and_streams() -> None:
    pipeline = system()
    clips = [0.1 * torch.randn(4, 800 * n) for n in (4, 5, 6, 7)] * 3

    def stream(waveform: Tensor) -> list[Any]:
        begun = pipeline.stream(check=None)
        parts = [begun.push(part) for part in waveform.split(700, dim=1)]
        return [part.direction for part in (*parts, begun.flush())]

    pipeline.train()  # it is to be as it was, though several threads evaluate it
    next(pipeline.model.children()).eval()
    modes = [part.training for part in pipeline.modules()]
    same(lambda waveform: pipeline.predict(waveform, 8000, check=None), clips)
    same(stream, clips)
    assert [part.training for part in pipeline.modules()] == modes


def test_reading(tmp_path: Path) -> None:
    clips = [record(tmp_path / f"{name}.wav", 0.5) for name in "abcd"]
    store = data.pack(clips, tmp_path / "store")
    same(lambda clip: [clip.read()], list(store) * 3)
    same(lambda clip: clip.events(), list(store) * 3)
    same(lambda clip: [io.read_audio(clip.audio, sample_rate=5000)[0]], clips * 3)


def test_tables_that_are_made_when_they_are_needed() -> None:
    events = knock(3)
    same(lambda n: DenseMap(2, 6 + n, 12).encode(events, 9).sum().item(), list(range(8)) * 2)
    same(lambda n: [DirectionGrid.fibonacci(20 + n).neighbours], list(range(8)) * 2)
    array, noise = ArrayGeometry.tetrahedron(), torch.randn(4, 4000)
    same(lambda rate: [encode(noise, array, rate)], [16000, 24000, 32000, 48000] * 3)


def test_scenes_and_scores() -> None:
    synthesizer = SceneSynthesizer(duration_s=1.0, sample_rate=8000)
    same(lambda seed: [synthesizer.scene(seed)[0]], list(range(TIMES)))

    def score(seed: int) -> dict[str, float]:
        metrics = SELDMetrics("dcase2024", 2)
        metrics.update(knock(seed), knock(3))
        return metrics.compute().as_dict()

    same(lambda seed: str(score(seed)), list(range(TIMES)))
