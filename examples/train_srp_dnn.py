"""Train a small SRP-DNN for one array, and compare it with SRP-PHAT and MUSIC.

    python examples/train_srp_dnn.py                 scenes made of built-in sounds
    python examples/train_srp_dnn.py --sounds DIR    scenes made of recordings, in class folders
    python examples/train_srp_dnn.py --data DIR      talkers in real recordings, too: see
                                                     localize_talkers.py for what is in DIR

The scenes are heard by a square of four microphones, in rooms with T60 up to 0.8 s and in noise.
The network learns what one pair of microphones hears, so each step takes another pair, and in the
end it serves all pairs. It never looks ahead: what is trained is a pipeline that streams. Takes
about 10 minutes on one core, and prints the tables of compare_localizers.py. Writes the pipeline to
`runs/srp_dnn` (or `--out DIR`); where that holds one, it is compared without a training.
"""

import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import seldkit as sk
from compare_localizers import SQUARE, compare
from seldkit.features import FeatureExtractor, presets
from seldkit.formats import DirectPathPhase
from stages import bar, choose_sounds, has_bfloat16, read_options

SIZES: dict[str, dict[str, Any]] = {
    "quick": {"minutes": 0.5, "epochs": 1, "batch_size": 2},
    "small": {"minutes": 40, "epochs": 16, "batch_size": 16},
}
SCENES: dict[str, Any] = {
    "sample_rate": 16000,
    "duration_s": 8.0,
    "max_polyphony": 2,
    "moving": 0.0,
    "event_s": (2.0, 6.0),
    "pause_s": (0.1, 1.5),
    "elevation_deg": (-10.0, 60.0),
    "distance_m": (0.4, 3.0),
    "t60_s": (0.15, 0.8),
    "snr_db": (0.0, 30.0),
    "label_range_db": 20.0,
}
NETWORK: dict[str, Any] = {
    "widths": (16, 32, 32, 32, 32),
    "pool_time": (1, 5, 1, 1, 1),
    "rnn_channels": 128,
}
CHUNK, FRAMES = 30, 5  # label frames of a chunk, feature frames of a label frame
SOURCES = SCENES["max_polyphony"]


def main() -> None:
    """Train, save, and print two tables."""
    defaults = dict.fromkeys(("sounds", "data", "minutes", "epochs", "batch_size"))
    args = read_options(
        __doc__, SIZES, {**defaults, "out": Path("runs/srp_dnn"), "lr": 2e-3, "seed": 0}
    )
    folder = args.out / "pipeline"
    if not folder.exists():
        train(args).save(folder)
    else:
        print(f"{folder} is there already: compared without a training")
    pipeline = sk.Pipeline.load(folder)
    compare({"SRP-DNN": pipeline}, sounds=args.sounds, data=args.data, quick=args.size == "quick")


def train(args: Any) -> sk.Pipeline:
    """Return a trained pipeline."""
    torch.manual_seed(args.seed)
    extractor = presets.srp_dnn(SQUARE.num_channels, hop_length=320)
    sounds = choose_sounds(args.sounds, ("1", "2", "3", "5"))
    features, directions = hear(sounds, extractor, args)
    swaps = SQUARE.swaps()
    turns = torch.stack([swap.matrix for swap in swaps]).float()
    orders = torch.stack([torch.cat((s.permutation, s.permutation + 4)) for s in swaps])
    others = range(1, SQUARE.num_channels)
    formats = {
        m: DirectPathPhase(sk.arrays.ArrayGeometry(SQUARE.positions[[0, m]])) for m in others
    }
    network = sk.models.srp_dnn(2, max_sources=SOURCES, **NETWORK)
    optimizer = torch.optim.AdamW(network.parameters(), args.lr)
    steps = args.epochs * max(features.shape[0] * features.shape[2] // FRAMES // CHUNK, 1)
    steps = max(steps // args.batch_size, 2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, args.lr, steps, pct_start=0.1)
    fast = has_bfloat16()
    start, sum_of_losses = time.monotonic(), 0.0
    for step in range(steps):
        scene = torch.randint(len(features), (args.batch_size,))
        first = torch.randint(directions.shape[1] - CHUNK + 1, (args.batch_size,))
        turn = torch.randint(len(swaps), (args.batch_size,))
        other = int(torch.randint(1, SQUARE.num_channels, ()))
        channels = orders[turn][:, [0, other, 4, 4 + other]]
        x, target = [], []
        for s, f, c in zip(scene.tolist(), first.tolist(), channels, strict=True):
            x.append(features[s, c, f * FRAMES : (f + CHUNK) * FRAMES].float())
            target.append(directions[s, f : f + CHUNK])
        where = torch.stack(target) @ turns[turn].mT.unsqueeze(1)
        active = where.square().sum(dim=-1).round()[..., None, None, None]
        phases = (formats[other].phases(where) * active).sum(dim=2)
        levels = 0.1 * torch.randn(args.batch_size, 2, 1, 1)  # no two microphones are the same
        x_batch = torch.stack(x)
        x_batch[:, :2] += levels
        with torch.autocast("cpu", torch.bfloat16, enabled=fast):
            phases_found = network(x_batch)
        loss = sk.losses.direct_path_loss(phases_found, phases)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        sum_of_losses += loss.item()
        if (step + 1) % 50 == 0 or step + 1 == steps:
            minutes = (time.monotonic() - start) / 60
            mean = sum_of_losses / ((step % 50) + 1)
            print(f"step {step + 1} of {steps}, {minutes:.1f} min, loss {mean:.4f}", flush=True)
            sum_of_losses = 0.0
    whole = sk.models.srp_dnn(4, max_sources=SOURCES, **NETWORK)
    whole.load_state_dict(network.state_dict())
    grid = sk.grids.DirectionGrid.equiangular(10, 120, upper_half=True)
    format = DirectPathPhase(SQUARE, grid, max_sources=SOURCES, threshold=0.3)
    return sk.Pipeline(extractor, whole, format, window_s=None)


def hear(sounds: sk.synth.Sounds, extractor: FeatureExtractor, args: Any) -> tuple[Tensor, Tensor]:
    """Return the features of made scenes, and directions `(scene, frame, source, axis)`."""
    synthesizer = sk.synth.SceneSynthesizer(sounds, array=SQUARE, **SCENES)
    count = max(round(args.minutes * 60 / synthesizer.duration_s), 1)
    frames = synthesizer.num_frames
    shape = (count, extractor.num_channels, frames * FRAMES, extractor.num_bins)
    features = torch.empty(shape, dtype=torch.float16)
    directions = torch.zeros(count, frames, SOURCES, 3)
    for number in bar(range(count), "scenes"):
        waveform, events = synthesizer.scene(args.seed, number)
        features[number] = extractor(waveform.unsqueeze(0))[0, :, : frames * FRAMES]
        rank = torch.zeros(frames, dtype=torch.int64)
        for frame, direction in zip(events.frame.tolist(), events.direction, strict=True):
            directions[number, frame, rank[frame]] = direction.float()
            rank[frame] += 1
    return features, directions


if __name__ == "__main__":
    main()
