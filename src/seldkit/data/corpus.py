"""The clips of a corpus, its classes and its parts."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, replace
from functools import partial
from os import fspath
from pathlib import Path
from typing import Literal, overload

from seldkit._checks import check_literal
from seldkit.data._clips import naming
from seldkit.data.clip import Clip
from seldkit.data.soundness import check_audio, check_labels
from seldkit.data.splits import Fold, Split
from seldkit.events import Events
from seldkit.io import AudioInfo

Errors = Literal["raise", "skip"]

SHOWN = 20
"""How many clips an error tells of."""


@dataclass(frozen=True, repr=False)
class Corpus(Sequence[Clip]):
    """Clips in the order of their names. Nothing is read before it is asked for.

    A slice of a corpus is a corpus, and so are its parts.

    Args:
        name: Name of the corpus.
        clips: Its clips.
        classes: Names of the classes, by number, if known.
        split: Folds of its parts, if it is divided.
        num_channels: Channels of every recording, if known.
        skipped: What was left out by `verify`, and why, by the name of the clip.

    Raises:
        ValueError: If two clips have one name.

    Examples:
        >>> names = {"fold3_room1_mix001": 3, "fold3_room9_mix001": 3, "fold4_room2_mix001": 4}
        >>> clips = [Clip(name, Path(f"{name}.wav"), fold=fold) for name, fold in names.items()]
        >>> corpus = Corpus("mine", clips, split=Split(train=(3,), validation=(), test=(4,)))
        >>> corpus.train
        Corpus('mine', 2 clips of fold 3)
        >>> corpus.test[0].name
        'fold4_room2_mix001'
    """

    name: str
    clips: Sequence[Clip]
    _: KW_ONLY
    classes: tuple[str, ...] = ()
    split: Split | None = None
    num_channels: int | None = None
    skipped: Mapping[str, str] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "clips", tuple(self.clips))
        twice = [name for name, count in Counter(c.name for c in self.clips).items() if count > 1]
        if twice:
            raise ValueError(f"names of clips must differ, got twice {', '.join(twice[:3])}")

    def __len__(self) -> int:
        return len(self.clips)

    @overload
    def __getitem__(self, index: int) -> Clip: ...
    @overload
    def __getitem__(self, index: slice) -> "Corpus": ...
    def __getitem__(self, index: int | slice) -> "Clip | Corpus":
        picked = self.clips[index]
        return picked if isinstance(picked, Clip) else replace(self, clips=picked)

    def __repr__(self) -> str:
        folds = f" of {_fold_names(self.folds)}" if self.folds else ""
        skipped = f", {len(self.skipped)} skipped" if self.skipped else ""
        return f"Corpus({self.name!r}, {_count(len(self), 'clip')}{folds}{skipped})"

    @property
    def folds(self) -> tuple[Fold, ...]:
        """Folds that there are clips of: numbers first, then words."""
        there = {clip.fold for clip in self.clips if clip.fold is not None}
        return tuple(sorted(there, key=lambda fold: (isinstance(fold, str), fold)))

    @property
    def train(self) -> "Corpus":
        """Clips to train with, by the split."""
        return self._part("train")

    @property
    def validation(self) -> "Corpus":
        """Clips by which to choose, by the split."""
        return self._part("validation")

    @property
    def test(self) -> "Corpus":
        """Clips to test with, by the split."""
        return self._part("test")

    def in_folds(self, *folds: Fold) -> "Corpus":
        """Return the clips of some folds.

        Raises:
            ValueError: If no fold is given, or there are no clips of one.
        """
        if not folds:
            raise ValueError("folds must be at least one, got none")
        lacking = [fold for fold in folds if fold not in self.folds]
        if lacking:
            there = f"there are {_fold_names(self.folds)}" if self.folds else "no name tells a fold"
            raise ValueError(f"{self.name} has no clips of {_fold_names(lacking)}: {there}")
        return self.select(lambda clip: clip.fold in folds)

    def select(self, keep: Callable[[Clip], bool]) -> "Corpus":
        """Return the clips for which a function is true: `lambda clip: clip.room != 21`."""
        return replace(self, clips=[clip for clip in self.clips if keep(clip)])

    def map_events(
        self, function: Callable[[Events], Events], *, classes: Sequence[str] | None = None
    ) -> "Corpus":
        """Return the same clips with their events changed, when they are read.

        Args:
            function: Such as `lambda events: events.at(0.1)`, which brings the 20 ms frames of TAU
                Spatial Sound Events 2019 to 100 ms; or one that projects classes.
            classes: Names of the classes afterwards; the same if None.
        """
        names = self.classes if classes is None else tuple(classes)
        clips = [
            replace(clip, read=partial(_read_changed, function, clip.read), classes=names)
            for clip in self.clips
        ]
        return replace(self, clips=clips, classes=names)

    def verify(
        self,
        *,
        errors: Errors = "raise",
        num_channels: int | None = None,
        sample_rate: int | None = None,
    ) -> "Corpus":
        """Read all recordings and labels to their end, and return the clips that are in order.

        A clip is in order if [`check_audio`][seldkit.data.check_audio] finds nothing, and its
        labels, if it has any, can be read and [lie in it][seldkit.data.check_labels].

        Args:
            errors: `"raise"` an error that tells what is wrong with which clips, or `"skip"` them:
                `skipped` of the result says which, and why.
            num_channels: Channels that recordings must have. Default: as published, or as most.
            sample_rate: Rate that recordings must have, in hertz. Default: that of most.

        Raises:
            ValueError: If a clip is not in order and that is to be an error.
        """
        check_literal("errors", errors, Errors)
        found: dict[str, AudioInfo | str] = {}
        for clip in self.clips:
            try:
                found[clip.name] = check_audio(clip.audio)
            except (OSError, ValueError) as error:
                found[clip.name] = str(error)
        sound = [info for info in found.values() if isinstance(info, AudioInfo)]
        channels = num_channels or self.num_channels or _most(info.num_channels for info in sound)
        rate = sample_rate or _most(info.sample_rate for info in sound)
        wrong = {
            clip.name: problem
            for clip in self.clips
            if (problem := self._problem(clip, found[clip.name], channels, rate)) is not None
        }
        if wrong and errors == "raise":
            told = [f"{name}: {problem}" for name, problem in wrong.items()][:SHOWN]
            more = [f"and {len(wrong) - SHOWN} more"] if len(wrong) > SHOWN else []
            lines = "\n  ".join([f"of {len(self)} clips, {len(wrong)} are bad:", *told, *more])
            raise ValueError(lines)
        kept = self.select(lambda clip: clip.name not in wrong)
        return replace(kept, skipped={**self.skipped, **wrong})

    def _part(self, part: Literal["train", "validation", "test"]) -> "Corpus":
        if self.split is None:
            raise ValueError(f"split must be given to have a part of {self.name}, got None")
        folds: tuple[Fold, ...] = getattr(self.split, part)
        if not folds:
            raise ValueError(
                f"the split of {self.name} has no folds for {part}: select them from train"
            )
        return self.in_folds(*folds)

    def _problem(
        self, clip: Clip, info: AudioInfo | str, num_channels: int, sample_rate: int
    ) -> str | None:
        """Return what is wrong with a clip."""
        if isinstance(info, str):
            return info
        if info.num_channels != num_channels:
            return f"{clip.audio} must have {num_channels} channels, got {info.num_channels}"
        if info.sample_rate != sample_rate:
            return f"{clip.audio} must have a rate of {sample_rate} Hz, got {info.sample_rate}"
        if clip.labels is None:
            return None
        try:
            with naming(fspath(clip.labels)):
                check_labels(
                    clip.events(),
                    num_samples=info.num_samples,
                    sample_rate=info.sample_rate,
                    num_classes=len(self.classes) or None,
                )
        except (OSError, ValueError) as error:
            return str(error)
        return None


def _read_changed(
    function: Callable[[Events], Events], read: Callable[[Path], Events], path: Path
) -> Events:
    return function(read(path))


def _most(values: Iterable[int]) -> int:
    """Return the most frequent value, 0 of none."""
    return max(Counter(values).items(), key=lambda item: item[1], default=(0, 0))[0]


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'s' * (number != 1)}"


def _fold_names(folds: Sequence[Fold]) -> str:
    return f"fold{'s' * (len(folds) != 1)} {', '.join(map(repr, folds))}"
