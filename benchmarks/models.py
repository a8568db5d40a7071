"""How large and how fast the assemblies are.

Run with `OMP_NUM_THREADS=2 PYTHONPATH=.:examples:tests python benchmarks/models.py`: some minutes
on two cores, with `--quick` some seconds.

Each assembly runs in float32 on the processor, a forward pass and a training step of two clips; its
row tells, too, its parameters, the multiply-accumulates of one clip, the time of a step, and the
memory that training adds to the process at most (on Linux). `benchmarks/einv2.py` takes apart a
step of EINV2.
"""

from collections.abc import Callable, Iterator
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.measuring import Task, arguments, peak_mb, seconds
from benchmarks.rows import Row, tell
from networks import NETWORKS
from seldkit import backbones, models
from seldkit.arrays import ArrayGeometry

BATCH = 2


class Assembly(NamedTuple):
    """What builds a network, and a clip that it reads: mostly channels, frames and bins."""

    build: Callable[[], nn.Module]
    clip: tuple[int, ...]
    dtype: torch.dtype = torch.float32


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
    "joined_trainings": Assembly(
        lambda: models.joined_trainings(
            models.resnet_conformer(13),
            *(models.resnet_conformer(13, distance=True, distance_branch="own") for _ in range(2)),
        ),
        (7, 250, 64),
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
    "two_stage": Assembly(lambda: models.two_stage(11), (10, 200, 96)),
    "u_rnn": Assembly(lambda: models.u_rnn(13), (7, 250, 64)),
    "srp_dnn": Assembly(lambda: models.srp_dnn(4), (8, 300, 256)),
    "fn_ssl": Assembly(lambda: models.fn_ssl(2), (4, 300, 256)),
    "ipdnet": Assembly(lambda: models.ipdnet(2), (4, 300, 256)),
    "sphere_net": Assembly(lambda: models.sphere_net(1), (4, 250, 24 * 48)),
    "lam": Assembly(models.lam, (10, 9, 32, 32), torch.complex64),
    "uplam": Assembly(models.uplam, (10, 9, 4, 4), torch.complex64),
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
        network, clip = assembly.build(), torch.empty(1, *assembly.clip, dtype=assembly.dtype)
    # Fused kernels are not counted: attention has them, and encoders outside of training.
    with counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        network.train()(clip)
    return counter.get_total_flops() / 2


def describe(name: str, assembly: Assembly, rounds: int) -> Row:
    """Return what a forward pass costs beside a training step, and how large the network is."""
    clips = torch.randn(BATCH, *assembly.clip, dtype=assembly.dtype)
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
    steps = [seconds(training[0]) for _ in range(rounds)]
    training.clear()
    network = assembly.build().eval()
    with torch.inference_mode():
        network(clips)
        forward = [seconds(lambda: network(clips)) for _ in range(rounds)]
    parameters = sum(p.numel() for p in network.parameters())
    note = (
        f"{parameters:,} parameters, {multiply_accumulates(assembly) / 1e9:.2f} GMAC a clip of"
        f" {' x '.join(map(str, assembly.clip))}, a step takes {1000 * median(steps):.0f} ms"
        f" and {memory:.0f} MB"
    )
    return Row.of(f"{name}, forward pass", "training step", steps, forward, note)


def rows(quick: bool) -> Iterator[Row]:
    """Yield all figures; in the smallest form those of networks of few weights."""
    torch.manual_seed(0)
    torch.set_num_threads(1 if quick else 2)
    for name, assembly in ASSEMBLIES.items():
        if quick and (small := NETWORKS.get(name)):  # or is small already
            assembly = Assembly(small.build, (small.channels, small.frames, small.bins))
        yield describe(name, assembly, rounds=1 if quick else 3)


if __name__ == "__main__":
    tell(rows(arguments().quick))
