"""How fast features are beside the same features by librosa and NumPy, and what they need.

Run with `OMP_NUM_THREADS=2 PYTHONPATH=.:tests python benchmarks/features.py`: about a minute, needs
librosa; `--quick` takes 1 s of it. It extracts features of 60 s of a made scene both ways in turn
on two threads, the plain way in float64 as published scripts do, seldkit in float32, and prints the
ratio of the times, which carries over between machines as seconds do not; how far both agree; the
memory that each way adds to the process at most (on Linux); and the time for a stream in hops of 20
ms. SALSA's plain way decomposes the covariance of bin after bin and frame after frame.
"""

from collections.abc import Callable, Iterator
from time import perf_counter
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from benchmarks.measuring import arguments, peak_mb, seconds
from benchmarks.rows import Row, tell
from references.librosa_features import (
    Array,
    log_mel_gcc,
    log_mel_intensity,
    salsa_foa,
    salsa_lite,
)
from seldkit.features import FeatureExtractor, presets
from seldkit.synth import SceneSynthesizer

HOP_S = 0.02
PLAIN = "librosa and NumPy"


class Rival(NamedTuple):
    """One feature: the plain way, the library's, and the library's where it streams."""

    plain: Callable[[Array], Array]
    extractor: FeatureExtractor
    streamable: FeatureExtractor


RIVALS = {
    "log-mel and intensity": Rival(
        log_mel_intensity, presets.dcase2023_foa(), presets.dcase2023_foa(top_db=None)
    ),
    "log-mel and GCC-PHAT": Rival(
        log_mel_gcc, presets.dcase2023_mic(), presets.dcase2023_mic(top_db=None)
    ),
    "SALSA-Lite": Rival(salsa_lite, presets.salsa_lite(), presets.salsa_lite()),
    "SALSA": Rival(salsa_foa, presets.salsa_foa(), presets.salsa_foa(edges="clip")),
}


def stream(extractor: FeatureExtractor, samples: Tensor) -> None:
    """Take a clip in hops of 20 ms."""
    pieces = extractor.stream()
    for chunk in samples.split(round(HOP_S * extractor.sample_rate), dim=1):
        pieces.push(chunk)
    pieces.flush()


def compare(name: str, rival: Rival, samples: Tensor, rounds: int) -> Iterator[Row]:
    """Yield how one feature's two ways do, and say whether they agree."""
    duration_s = samples.shape[1] / rival.extractor.sample_rate
    waveform, plain_waveform = samples.unsqueeze(0), samples.double().numpy()
    plain: list[Array] = []
    fast: list[Tensor] = []

    def run_plain() -> None:
        plain[:] = [rival.plain(plain_waveform)]

    def run_fast() -> None:
        fast[:] = [rival.extractor(waveform)]

    rival.plain(plain_waveform[:, :24000])  # what is loaded and compiled on first use
    run_fast()
    fast.clear()
    # A plain way of many seconds is run once, as the machine's moods do not matter then.
    start = perf_counter()
    plain_mb = peak_mb(run_plain)
    first = perf_counter() - start
    fast_mb = peak_mb(run_fast)
    if first > 3:
        pairs = [(first, seconds(run_fast)) for _ in range(rounds)]
    else:
        pairs = [(seconds(run_plain), seconds(run_fast)) for _ in range(rounds)]
    difference = np.abs(plain[0] - fast[0][0].numpy())
    note = (
        f"99.9 % of the values within {np.quantile(difference, 0.999):.0e},"
        f" all but {(difference > 0.01).mean():.0e} of them within 0.01"
    )
    theirs, ours = (list(times) for times in zip(*pairs, strict=True))
    yield Row.of(name, PLAIN, theirs, ours, note)
    memory = f"{fast_mb:.0f} MB, {fast[0].nbytes / 1e6:.0f} MB of them features"
    yield Row(f"{name}, memory", PLAIN, plain_mb / max(fast_mb, 1.0), note=memory)
    times = [seconds(lambda: stream(rival.streamable, samples)) for _ in range(min(rounds, 3))]
    latency = rival.streamable.stream().latency / rival.streamable.sample_rate
    behind = f"{1000 * latency:.0f} ms behind"
    yield Row.of(f"{name}, streamed", "real time", [duration_s] * len(times), times, behind)


def rows(quick: bool) -> Iterator[Row]:
    """Yield the figures of every feature."""
    duration_s, rounds = (1.0, 1) if quick else (60.0, 9)
    torch.set_num_threads(2)
    scenes = SceneSynthesizer(duration_s=duration_s, anechoic=True, max_polyphony=2)
    samples = (scenes.scene(seed=0)[0] * 32768).round() / 32768  # as files hold them
    with torch.inference_mode():
        for name, rival in RIVALS.items():
            yield from compare(name, rival, samples, rounds)


if __name__ == "__main__":
    tell(rows(arguments().quick))
