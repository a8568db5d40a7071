"""Compare networks that localise with SRP-PHAT and MUSIC, on made scenes and on real recordings.

    python examples/compare_localizers.py --data DIR --pipeline runs/srp_dnn/pipeline
    python examples/compare_localizers.py --data DIR --weights FILE    the published SRP-DNN

Prints the azimuths of talkers that each finds in real recordings (`--data`, see
localize_talkers.py), and the median error of the azimuth of single sources in made rooms, by
reverberation time and noise. All are told how many talkers there are, and nothing else. Takes
minutes, MUSIC most of them; writes nothing. Without pipeline and weights it compares the two alone.
"""

import argparse
import csv
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

import seldkit as sk
from localize_talkers import SQUARE as PLACES
from localize_talkers import apart, azimuths, nearest
from seldkit.formats import DirectPathPhase
from seldkit.grids import DirectionGrid
from stages import bar, choose_sounds

SQUARE = sk.arrays.ArrayGeometry(PLACES)
T60_S, SNR_DB = (0.2, 0.5, 0.8), (0.0, 10.0, 20.0)
RATE = 16000
SCENES: dict[str, Any] = {
    "array": SQUARE,
    "sample_rate": RATE,
    "duration_s": 4.0,
    "max_polyphony": 1,
    "moving": 0.0,
    "event_s": (3.0, 3.5),
    "pause_s": (0.1, 0.3),
    "elevation_deg": (-10.0, 50.0),
    "distance_m": (1.0, 3.0),
}
Localizer = Callable[[Tensor, int], list[float]]  # from a waveform and a number of sources


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="recordings and directions.csv")
    parser.add_argument("--sounds", type=Path, help="recordings in class folders for made scenes")
    parser.add_argument("--pipeline", type=Path, help="a trained pipeline")
    parser.add_argument("--weights", type=Path, help="of the published SRP-DNN, as safetensors")
    parser.add_argument("--quick", action="store_true", help="show in seconds that all of it runs")
    args = parser.parse_args()
    pipelines = {}
    if args.pipeline is not None:
        pipelines["trained"] = sk.Pipeline.load(args.pipeline)
    if args.weights is not None:
        pipelines["published"] = published(args.weights)
    compare(pipelines, sounds=args.sounds, data=args.data, quick=args.quick)


def published(weights: Path) -> sk.Pipeline:
    """Return the published SRP-DNN as a pipeline for the square of microphones."""
    network = sk.models.srp_dnn(SQUARE.num_channels)
    network.load_state_dict(sk.compat.srp_dnn.convert(load_file(weights)))
    extractor = sk.features.presets.srp_dnn(SQUARE.num_channels)
    grid = sk.grids.DirectionGrid.equiangular(10, 120, upper_half=True)
    format = DirectPathPhase(SQUARE, grid, threshold=0.3)
    return sk.Pipeline(extractor, network, format, window_s=None, label_rate=RATE / 3072)


def compare(
    pipelines: Mapping[str, sk.Pipeline],
    *,
    sounds: Path | None = None,
    data: Path | None = None,
    quick: bool = False,
) -> None:
    """Print what each method finds in real recordings and made scenes."""
    networks = {name: partial(by_network, pipeline) for name, pipeline in pipelines.items()}

    def methods(num_points: int) -> dict[str, Localizer]:
        grid = sk.localization.search_grid(SQUARE, num_points)
        music = partial(by_phase, method="music", grid=grid)
        return {"SRP-PHAT": partial(music, method="srp_phat"), "MUSIC": music, **networks}

    if data is not None:
        on_recordings(methods(3000), data)
    # MUSIC takes as long as there are points.
    in_rooms(methods(1000), sounds, 1 if quick else 12, T60_S[:1] if quick else T60_S)


def by_phase(waveform: Tensor, count: int, *, method: Any, grid: DirectionGrid) -> list[float]:
    """Return the azimuths that are found without a network, those heard longest first."""
    found = sk.localization.localize(
        waveform, SQUARE, RATE, method=method, max_sources=count, grid=grid
    )
    return azimuths(found, count)


def by_network(pipeline: sk.Pipeline, waveform: Tensor, count: int) -> list[float]:
    """Return the azimuths that frames have their best direction at, weighted by how well it fits.

    As `localize` does with the peaks of maps; a threshold of activity is not asked for.
    """
    format = pipeline.format
    output = pipeline.scan(waveform, RATE)
    assert isinstance(format, DirectPathPhase)
    assert format.grid is not None
    assert isinstance(output, Tensor)
    height, point = format.score(output).max(dim=1)
    direction = format.grid.directions[point]
    degree = torch.arange(360.0, dtype=torch.float64)
    azimuth = sk.geometry.azimuth_elevation_deg(direction)[0]
    angle = sk.geometry.wrap_deg(degree.unsqueeze(1) - azimuth).abs()
    weight = (-0.5 * (angle / 5).square()).exp() * height.double().clamp(min=0)
    found: list[float] = []
    for _ in range(count):
        centre = int(weight.sum(dim=1).argmax())
        mean = weight[centre] @ direction
        if float(mean.norm()) == 0:
            break
        found.append(float(sk.geometry.azimuth_elevation_deg(mean)[0]))
        weight[:, angle[centre] < 15] = 0.0
        weight[sk.geometry.wrap_deg(degree - centre).abs() < 15] = 0.0
    return found


def on_recordings(methods: Mapping[str, Localizer], folder: Path) -> None:
    """Print the azimuths found in real recordings."""
    talkers: dict[str, list[float]] = defaultdict(list)
    with (folder / "directions.csv").open() as file:
        for row in csv.DictReader(file):
            talkers[row["file"]].append(float(row["azimuth_deg"]))
    print("\n| recording | talkers |", " | ".join(methods), "| worst errors |")
    print("| --- " * (3 + len(methods)) + "|")
    for name, truth in talkers.items():
        waveform, _ = sk.io.read_audio(folder / name, sample_rate=RATE)
        cells, errors = [], []
        for method in methods.values():
            found = method(waveform, len(truth))
            mine = [nearest(found, azimuth) for azimuth in truth]
            cells.append(", ".join(f"{azimuth % 360:.0f}°" for azimuth in mine))
            errors.append(max(apart(*pair) for pair in zip(mine, truth, strict=True)))
        told = ", ".join(f"{azimuth % 360:.0f}°" for azimuth in truth)
        worst = ", ".join(f"{error:.1f}°" for error in errors)
        print(f"| {name} | {told} | {' | '.join(cells)} | {worst} |", flush=True)


def in_rooms(
    methods: Mapping[str, Localizer], sounds: Path | None, count: int, t60s: tuple[float, ...]
) -> None:
    """Print the median error of the azimuth of a single source that stays."""
    heard = choose_sounds(sounds, ("4",))
    print("\n| T60 | SNR |", " | ".join(methods), "|")
    print("| --- " * (2 + len(methods)) + "|")
    for t60_s in t60s:
        for snr_db in SNR_DB:
            # The same scenes without noise: labels leave out what is softer than it.
            noisy, quiet = (
                sk.synth.SceneSynthesizer(heard, t60_s=(t60_s, t60_s), snr_db=snr, **SCENES)
                for snr in ((snr_db, snr_db), None)
            )
            errors: dict[str, list[float]] = defaultdict(list)
            for number in bar(range(count), "scenes"):
                (waveform, _), (_, events) = noisy.scene(100, number), quiet.scene(100, number)
                first = events.select(events.source == 0)
                end = RATE * (int(first.frame.max()) + 1) // 10
                truth = float(first.azimuth_deg[0])
                for name, method in methods.items():
                    found = method(waveform[:, :end], 1)
                    errors[name].append(apart(found[0], truth) if found else 180.0)
            cells = []
            for name in methods:
                error = torch.tensor(errors[name])
                near = (error < 10).double().mean()
                cells.append(f"{error.quantile(0.5):.1f}° ({near:.0%})")
            print(f"| {t60_s:.1f} s | {snr_db:.0f} dB | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
