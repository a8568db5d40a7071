"""Train a small network to draw energy maps, and compare it with the peaks of SRP.

Makes scenes in rooms (first-order ambisonics, at most two sounds at once), computes beamformed
energy in four bands on a grid of the sphere, trains `sphere_net` to draw where the sources are,
whatever their class, and scores it as DCASE 2026 task 3 does, beside the peaks of the same energy
over all bands on a finer grid (SRP-PHAT of ambisonics). Takes three minutes on a processor core, a
few seconds with `--quick`; writes the trained pipeline and one test scene's maps to
`runs/energy_maps` (or `--out DIR`).
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from seldkit import Events, Pipeline, io, losses, models
from seldkit.events import EnergyMaps
from seldkit.features import STFT, BeamEnergy, FeatureExtractor
from seldkit.formats import DenseMap
from seldkit.geometry import decimal_degrees
from seldkit.grids import DirectionGrid
from seldkit.metrics import DenseMapMetrics
from seldkit.pipeline import builder
from seldkit.synth import SceneSynthesizer

RATE, HOP_S, POOL = 24000, 0.02, 5  # five feature frames make a label frame
FORMAT = DenseMap(1, 18, 36, sigma_deg=10.0, threshold=0.1, max_sources=2)
CHUNK = 20  # label frames


class Scene(NamedTuple):
    """A waveform, its planes on the network's grid, and its labels as one class."""

    waveform: Tensor
    planes: Tensor
    target: Tensor
    events: Events


def main() -> None:
    """Run the stages one after the other."""
    args = parse_arguments()
    torch.manual_seed(args.seed)
    extractor = planes_on(FORMAT.height, FORMAT.width)
    seed = 100 * args.seed + (args.seed >= 100)  # never that of the test
    training = make_scenes(args.scenes, args.duration_s, seed, extractor)
    test = make_scenes(args.test_scenes, args.duration_s, 10_000, extractor)
    model = models.sphere_net(1, height=FORMAT.height, width=FORMAT.width)
    fit(model, training, args)
    args.out.mkdir(parents=True, exist_ok=True)
    pipeline = Pipeline(extractor, model.eval(), FORMAT, classes=["sound"])
    pipeline.save(args.out / "pipeline")

    print("| maps | mask mAP | AP50 | Pearson r |\n| --- | --- | --- | --- |")
    peaks = [srp_peaks(scene.waveform, 61, 120) for scene in test]
    with torch.inference_mode():
        output = [model(scene.planes.unsqueeze(0))[0] for scene in test]
    drawn = [FORMAT.decode_maps(maps, points="centre") for maps in output]
    for name, found in (("SRP peaks", peaks), ("sphere_net", drawn)):
        metrics = DenseMapMetrics("dcase2026", num_classes=1)
        for prediction, scene in zip(found, test, strict=True):
            metrics.update(prediction, EnergyMaps.from_events(scene.events))
        scores = metrics.compute()
        print(
            f"| {name} | {scores.mean_average_precision:.3f} | {scores.average_precision_50:.3f}"
            f" | {scores.correlation:.3f} |"
        )
    io.write_maps(args.out / "test0.json", drawn[0])


@builder
def planes_on(height: int, width: int) -> FeatureExtractor:
    """Return what computes beamformed energy on a grid of rows and columns."""
    grid = DirectionGrid.equiangular(height, width)
    stft = STFT(n_fft=1024, hop_length=round(HOP_S * RATE), sample_rate=RATE)
    return FeatureExtractor(stft, [BeamEnergy(grid)], in_channels=4)


def make_scenes(
    count: int, duration_s: float, seed: int, extractor: FeatureExtractor
) -> list[Scene]:
    """Return scenes in rooms, all sounds of one class."""
    synthesizer = SceneSynthesizer(duration_s=duration_s, max_polyphony=2)
    scenes = []
    for index in range(count):
        waveform, events = synthesizer.scene(seed, index)
        label = torch.zeros_like(events.label)
        events = Events(events.frame, label, events.direction, num_frames=events.num_frames)
        frames = round(duration_s * 10)
        planes = extractor(waveform.unsqueeze(0))[0, :, : frames * POOL]
        scenes.append(Scene(waveform, planes, FORMAT.encode(events, frames), events))
    return scenes


def fit(model: torch.nn.Module, scenes: list[Scene], args: argparse.Namespace) -> None:
    """Train on chunks of two seconds, turned about the upright axis and mirrored at random."""
    planes = torch.cat([cut(scene.planes, CHUNK * POOL, dim=1) for scene in scenes])
    target = torch.cat([cut(scene.target, CHUNK, dim=0) for scene in scenes])
    scenes.clear()  # they would be in memory twice
    steps = args.epochs * -(-len(planes) // args.batch_size)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-2, total_steps=steps)
    for epoch in range(args.epochs):
        total = 0.0
        for chosen in torch.randperm(len(planes)).split(args.batch_size):
            x = planes[chosen].unflatten(-1, (FORMAT.height, FORMAT.width))
            t, columns = target[chosen], int(torch.randint(FORMAT.width, ()))
            if torch.rand(()) < 0.5:  # column k is the azimuth -180 + k steps
                x, t = (maps.flip(-1).roll(1, dims=-1) for maps in (x, t))
            x, t = (maps.roll(columns, dims=-1) for maps in (x, t))
            loss = losses.energy_map_loss(model(x.flatten(-2)), t)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += float(loss.detach()) * len(chosen)
        print(f"epoch {epoch + 1}: loss {total / len(planes):.4f}", flush=True)


def cut(values: Tensor, length: int, *, dim: int) -> Tensor:
    """Return chunks of a clip along time, what is left at its end aside."""
    whole = values.narrow(dim, 0, values.shape[dim] // length * length)
    return torch.stack(whole.split(length, dim=dim))


def srp_peaks(waveform: Tensor, height: int, width: int) -> EnergyMaps:
    """Return the two highest peaks of the beamformed energy of each label frame."""
    grid = DirectionGrid.equiangular(height, width)
    maps = planes_on(height, width)(waveform.unsqueeze(0))[0].mean(dim=0)
    maps = maps[: len(maps) // POOL * POOL].unflatten(0, (-1, POOL)).mean(dim=1)
    found = grid.peaks(maps, max_peaks=2, separation_deg=FORMAT.separation_deg)
    frame, rank = (found.point >= 0).nonzero(as_tuple=True)
    azimuth, elevation = decimal_degrees(found.direction[frame, rank].double())
    score = found.value[frame, rank]
    row = torch.arange(len(frame))
    return EnergyMaps(
        frame, torch.zeros_like(frame), row, azimuth, elevation, torch.ones(len(row)), score=score
    )


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/energy_maps"))
    parser.add_argument("--scenes", type=int, default=48, help="to train on")
    parser.add_argument("--test-scenes", type=int, default=15)
    parser.add_argument("--duration-s", type=float, default=10.0)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="in seconds, to see that it runs")
    args = parser.parse_args()
    if args.quick:
        args.scenes, args.test_scenes, args.duration_s, args.epochs = 1, 1, 4.0, 1
    return args


if __name__ == "__main__":
    main()
