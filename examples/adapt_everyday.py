"""Teach the system in the box other sounds: its last layer alone, by LoRA, or as a whole.

Moves the network of `everyday12` onto scenes of the built-in sounds, whose classes it was never
taught, and trains it three ways on a few of them. Prints how many weights learn, how large what was
learned is as a file, and the scores on scenes held out. Takes five minutes on two cores; writes
`runs/adapt/lora.safetensors`, which `seldkit.models.load_adapters` puts onto the moved network.
"""

import argparse
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from seldkit import Pipeline, models, pretrained, synth
from seldkit.formats import ClassWise
from seldkit.losses import class_wise_loss
from seldkit.metrics import SELDMetrics
from seldkit.outputs import SELDOutput, combine

SIZES = {"quick": (2, 2, 2), "small": (40, 20, 120)}  # scenes to train and to test, steps
HEAD = ["head.*"]  # knows the classes; everything before it is moved


def main() -> None:
    """Train three ways, and print a table."""
    args = parse_arguments()
    training, held_out, steps = SIZES[args.size]
    system = pretrained.load("everyday12")
    scenes = synth.SceneSynthesizer(duration_s=5.0, max_polyphony=2)
    format = ClassWise(len(scenes.classes))
    learn = [scene_of(system, scenes, format, seed=1, index=i) for i in range(training)]
    test = [scene_of(system, scenes, format, seed=2, index=i) for i in range(held_out)]
    args.out.mkdir(parents=True, exist_ok=True)
    print("| what learns | weights | as a file | F20 % | error |\n| --- | --- | --- | --- | --- |")
    for name in ("last layer", "LoRA", "all"):
        torch.manual_seed(0)
        network = moved(system, len(scenes.classes))
        if name == "last layer":
            for part, parameter in network.named_parameters():
                parameter.requires_grad_(part.startswith("head."))
        elif name == "LoRA":
            models.with_lora(network, rank=args.rank, alpha=args.rank, also=HEAD)
        weights = [p for p in network.parameters() if p.requires_grad]
        size = 4 * sum(p.numel() for p in weights)
        train(network, weights, learn, steps, settled=name == "last layer")
        if name == "LoRA":
            path = args.out / "lora.safetensors"
            models.save_adapters(network, path)
            size = path.stat().st_size
            models.merge(network)
        scores = score(network, format, test)
        print(
            f"| {name} | {sum(p.numel() for p in weights):,} | {size / 1000:,.0f} kB |"
            f" {100 * scores.f_score:.1f} | {scores.localization_error_deg:.1f}° |",
            flush=True,
        )


def scene_of(
    system: Pipeline, scenes: synth.SceneSynthesizer, format: ClassWise, *, seed: int, index: int
) -> tuple[Tensor, SELDOutput, Any]:
    """Return standardised features of a scene, its target and its events."""
    waveform, events = scenes.scene(seed=seed, index=index)
    with torch.no_grad():
        features = system.extractor(waveform.float().unsqueeze(0))
        if system.standardize is not None:
            features = system.standardize(features)
    frames = features.shape[2] // 4  # of 25 ms each
    return features[0, :, : 4 * frames], format.encode(events, frames), events


def moved(system: Pipeline, num_classes: int) -> nn.Module:
    """Return the network of the box for other classes: all weights but the head's are its own."""
    network = models.causal_crnn(num_classes, format="class_wise", pool_time=(1, 4, 1, 1))
    old = system.model.state_dict()
    network.load_state_dict(models.transplant(network.state_dict(), old, strict=False).state)
    return network


def train(
    network: nn.Module, weights: list[nn.Parameter], scenes: Any, steps: int, *, settled: bool
) -> None:
    """Train some weights on scenes drawn at random; a settled network keeps its statistics."""
    network.train(not settled)
    optimizer = torch.optim.AdamW(weights, lr=3e-3 if len(weights) < 40 else 1e-3)
    for _ in range(steps):
        drawn = [scenes[i] for i in torch.randperm(len(scenes))[:8].tolist()]
        target = combine(torch.stack, [each[1] for each in drawn])
        target = target.map(torch.Tensor.float)
        output = network(torch.stack([each[0] for each in drawn]))
        loss = torch.stack([*class_wise_loss(output, target)]).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


@torch.no_grad()
def score(network: nn.Module, format: ClassWise, scenes: Any) -> Any:
    """Return the scores of scenes, as DCASE 2021 counts."""
    network.eval()
    metrics = SELDMetrics("dcase2021", format.num_classes, frames="clip")
    for features, _, events in scenes:
        output = network(features.unsqueeze(0))
        metrics.update(format.decode(next(output.items())), events)
    return metrics.compute()


def parse_arguments() -> argparse.Namespace:
    """Return what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--quick", dest="size", action="store_const", const="quick")
    parser.add_argument("--rank", type=int, default=8, help="of the low-rank changes")
    parser.add_argument("--out", type=Path, default=Path("runs/adapt"))
    return parser.parse_args()


if __name__ == "__main__":
    main()
