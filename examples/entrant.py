"""Enter a challenge with a network of your own: from STARSS23 to the files that are submitted.

`python examples/entrant.py CORPUS OUT` writes those of the evaluation set, or else the test fold.
"""

import sys
from pathlib import Path
from typing import Any

import torch
from einops.layers.torch import Rearrange
from torch import nn
from torch.utils.data import DataLoader

from seldkit import Pipeline, augment, data, features, formats, heads, io, layers, losses, metrics


def build_network(num_classes: int, width: int) -> nn.Sequential:
    """Return convolutions, two conformers, and vectors for three tracks of each class."""
    return nn.Sequential(
        layers.DoubleConv(7, width, pool_time=5, pool_freq=4),
        layers.DoubleConv(width, width, pool_freq=8),  # two bands are left, which makes 2 * width
        Rearrange("batch channel time freq -> batch time (channel freq)"),
        *(layers.ConformerBlock(2 * width) for _ in range(2)),
        heads.MultiACCDOAHead(2 * width, num_classes),
    )


def main(root: str, out: Path, *, epochs: int = 100, width: int = 64) -> None:
    """Train, on from the last epoch if this was stopped, score and submit."""
    (submission := out / "submission").mkdir(parents=True, exist_ok=True)
    corpus = data.read_corpus(root, "starss23", split="development").verify()
    extractor, n = features.presets.dcase2023_foa(), len(corpus.classes)
    format, network = formats.MultiACCDOA(n, overflow="drop"), build_network(n, width)
    chunks = data.StoredChunks(data.pack(corpus.train, out / "store"), format, chunk_s=5, hop_s=1)
    scaler = features.Standardize(7, 64).fit(extractor(clip.read()[None]) for clip in chunks.clips)
    pipeline = Pipeline(extractor, network, format, standardize=scaler, window_s=5.0)
    pipeline.to(device := torch.device("cuda" if torch.cuda.is_available() else "cpu"))
    optimizer, chance = torch.optim.AdamW(network.parameters(), 1e-3), torch.default_generator
    parts: dict[str, Any] = {"network": network, "optimizer": optimizer, "chance": chance}
    done = data.load_checkpoint(last, **parts) if (last := out / "last.safetensors").exists() else 0
    for epoch in range(done, epochs):
        for heard, target in DataLoader(chunks, 32, shuffle=True, collate_fn=chunks.collate):
            heard, target = augment.turn_clips(heard.to(device), target.to(device))
            maps, target = augment.equalize(extractor(heard), target)
            optimizer.zero_grad()
            losses.adpit_loss(network.train()(scaler(maps)), target).backward()
            optimizer.step()
        data.save_checkpoint(last, epoch=epoch + 1, **parts)
        scores = metrics.SELDMetrics("dcase2023", n)
        for clip in corpus.test:
            scores.update(pipeline.predict(clip.audio), clip.events())
        print(f"epoch {epoch + 1}: {scores.compute()}", flush=True)
    for clip in corpus.in_folds("eval") if "eval" in corpus.folds else corpus.test:
        path, found = submission / f"{clip.name}.csv", pipeline.predict(clip.audio)
        io.write_events(path, found, format="dcase2023", kind="output")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
