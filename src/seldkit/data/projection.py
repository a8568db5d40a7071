"""Projection of one corpus's classes on another's, by their names."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from seldkit._checks import check_choice
from seldkit._typing import Int
from seldkit.events import Events
from seldkit.events.events import changed
from seldkit.io.classes import (
    NIGENS2020_CLASSES,
    NIGENS2021_CLASSES,
    STARSS_CLASSES,
    TAU2019_CLASSES,
)


@dataclass(frozen=True)
class Projection:
    """Which class of one corpus is which class of another.

    Several classes may become one. A class that is not named has no counterpart.

    Args:
        mapping: Name of a class, and name of its counterpart.
        classes: Names of all classes of the corpus that is projected, by number.
        onto: Names of all classes of the corpus on which it is projected, by number.

    Raises:
        TypeError: If a list of classes is no list of names.
        ValueError: If a list is empty, a name is unknown, or stands twice in a list of classes.

    Examples:
        >>> projection = Projection(
        ...     {"woman": "speech", "man": "speech", "ring": "telephone"},
        ...     classes=("man", "rain", "ring", "woman"),
        ...     onto=("telephone", "speech"),
        ... )
        >>> projection.labels
        tensor([ 1, -1,  0,  1])
    """

    mapping: Mapping[str, str]
    _: KW_ONLY
    classes: Sequence[str]
    onto: Sequence[str]

    def __post_init__(self) -> None:
        for name, names in {"classes": self.classes, "onto": self.onto}.items():
            if isinstance(names, str) or not all(isinstance(each, str) for each in names):
                raise TypeError(f"{name} must be a list of names, got {names!r}")
            if not len(names):
                raise ValueError(f"{name} must have at least one name, got none")
            twice = sorted({each for each in names if list(names).count(each) > 1})
            if twice:
                raise ValueError(f"{name} must be different names, got twice {twice}")
        # Copies, so that what was checked stays.
        object.__setattr__(self, "mapping", dict(self.mapping))
        object.__setattr__(self, "classes", tuple(self.classes))
        object.__setattr__(self, "onto", tuple(self.onto))
        for old, new in self.mapping.items():
            check_choice("a class in mapping", old, self.classes)
            check_choice("a counterpart in mapping", new, self.onto)

    @property
    def labels(self) -> Int[Tensor, " cls"]:
        """Number of the counterpart of each class, -1 where there is none."""
        onto = list(self.onto)
        return torch.tensor(
            [onto.index(self.mapping[n]) if n in self.mapping else -1 for n in self.classes]
        )


TAU2019_TO_STARSS = Projection(
    {"phone": "telephone", "laughter": "laughter", "doorslam": "door", "knock": "knock"},
    classes=TAU2019_CLASSES,
    onto=STARSS_CLASSES,
)
"""TAU Spatial Sound Events 2019 on STARSS22 and STARSS23. Left out are speech, which may be of
women or men, and drawers and keyboards, which may be domestic sounds."""

NIGENS2020_TO_STARSS = Projection(
    {
        "female_speech": "female_speech",
        "male_speech": "male_speech",
        "phone": "telephone",
        "footsteps": "footsteps",
        "knock": "knock",
        "piano": "musical_instrument",
    },
    classes=NIGENS2020_CLASSES,
    onto=STARSS_CLASSES,
)
"""TAU-NIGENS Spatial Sound Events 2020 on STARSS22 and STARSS23. Left out is the alarm, which may
be a bell."""

NIGENS2021_TO_STARSS = replace(NIGENS2020_TO_STARSS, classes=NIGENS2021_CLASSES)
"""The same for TAU-NIGENS Spatial Sound Events 2021."""


class Projected(NamedTuple):
    """Events in the classes of another corpus, and what had no place there.

    Attributes:
        events: The rows whose class has a counterpart, in their order.
        dropped: How many rows of each class of the old corpus had none, `int64 [cls]`.
    """

    events: Events
    dropped: Int[Tensor, " cls"]


def project(events: Events, projection: Projection) -> Projected:
    """Return events in the classes of another corpus; rows without a counterpart are dropped.

    Directions, degrees as they were given, distances and the length of the clip stay as they are.
    So do the numbers of sources, unless two classes that become one both use a number in the clip,
    which would make one source of two: then the class of the higher label gets new ones, after all
    others. A source of -1, which tells nothing, stays.

    What is dropped may still be heard. A network that is trained on such a clip learns to be silent
    where the sound has a class that is only not annotated, so look at `dropped`.

    Args:
        events: Events of a clip, in the classes of `projection.classes`.
        projection: Which class becomes which.

    Raises:
        ValueError: If a label is beyond `projection.classes`.

    Examples:
        >>> events = Events.from_degrees([0, 0, 1], [12, 0, 6], [90, -30, 45], [0, 0, 10])
        >>> events, dropped = project(events, NIGENS2020_TO_STARSS)
        >>> events.label, events.azimuth_deg
        (tensor([3, 0]), tensor([90., 45.], dtype=torch.float64))
        >>> NIGENS2020_TO_STARSS.classes[int(dropped.argmax())]
        'alarm'
    """
    number = len(projection.classes)
    if (events.label >= number).any():
        raise ValueError(
            f"events must have labels below {number}, the number of classes, got"
            f" {int(events.label.max())}"
        )
    label = projection.labels[events.label]
    kept = events.select(label >= 0)
    dropped = events.label[label < 0].bincount(minlength=number)
    label = label[label >= 0]
    projected = changed(kept, label=label, source=_apart(kept, label))
    return Projected(projected, dropped)


def _apart(events: Events, label: Int[Tensor, " event"]) -> Int[Tensor, " event"]:
    """Return numbers of sources that stay different where two classes become one."""
    rows = list(zip(events.label.tolist(), label.tolist(), events.source.tolist(), strict=True))
    owner: dict[tuple[int, int], int] = {}
    number: dict[tuple[int, int], int] = {}
    free = 1 + max((source for _, _, source in rows), default=0)
    for old, new, source in sorted(set(rows)):
        if source < 0 or owner.setdefault((new, source), old) == old:
            number[old, source] = source
        else:
            number[old, source] = free
            free += 1
    return torch.tensor([number[old, source] for old, _, source in rows], dtype=torch.int64)
