"""How cost grows: with clips, classes, tracks, microphones and length.

Run with `OMP_NUM_THREADS=1 PYTHONPATH=.:tests python benchmarks/growth.py`: some minutes, with
`--quick` some seconds. Each cost is that of the processor at four sizes or more, a median over
rounds, held against that at the least size. The exponent is the slope of the least-squares line
through the logarithms: 1 is in proportion, 0 is no growth.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.nn.functional import normalize

from benchmarks import labels, localization, metrics
from benchmarks.measuring import Task, arguments
from benchmarks.rows import Row, in_turn, tell
from seldkit import SELDOutput
from seldkit.arrays import ArrayGeometry
from seldkit.features import GCCPHAT, STFT, presets
from seldkit.grids import DirectionGrid
from seldkit.losses import adpit_loss, trackwise_pit_loss

Case = Callable[[int], Task]


class Growth(NamedTuple):
    """How the cost of something grows.

    Attributes:
        room: What it belongs to: one plot for each.
        what: What was measured.
        axis: What grows.
        sizes: How much of it there is, the least first.
        costs: What each size costs, in costs of the least.
    """

    room: str
    what: str
    axis: str
    sizes: list[int]
    costs: list[float]

    @property
    def exponent(self) -> float:
        """Slope of the line through the logarithms."""
        slope, _ = np.polyfit(np.log(self.sizes), np.log(self.costs), 1)
        return float(slope)

    @classmethod
    def from_json(cls, growth: Mapping[str, Any]) -> "Growth":
        """Return the growth that `as_json` told of."""
        return cls(**{name: value for name, value in growth.items() if name != "exponent"})

    def as_json(self) -> dict[str, Any]:
        """Return what JSON can hold, the exponent among it."""
        return {**self._asdict(), "exponent": self.exponent}

    def row(self) -> Row:
        """Return the cost of the largest size beside that of the least."""
        least, *_, most = self.sizes
        what = f"{self.what}, {most} {self.axis}"
        note = f"cost grows with the power {self.exponent:.2f} of {self.axis}"
        return Row(what, f"{least} {self.axis}", self.costs[0] / self.costs[-1], note=note)


def adpit(clips: int = 4, classes: int = 13) -> Task:
    """Return ADPIT with its gradient, of clips of 50 frames."""
    shape = clips, 50, 3, classes, 3
    preds = torch.randn(shape, requires_grad=True)
    target = normalize(torch.randn(shape), dim=-1) * (torch.rand(*shape[:-1], 1) < 0.1)
    return lambda: adpit_loss(preds, target).backward()


def tracks(number: int) -> Task:
    """Return track-wise PIT with its gradient, of 4 clips of 50 frames."""
    shape = 4, 50, number
    leaves = [torch.randn(*shape, 13, requires_grad=True), torch.randn(*shape, 3)]
    target = SELDOutput(torch.zeros(*shape, 13), normalize(torch.randn(*shape, 3), dim=-1))

    def step() -> None:
        sed, doa = trackwise_pit_loss(SELDOutput(*leaves), target)
        (sed + doa).backward()

    return step


def features(seconds: int) -> Task:
    """Return the features of dcase2023 of so many seconds."""
    extractor = presets.dcase2023_foa(top_db=None).float()
    return partial(extractor, torch.randn(1, 4, 24000 * seconds))


def gcc_phat(microphones: int) -> Task:
    """Return GCC-PHAT of all pairs of microphones, of one second."""
    stft, part = STFT(n_fft=1024, hop_length=480, sample_rate=24000).float(), GCCPHAT()
    return partial(part, stft(torch.randn(1, microphones, 24000)))


def scores(clips: int = 10, frames: int = 600, classes: int = 13) -> Task:
    """Return the scores of dcase2023 of some clips."""
    generator = torch.Generator().manual_seed(0)
    made = [metrics.random_clip(generator, frames, classes) for _ in range(clips)]
    return partial(metrics.score, "dcase2023", made, classes)


def reading(folder: Path, rows: int) -> Task:
    """Return the reading of twenty label files of so many rows."""
    clips = [labels.random_events(np.random.default_rng(0), rows // 2)] * 20
    place = folder / str(rows)
    place.mkdir()
    return labels.ways(clips, place, *labels.KINDS["labels, angles and distance"])["we read"]


def maps(microphones: int = 4, directions: int = 648, seconds: float = 0.5) -> Task:
    """Return the maps of SRP-PHAT."""
    angle = torch.arange(microphones) * 2 * torch.pi / microphones
    circle = 0.04 * torch.stack((angle.cos(), angle.sin(), 0 * angle), dim=1).double()
    grid = DirectionGrid.fibonacci(directions)
    part = localization.srp_phat(grid, ArrayGeometry(circle)).float()
    stft = STFT(n_fft=localization.N_FFT, hop_length=localization.HOP, sample_rate=24000)
    return partial(part, stft(torch.randn(1, microphones, round(24000 * seconds))))


def cases(folder: Path) -> Iterator[tuple[str, str, str, list[int], Case]]:
    """Yield what grows: its room, its name, the axis, the sizes, and the task of a size."""
    doubled = [8, 16, 32, 64, 128]
    yield "losses", "ADPIT", "clips", doubled, lambda n: adpit(clips=n)
    yield "losses", "ADPIT", "classes", [20, 40, 80, 160], lambda n: adpit(classes=n)
    yield "losses", "track-wise PIT", "tracks", [2, 3, 4, 5, 6], tracks
    yield "features", "log-mel and intensity", "seconds", [4, 8, 16, 32], features
    yield "features", "GCC-PHAT", "microphones", [2, 4, 8, 16], gcc_phat
    yield "metrics", "dcase2023", "clips", doubled, lambda n: scores(clips=n)
    yield "metrics", "dcase2023", "frames", [600, 1200, 2400, 4800], lambda n: scores(frames=n)
    yield "metrics", "dcase2023", "classes", [10, 20, 40, 80], lambda n: scores(classes=n)
    yield "labels", "reading", "rows", [600, 1200, 2400, 4800], partial(reading, folder)
    yield "localization", "SRP-PHAT", "microphones", [2, 4, 8, 16], lambda n: maps(microphones=n)
    yield (
        "localization",
        "SRP-PHAT",
        "directions",
        [250, 500, 1000, 2000],
        lambda n: maps(4, n, 2.0),
    )
    yield "localization", "SRP-PHAT", "seconds", [1, 2, 4, 8], lambda n: maps(seconds=n)


def growths(quick: bool) -> Iterator[Growth]:
    """Yield how each cost grows."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with TemporaryDirectory() as folder:
        for room, what, axis, sizes, case in cases(Path(folder)):
            tasks: Mapping[str, Task] = {str(size): case(size) for size in sizes}
            costs = [median(c) for c in in_turn(tasks, 1 if quick else 9).values()]
            yield Growth(room, what, axis, sizes, [cost / costs[0] for cost in costs])


def rows(quick: bool) -> Iterator[Row]:
    """Yield the largest of each beside the least."""
    return (growth.row() for growth in growths(quick))


if __name__ == "__main__":
    tell(rows(arguments().quick))
