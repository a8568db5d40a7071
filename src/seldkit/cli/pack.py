"""`seldkit pack`: a corpus decoded once into a store for training."""

import argparse
import sys
import warnings
from pathlib import Path
from typing import get_args

from seldkit.cli.files import read_names
from seldkit.cli.messages import note
from seldkit.cli.options import check_number
from seldkit.cli.progress import Progress
from seldkit.data import Corpus, pack, read_corpus, read_folder
from seldkit.data._store_records import DType
from seldkit.data.published import PUBLISHED
from seldkit.io.editions import FORMATS

EXAMPLE = """examples:
  seldkit pack STARSS23 store --corpus starss23 --workers 8
  seldkit pack recordings store --labels metadata --format dcase2024

A training reads any part of any clip from the store (seldkit.data.Store), and its labels. Clips
that are there already are left as they are: after a stop, or with new clips, run it again. The exit
code is 0 if the clips are packed, and 2 if one cannot be, unless it is to be skipped."""

SHOWN = 20
"""How many clips that were skipped are told of."""

LARGEST = 10**6
"""Beyond any number of hertz or processes."""


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", summary: str
) -> None:
    """Add `pack` to the commands of a program."""
    parser = commands.add_parser(
        "pack",
        help=summary,
        description="Decode a corpus once into a store for training, with its labels.",
        epilog=EXAMPLE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("corpus", type=Path, metavar="CORPUS", help="folder of the recordings")
    parser.add_argument(
        "out", type=Path, metavar="OUT", help="folder of the store, made or added to"
    )
    published = parser.add_argument_group("a published corpus")
    published.add_argument(
        "--corpus", dest="name", metavar="NAME", help=f"which it is: {', '.join(PUBLISHED)}"
    )
    published.add_argument(
        "--audio", metavar="KIND", help="which recordings of it: foa, mic, stereo, foa_b"
    )
    own = parser.add_argument_group("a folder of one's own")
    own.add_argument(
        "--labels", type=Path, metavar="DIR", help="folder of the label files; by default CORPUS"
    )
    own.add_argument(
        "--format", choices=FORMATS, metavar="FORMAT", help="of the labels; by default dcase2023"
    )
    own.add_argument(
        "--classes", type=Path, metavar="FILE", help="names of the classes, one a line"
    )
    store = parser.add_argument_group("the store")
    store.add_argument(
        "--dtype",
        choices=get_args(DType),
        help="int16 holds 16-bit files exactly and refuses others, float32 holds any;"
        " by default what the first recording needs",
    )
    store.add_argument(
        "--sample-rate",
        type=int,
        metavar="HZ",
        help="resample to this rate, which takes float32; by default all must be at one rate",
    )
    store.add_argument(
        "--workers",
        type=int,
        default=0,
        metavar="N",
        help="processes that decode; by default this one does",
    )
    store.add_argument(
        "--skip",
        action="store_true",
        help="leave out clips that cannot be packed, and tell which; by default one is an error",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Pack the corpus, and write a line of what the store holds; return the exit code."""
    check_number("--sample-rate", args.sample_rate, LARGEST)
    check_number("--workers", args.workers, LARGEST, smallest=0)
    corpus = _corpus(args)
    labelled = corpus.select(lambda clip: clip.labels is not None)
    if missing := len(corpus) - len(labelled):
        note(f"recordings without labels, left out: {missing}")
    bar = Progress(len(labelled), "clips")
    with bar, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        store = pack(
            labelled,
            args.out,
            dtype=args.dtype,
            sample_rate=args.sample_rate,
            num_workers=args.workers,
            errors="skip" if args.skip else "raise",
            progress=bar.advance,
        )
    for warning in caught:
        note(str(warning.message))
    for reason in list(store.skipped.values())[:SHOWN]:
        note(f"skipped: {reason}")
    sys.stdout.write(
        f"{len(store)} clip{'' if len(store) == 1 else 's'}, {store.duration_s / 3600:.2f} h of"
        f" {store.num_channels} channels at {store.sample_rate} Hz as {store.dtype}, in"
        f" {args.out}\n"
    )
    return 0


def _corpus(args: argparse.Namespace) -> Corpus:
    """Return the clips that the options speak of, or raise if they do not go together."""
    own = {name: getattr(args, name) for name in ("labels", "format", "classes")}
    if args.name is not None:
        if given := [name for name, value in own.items() if value is not None]:
            raise ValueError(f"--{given[0]} is for a folder of one's own, got --corpus {args.name}")
        return read_corpus(args.corpus, args.name, audio=args.audio)
    if args.audio is not None:
        raise ValueError(f"--audio is for a published corpus, got {args.audio} without --corpus")
    classes = None if args.classes is None else read_names(args.classes)
    return read_folder(args.corpus, args.labels, format=args.format or "dcase2023", classes=classes)
