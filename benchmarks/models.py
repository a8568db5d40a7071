"""How large and how fast the assemblies are.

Run with `OMP_NUM_THREADS=2 PYTHONPATH=.:examples:tests python benchmarks/models.py`: some minutes
on two cores, with `--quick` some seconds.

The table shows each assembly in float32 on the processor: parameters, multiply-accumulates of one
clip, the time of a forward pass and of a training step of two clips, and the memory that training
adds to the process at most (on Linux); `benchmarks/einv2.py` takes apart a step of EINV2.
"""

from collections.abc import Callable
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measuring import Task, arguments, peak_mb, seconds
from networks import NETWORKS
from seldkit import backbones, models
from seldkit.arrays import ArrayGeometry

BATCH = 2


class Assembly(NamedTuple):
    """What builds a network, and the shape of a clip of features: channels, frames, bins."""

    build: Callable[[], nn.Module]
    clip: tuple[int, int, int]


TETRAHEDRON = ArrayGeometry.tetrahedron()
ASSEMBLIES = {
    "einv1": Assembly(lambda: models.einv1(14), (7, 160, 256)),
    "einv2": Assembly(lambda: models.einv2(14), (7, 160, 256)),
    "einv2, bimamba": Assembly(
        lambda: models.einv2(13, 3, temporal="bimamba", stitch_tracks=True), (7, 160, 256)
    ),
    "roam": Assembly(lambda: models.roam(14), (7, 320, 128)),
    "mff_einv2": Assembly(lambda: models.mff_einv2(13), (7, 400, 128)),
    "ad_yolo": Assembly(lambda: models.ad_yolo(13), (7, 400, 64)),
    "seldnet": Assembly(lambda: models.seldnet(13), (7, 250, 64)),
    "causal_crnn": Assembly(lambda: models.causal_crnn(13), (7, 250, 64)),
    "causal_crnn, lora": Assembly(lambda: models.with_lora(models.causal_crnn(13)), (7, 250, 64)),
    "resnet_conformer": Assembly(lambda: models.resnet_conformer(13), (7, 250, 64)),
    "resnet_conformer, three branches": Assembly(
        lambda: models.resnet_conformer(13, distance=True, distance_branch="own"), (7, 250, 64)
    ),
    "cst_former": Assembly(lambda: models.cst_former(13), (7, 250, 64)),
    "cst_former, dca": Assembly(
        lambda: models.cst_former(13, **models.CST_FORMERS["dca_cmt"]), (7, 250, 64)
    ),
    "ngcc_seld": Assembly(
        lambda: models.ngcc_seld(
            models.cst_former(13, in_channels=100, hidden=(256,), distance=True, bounded=False)
        ),
        (4, 250, 480),
    ),
    "seddoa": Assembly(lambda: models.seddoa(170), (7, 1001, 64)),
    "seddoa, adapters": Assembly(lambda: models.with_adapters(models.seddoa(170)), (7, 1001, 64)),
    "seddoa, crnn": Assembly(lambda: models.encoder_seld(backbones.crnn(), 170), (7, 1001, 64)),
    "maccdoa, htsat": Assembly(
        lambda: models.encoder_seld(backbones.htsat(), 170, format="multi_accdoa"), (7, 1001, 64)
    ),
    "at2seld": Assembly(lambda: models.at2seld(13), (10, 500, 513)),
    "cross3d": Assembly(models.cross3d, (3, 26, 512)),
    "neural_srp": Assembly(lambda: models.neural_srp(array=TETRAHEDRON), (6, 250, 64)),
    "doanet": Assembly(models.doanet, (7, 250, 64)),
    "sound_doa": Assembly(lambda: models.sound_doa(13), (4, 400, 300)),
    "sound_det": Assembly(lambda: models.sound_det(13), (4, 400, 300)),
    "u_rnn": Assembly(lambda: models.u_rnn(13), (7, 250, 64)),
    "srp_dnn": Assembly(lambda: models.srp_dnn(4), (8, 300, 256)),
    "fn_ssl": Assembly(lambda: models.fn_ssl(2), (4, 300, 256)),
    "ipdnet": Assembly(lambda: models.ipdnet(2), (4, 300, 256)),
    "overlapping_e2e": Assembly(lambda: models.overlapping_e2e(75), (15, 256, 256)),
}


def tensors(output: Any) -> list[Tensor]:
    """Return the tensors of an output."""
    parts = output if isinstance(output, tuple) else (output,)
    return [part for part in parts if isinstance(part, Tensor)]


def multiply_accumulates(assembly: Assembly) -> float:
    """Return how many products one clip needs, without computing any."""
    counter = FlopCounterMode(display=False)
    with torch.device("meta"):
        network, clip = assembly.build(), torch.empty(1, *assembly.clip)
    # Fused kernels are not counted: attention has them, and encoders outside of training.
    with counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        network.train()(clip)
    return counter.get_total_flops() / 2


def describe(name: str, assembly: Assembly, rounds: int) -> None:
    """Print one line of the table."""
    clips = torch.randn(BATCH, *assembly.clip)
    training: list[Task] = []

    def begin() -> None:
        network = assembly.build()
        optimizer = torch.optim.AdamW(network.parameters(), 1e-4, fused=True)

        def step() -> None:
            loss = torch.stack([x.square().mean() for x in tensors(network(clips))]).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

        step()
        training.append(step)

    memory = peak_mb(begin)
    step = median(seconds(training[0]) for _ in range(rounds))
    training.clear()
    network = assembly.build().eval()
    with torch.inference_mode():
        network(clips)
        forward = median(seconds(lambda: network(clips)) for _ in range(rounds))
    parameters = sum(p.numel() for p in network.parameters())
    print(
        f"{name:<34}{'x'.join(map(str, assembly.clip)):>12}{parameters:>13,}"
        f"{multiply_accumulates(assembly) / 1e9:>9.2f}{1000 * forward:>12.0f}{1000 * step:>9.0f}"
        f"{memory:>10.0f}",
        flush=True,
    )


def main() -> None:
    """Print the table; in the smallest form with networks of few weights."""
    quick = arguments().quick
    torch.manual_seed(0)
    heads = ("parameters", "GMAC", "forward ms", "step ms", "train MB")
    print(
        f"{'':<34}{'clip':>12}{heads[0]:>13}{heads[1]:>9}{heads[2]:>12}{heads[3]:>9}{heads[4]:>10}"
    )
    for name, assembly in ASSEMBLIES.items():
        if quick:
            small = NETWORKS[name]
            assembly = Assembly(small.build, (small.channels, small.frames, small.bins))
        describe(name, assembly, rounds=1 if quick else 3)


if __name__ == "__main__":
    main()
