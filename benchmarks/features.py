"""How fast features are beside the same features by plain code, and what they need.

Run with `OMP_NUM_THREADS=2 PYTHONPATH=.:tests python benchmarks/features.py`: some minutes, needs
librosa; `--quick` takes a second of each. It extracts features of a clip of a made scene, and of a
batch of such clips, both ways in turn: the plain way as it is published, the DCASE and SALSA
features by librosa and NumPy in float64, those of EIN-SELD and PSELDNets by PyTorch in float32;
seldkit in float32. On one thread it counts the time of the processor, which other programs on the
machine hardly change, on two the time that passes. It prints the ratio of the times, which carries
over between machines as seconds do not; what two threads take of the time of one; how far both ways
agree; the memory that each way adds to the process at most (on Linux); and the time for a stream in
hops of 20 ms. SALSA's plain way decomposes the covariance of bin after bin and frame after frame.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.measuring import arguments, cpu_seconds, peak_mb, seconds
from benchmarks.rows import Row, tell
from references import librosa_features as by_librosa
from references.torch_features import EINSELDFrontEnd, PSELDNetsFrontEnd
from seldkit.features import FeatureExtractor, presets
from seldkit.synth import SceneSynthesizer

HOP_S = 0.02
Size = tuple[int, float]
CLIP, BATCH = (1, 60.0), (32, 10.0)  # clips, and seconds of each
LONG_S, ENOUGH_S = 5.0, 12.0  # of a plain way: once is enough, and all rounds together


class Rival(NamedTuple):
    """One feature: the plain way, the library's, the library's where it streams, and for what."""

    plain: Callable[[Tensor], Tensor]
    extractor: FeatureExtractor
    streamable: FeatureExtractor
    sizes: tuple[Size, ...] = (CLIP, BATCH)


def each(way: Callable[[by_librosa.Array], by_librosa.Array]) -> Callable[[Tensor], Tensor]:
    """Return a plain way for batches from one for clips."""
    return lambda batch: torch.stack([torch.from_numpy(way(x)) for x in batch.double().numpy()])


RIVALS = {
    "EIN-SELD": Rival(EINSELDFrontEnd(), presets.ein_seld(), presets.ein_seld()),
    "PSELDNets": Rival(PSELDNetsFrontEnd(), presets.pseldnets(), presets.pseldnets()),
    "DCASE, FOA": Rival(
        each(by_librosa.log_mel_intensity),
        presets.dcase2023_foa(),
        presets.dcase2023_foa(top_db=None),
    ),
    "DCASE, microphones": Rival(
        each(by_librosa.log_mel_gcc), presets.dcase2023_mic(), presets.dcase2023_mic(top_db=None)
    ),
    "DCASE, stereo": Rival(
        each(by_librosa.log_mel_stereo),
        presets.dcase2025_stereo(),
        presets.dcase2025_stereo(top_db=None),
        sizes=((1, 5.0), (32, 5.0)),
    ),
    "SALSA-Lite": Rival(each(by_librosa.salsa_lite), presets.salsa_lite(), presets.salsa_lite()),
    "SALSA": Rival(
        each(by_librosa.salsa_foa),
        presets.salsa_foa(),
        presets.salsa_foa(edges="clip"),
        sizes=(CLIP,),
    ),
}


def waveforms(size: Size, channels: int, *, quick: bool) -> Tensor:
    """Return a scene as often as clips are asked for, each time a bit louder."""
    clips, duration_s = size
    scenes = SceneSynthesizer(
        duration_s=1.0 if quick else duration_s, anechoic=True, max_polyphony=2
    )
    samples = (scenes.scene(seed=0)[0] * 16384).round() / 32768  # as files hold them
    loudness = torch.linspace(0.5, 1, 2 if quick else clips)[-clips:]
    return loudness.reshape(-1, 1, 1) * samples[:channels]


def stream(extractor: FeatureExtractor, samples: Tensor) -> None:
    """Take a clip in hops of 20 ms."""
    pieces = extractor.stream()
    for chunk in samples.split(round(HOP_S * extractor.sample_rate), dim=1):
        pieces.push(chunk)
    pieces.flush()


def pairs(rival: Rival, batch: Tensor, rounds: int) -> tuple[list[float], list[float]]:
    """Return what the plain way and seldkit take, in turn: on one thread of the processor."""
    cost = seconds if torch.get_num_threads() > 1 else cpu_seconds
    rival.extractor(batch)
    plain: list[float] = []
    ours: list[float] = []
    while len(ours) < min(rounds, 3) or (len(ours) < rounds and sum(plain) < ENOUGH_S):
        # A plain way of many seconds is run once, as the machine's moods do not matter then.
        again = not plain or plain[0] < LONG_S
        plain.append(cost(lambda: rival.plain(batch)) if again else plain[0])
        ours.append(cost(lambda: rival.extractor(batch)))
    return plain, ours


def by_threads(
    extractor: FeatureExtractor, batch: Tensor, rounds: int
) -> tuple[list[float], list[float]]:
    """Return what one thread and two take, in turn."""
    costs: tuple[list[float], list[float]] = [], []
    for _ in range(rounds):
        for threads in (1, 2):
            torch.set_num_threads(threads)
            costs[threads - 1].append(seconds(lambda: extractor(batch)))
    return costs


def compare(name: str, rival: Rival, *, quick: bool) -> Iterator[Row]:
    """Yield how fast both ways of one feature are."""
    rounds = 1 if quick else 7
    for size in rival.sizes:
        batch = waveforms(size, rival.extractor.in_channels, quick=quick)
        rival.plain(batch[:1, :, :24000])  # what is loaded and compiled on first use
        what = f"{name}, {len(batch)} x {batch.shape[2] / rival.extractor.sample_rate:g} s"
        for threads, note in ((1, "one thread"), (2, "two threads")):
            torch.set_num_threads(threads)
            yield Row.of(what, "plain", *pairs(rival, batch, rounds), note)
        yield Row.of(f"{what}, two threads", "one", *by_threads(rival.extractor, batch, rounds))


def examine(name: str, rival: Rival, *, quick: bool) -> Iterator[Row]:
    """Yield what memory both ways need, whether they agree, and how fast a stream is."""
    batch = waveforms(rival.sizes[0], rival.extractor.in_channels, quick=quick)
    plain: list[Tensor] = []
    fast: list[Tensor] = []
    plain_mb = peak_mb(lambda: plain.append(rival.plain(batch)))
    fast_mb = peak_mb(lambda: fast.append(rival.extractor(batch)))
    difference = (plain[0] - fast[0]).abs().numpy()
    note = (
        f"{fast_mb:.0f} MB, {fast[0].nbytes / 1e6:.0f} MB of them features; 99.9 % of the values"
        f" within {np.quantile(difference, 0.999):.0e}, all but {(difference > 0.01).mean():.0e}"
        " of them within 0.01"
    )
    yield Row(f"{name}, memory", "plain", plain_mb / max(fast_mb, 1.0), note=note)
    took = [seconds(lambda: stream(rival.streamable, batch[0])) for _ in range(1 if quick else 3)]
    lasts = [batch.shape[2] / rival.extractor.sample_rate] * len(took)
    latency = rival.streamable.stream().latency / rival.streamable.sample_rate
    behind = f"{1000 * latency:.0f} ms behind"
    yield Row.of(f"{name}, streamed", "real time", lasts, took, behind)


def rows(quick: bool) -> Iterator[Row]:
    """Yield the figures of every feature."""
    with torch.inference_mode():
        for name, rival in RIVALS.items():
            yield from compare(name, rival, quick=quick)
            yield from examine(name, rival, quick=quick)


if __name__ == "__main__":
    tell(rows(arguments().quick))
