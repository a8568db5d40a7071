"""Score the system in the box on what it has never heard: recordings of fold 4, in other rooms.

Prints the numbers of its model card. `--sounds` is the folder of recordings that it was trained
with, `--foa` one of measured room responses (`rir/`, `provenance.csv`) and recordings. Without
them built-in sounds take the place of recordings, to see that all runs. Takes five minutes on two
processor cores; scenes are written to `runs/everyday` (or `--out DIR`), or taken from there.
"""

import argparse
import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from scipy.signal import fftconvolve
from torch import Tensor

import everyday
import seldkit as sk
from stages import Clips, make_scenes, score, show

SOUNDING_DB = 20.0  # frames so far below a clip's loudest have no direction of their own


def main() -> None:
    """Print one score after the other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="folder of a pipeline, or name", default="everyday12")
    parser.add_argument("--sounds", type=Path, help="folder of recordings")
    parser.add_argument("--foa", type=Path, help="folder of room responses and recordings")
    parser.add_argument("--minutes", type=float, default=6.0, help="of scenes of each kind")
    parser.add_argument("--out", type=Path, default=Path("runs/everyday"), help="where scenes go")
    args = parser.parse_args()
    if Path(args.model).is_dir():
        pipeline = sk.Pipeline.load(args.model).float()
    else:
        pipeline = sk.pretrained.load(args.model)
    (small_rooms,) = make_scenes(
        args.out / "scenes",
        {"test": args.minutes},
        sounds=args.sounds,
        seed=1,
        max_polyphony=2,
        moving=0.0,
        distance_m=(1.0, 3.0),
        snr_db=(20.0, 30.0),
        label_range_db=20.0,
    )
    tell("scenes of train_einv2.py", pipeline, small_rooms)
    for number, (name, kind) in enumerate(everyday.KINDS.items()):
        clips = everyday.make(
            "test",
            args.minutes,
            seed=200 + number,
            sounds=args.sounds,
            out=args.out,
            kinds={name: kind},
        )
        tell(f"{name} rooms", pipeline, clips)
    if args.foa is not None and args.sounds is not None:
        for row in responses(args.foa):
            in_response(pipeline, row, args.foa, args.sounds)
    if args.foa is not None:
        for path in sorted((args.foa / "recordings").glob("*.flac")):
            print(f"{path.name}: {heard(pipeline, path)}")


def tell(name: str, pipeline: sk.Pipeline, clips: Clips) -> None:
    """Print the scores in some scenes."""
    found = (pipeline.predict(clip.audio) for clip in clips)
    print(f"{name}: {show(score(found, clips, len(pipeline.classes or ())))}", flush=True)


def responses(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the rows of measured room responses."""
    with (folder / "provenance.csv").open(newline="") as lines:
        yield from (row for row in csv.DictReader(lines) if row["azimuth_deg"])


def in_response(pipeline: sk.Pipeline, row: dict[str, str], foa: Path, sounds: Path) -> None:
    """Print how many held-out recordings in a measured room are named right, and how far off."""
    rate = pipeline.extractor.sample_rate
    response, _ = sk.io.read_audio(foa / row["file"], sample_rate=rate)
    true = sk.geometry.unit_vector(
        torch.tensor(float(row["azimuth_deg"])), torch.tensor(float(row["elevation_deg"]))
    ).double()
    with (sounds / "metadata.csv").open(newline="") as lines:
        rows = [r for r in csv.DictReader(lines) if r["fold"] == everyday.HELD_OUT]
    right, ours, plain = 0, list[float](), list[float]()
    for each in rows:
        dry, _ = sk.io.read_audio(sounds / each["file"], sample_rate=rate)
        wet = torch.from_numpy(fftconvolve(dry.numpy(), response.numpy(), axes=1)).float()
        wet = 0.2 * wet[:, : dry.shape[1]] / wet.abs().max()
        events = pipeline.predict(wet, rate)
        counts = Counter(events.label.tolist())
        most = max(counts, key=counts.__getitem__, default=-1)
        right += most >= 0 and (pipeline.classes or ())[most] == each["class"]
        if most >= 0:
            angles = sk.geometry.angle_deg(events.direction[events.label == most], true)
            ours.append(float(angles.median()))
        plain.append(float(sk.geometry.angle_deg(intensity(wet, rate), true).median()))
    print(
        f"{Path(row['file']).stem}: class right {right / len(rows):.3f} of {len(rows)},"
        f" angle error {np.median(ours or np.nan):.1f}, of {len(ours)},"
        f" of the plain intensity vector {np.median(plain):.1f}",
        flush=True,
    )


def intensity(waveform: Tensor, rate: int) -> Tensor:
    """Return the intensity of all bins together in each label frame that sounds."""
    stft = sk.features.STFT(n_fft=1024, hop_length=rate // 40, sample_rate=rate)
    spectrum = stft(waveform.unsqueeze(0))
    frames = spectrum.shape[2] // 4
    flow = sk.features.intensity_vector(spectrum, norm=None)[0].sum(dim=-1)[:, : 4 * frames]
    y, z, x = flow.unflatten(1, (frames, 4)).sum(dim=2).double()
    power = spectrum[0, 0].abs().square().sum(dim=-1)[: 4 * frames].unflatten(0, (frames, 4)).sum(1)
    return torch.stack((x, y, z), dim=-1)[power > power.max() * 10 ** (-SOUNDING_DB / 10)]


def heard(pipeline: sk.Pipeline, path: Path) -> str:
    """Return what is found in a recording, and how long."""
    events = pipeline.predict(path)
    seconds = Counter(
        {label: n * events.frame_s for label, n in Counter(events.label.tolist()).items()}
    )
    names = pipeline.classes or ()
    return ", ".join(f"{names[k]} {s:.1f} s" for k, s in seconds.most_common()) or "nothing"


if __name__ == "__main__":
    main()
