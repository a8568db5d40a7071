"""Greedy selection of clips whose classes are balanced."""

import math
from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heapreplace
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from seldkit._checks import check_choice, check_count, check_shape
from seldkit._typing import Int
from seldkit.data.sampling import class_frames
from seldkit.events import Events


class Selection(NamedTuple):
    """Clips in the order in which they were picked.

    Attributes:
        picks: Which clip was picked at each step, `int64 [pick]`.
        totals: What there is of each class after each step, `int64 [pick, cls]`.
    """

    picks: Int[Tensor, " pick"]
    totals: Int[Tensor, "pick cls"]


def select_clips(
    clips: Iterable[Events],
    num_classes: int,
    *,
    max_clips: int | None = None,
    max_frames: int | None = None,
    per: Literal["frame", "clip"] = "frame",
    initial: Sequence[int] | Int[Tensor, " cls"] | None = None,
) -> Selection:
    """Pick clips one by one, so that the totals of all classes grow as evenly as they can.

    Let t be the totals of the classes and a what a clip adds to them. Each step picks the clip of
    the largest gain

        sum over classes of log((1 + t + a) / (1 + t)), divided by the sum of a:

    how much the product of the totals grows for each frame that is added. A frame of a class that
    is rare so far adds most, one of a common class that comes along adds little and costs the same,
    so clips in which rare classes are alone come first. Of equal gains the first clip is picked.
    Clips without events are never picked. It ends when nothing is left or a budget is used up.

    Gains only shrink while totals grow. So an old gain is a bound of the new one, and of a heap of
    old gains only those at its top are computed anew ("lazy greedy"): the picks are those of a
    search through all clips. To pick k of N clips takes O(k N log N) at worst, where N counts those
    that add the same once, and far less in practice.

    There is no randomness. With `max_clips`, a smaller budget gives the beginning of a larger one's
    picks, and so `totals` shows where balance ends: when the rarest class is used up.

    Args:
        clips: Events of each clip, or of each chunk of clips (`Events.window`).
        num_classes: Number of classes.
        max_clips: Most clips to pick; any number if None.
        max_frames: Most frames to pick, those of each class counted by themselves
            ([`class_frames`][seldkit.data.class_frames]); any number if None. A clip that no longer
            fits is passed over.
        per: Whether totals count frames in which a class sounds, or clips that hold it.
        initial: Totals to begin with, one for each class: those of a corpus to which clips are
            added. Budgets do not count them.

    Raises:
        ValueError: If a clip has a class beyond `num_classes`, or an argument is out of its range.

    Examples:
        >>> music, speech = (
        ...     Events.from_degrees([0, 1], [label, label], [0, 0], [0, 0]) for label in (0, 1)
        ... )
        >>> selection = select_clips([music, music, speech], num_classes=2, max_clips=2)
        >>> selection.picks
        tensor([0, 2])
        >>> selection.totals
        tensor([[2, 0],
                [2, 2]])

    Source: Minoux, "Accelerated greedy algorithms for maximizing submodular set functions", 1978,
    and gains by cost from Leskovec et al., "Cost-effective outbreak detection in networks", KDD
    2007.
    """
    check_choice("per", per, ("frame", "clip"))
    for name, budget in {"max_clips": max_clips, "max_frames": max_frames}.items():
        if budget is not None:
            check_count(**{name: budget})
    frames = class_frames(clips, num_classes)
    totals = torch.zeros(num_classes, dtype=torch.int64)
    if initial is not None:
        totals = torch.as_tensor(initial)
        check_shape("initial", totals, "cls", cls=num_classes)
        whole = totals.dtype not in (torch.bool, torch.complex64, torch.complex128)
        if not whole or totals.is_floating_point() or (totals < 0).any():
            raise ValueError(f"initial must hold whole numbers from 0, got {totals.tolist()}")
    amounts = frames if per == "frame" else (frames > 0).long()
    sizes = frames.sum(dim=1)
    room = math.inf if max_frames is None else max_frames
    picks: list[int] = []
    heap, size = _Heap(amounts, sizes, totals.tolist()), sizes.tolist()
    while len(picks) < (math.inf if max_clips is None else max_clips):
        clip = heap.take()
        if clip is None:
            break
        if size[clip] <= room:
            room -= size[clip]
            heap.add(amounts[clip].tolist())
            picks.append(clip)
    chosen = torch.tensor(picks, dtype=torch.int64)
    return Selection(chosen, totals + amounts[chosen].cumsum(dim=0))


class _Heap:
    """What a clip of each kind would gain at most; clips that add the same are of one kind."""

    def __init__(
        self, amounts: Int[Tensor, "clip cls"], sizes: Int[Tensor, " clip"], totals: list[int]
    ) -> None:
        table = torch.cat((amounts, sizes.unsqueeze(dim=1)), dim=1)
        kinds, kind = table.unique(dim=0, return_inverse=True)
        self._clips: list[list[int]] = [[] for _ in kinds]  # from the last to the first
        for clip, its_kind in reversed(list(enumerate(kind.tolist()))):
            self._clips[its_kind].append(clip)
        rows: list[list[int]] = kinds[:, :-1].tolist()
        self._adds = [[(label, a) for label, a in enumerate(row) if a] for row in rows]
        self._totals = totals
        self._age = 0
        # Smallest first: the negative gain, its clip, how often totals had grown by then, the kind.
        self._heap = [
            (-self._gain(kind), self._clips[kind][-1], self._age, kind)
            for kind, adds in enumerate(self._adds)
            if adds
        ]
        heapify(self._heap)

    def take(self) -> int | None:
        """Return the clip of the largest gain, which leaves the heap, or None if it is empty."""
        while self._heap:
            bound, clip, age, kind = self._heap[0]
            if age < self._age:
                heapreplace(self._heap, (-self._gain(kind), clip, self._age, kind))
                continue
            others = self._clips[kind]
            others.pop()
            if others:
                heapreplace(self._heap, (bound, others[-1], age, kind))
            else:
                heappop(self._heap)
            return clip
        return None

    def add(self, amounts: list[int]) -> None:
        """Let the totals grow."""
        self._totals = [total + a for total, a in zip(self._totals, amounts, strict=True)]
        self._age += 1

    def _gain(self, kind: int) -> float:
        adds = self._adds[kind]
        # An exact sum, so that the order of the classes does not decide between equal gains.
        gain = math.fsum([math.log1p(a / (1 + self._totals[label])) for label, a in adds])
        return gain / sum([a for _, a in adds])
