"""What of predicted energy maps is right: masks that overlap, and pairs that are compared."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from seldkit._typing import Bool, Float, Int
from seldkit.assignment import cheapest_matching
from seldkit.events import EnergyMaps
from seldkit.events.columns import number_within
from seldkit.geometry import angle_deg, within
from seldkit.metrics.average_precision import MAX_DETECTIONS, by_surest, greedy_hits

EMPTY = 1e-9
"""A map that is nowhere as high as this is none."""

FLAT = 1e-7
"""A map that varies by no more has no correlation."""

FAR = 1000.0
"""What a pair costs that must not be matched."""

MAPS_AT_ONCE = 64


class MapSettings(NamedTuple):
    """How maps are drawn and compared.

    Attributes:
        sigma_deg: Width of a point, in degrees.
        mask_threshold: A mask is where a map has at least this share of its greatest value.
        angle_threshold_deg: Strongest points that are further apart are no pair.
        counting: Whether points near the poles are drawn as the published script does, or once.
    """

    sigma_deg: float
    mask_threshold: float
    angle_threshold_deg: float
    counting: Literal["published", "corrected"]


class ClipRecords(NamedTuple):
    """What the scores need of a clip.

    Attributes:
        label: Class of each detection.
        score: How sure it is.
        hits: Whether it is right, by threshold.
        positives: How many references each class has.
        pair_label: Class of each pair.
        correlation: Pearson's r of its maps, nan where one is flat.
        relative_distance: Its relative distance error, nan where the reference has no distance.
    """

    label: Int[Tensor, " detection"]
    score: Float[Tensor, " detection"]
    hits: Bool[Tensor, "threshold detection"]
    positives: Int[Tensor, " cls"]
    pair_label: Int[Tensor, " pair"]
    correlation: Float[Tensor, " pair"]
    relative_distance: Float[Tensor, " pair"]


def compare(
    prediction: EnergyMaps, reference: EnergyMaps, num_classes: int, settings: MapSettings
) -> ClipRecords:
    """Return the records of a clip, whose maps are compared class by class, frame by frame."""
    score = prediction.frame.new_zeros(len(prediction), dtype=torch.float64)
    score = score if prediction.score is None else prediction.score
    keys = [maps.frame * num_classes + maps.label for maps in (prediction, reference)]
    order = by_surest(keys[0], score)
    prediction, score, keys[0] = prediction.select(order), score[order], keys[0][order]
    by_key = keys[1].argsort(stable=True)
    reference, keys[1] = reference.select(by_key), keys[1][by_key]
    found, pairs = [], []
    positives = torch.zeros(num_classes, dtype=torch.int64)
    for mine, theirs in _chunks(*keys):
        said, there = prediction.select(mine), reference.select(theirs)
        maps, truth = _draw(said, settings), _draw(there, settings)
        mine, said = mine[maps.sound], said.select(maps.sound)
        there, truth = there.select(truth.sound), truth.sounding()
        maps = maps.sounding()
        positives += torch.bincount(there.label, minlength=num_classes)
        group = (said.frame * num_classes + said.label, there.frame * num_classes + there.label)
        blocks = _Blocks.of(*group)
        rank = number_within(group[0])
        hits = greedy_hits(blocks.lay_out(_iou(maps.mask, truth.mask), empty=-1.0))
        kept = rank < MAX_DETECTIONS
        found.append((mine[kept], hits[:, blocks.group[0], blocks.rank[0]][:, kept]))
        pairs.append(_pairs(said, there, maps, truth, blocks, settings))
    kept = torch.cat([rows for rows, _ in found]) if found else order[:0]
    hits = (
        torch.cat([each for _, each in found], dim=1)
        if found
        else greedy_hits(torch.zeros(0, 0, 0)).flatten(1)
    )
    columns = [torch.cat(column) for column in zip(*pairs, strict=True)]
    nothing = torch.zeros(0, dtype=torch.float64)
    label, correlation, distance = columns or (nothing.long(), nothing, nothing)
    return ClipRecords(
        prediction.label[kept], score[kept], hits, positives, label, correlation, distance
    )


class _Drawn(NamedTuple):
    """Maps and their masks, and which of them are any."""

    maps: Float[Tensor, "map height width"]
    mask: Bool[Tensor, "map height width"]
    sound: Bool[Tensor, " map"]

    def sounding(self) -> "_Drawn":
        if self.sound.all():
            return self
        return _Drawn(self.maps[self.sound], self.mask[self.sound], self.sound[self.sound])


def _draw(maps: EnergyMaps, settings: MapSettings) -> _Drawn:
    doubled = settings.counting == "published"
    drawn = maps.render(sigma_deg=settings.sigma_deg, doubled_columns=doubled)
    top = drawn.amax(dim=(1, 2))
    mask = drawn >= (settings.mask_threshold * top)[:, None, None]
    return _Drawn(drawn, mask, top >= EMPTY)


def _chunks(mine: Tensor, theirs: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Give the rows of both sides, some keys at a time; keys rise on both sides."""
    keys, count = torch.cat((mine, theirs)).unique(return_counts=True)
    part = (count.cumsum(0) - count) // MAPS_AT_ONCE
    ends = keys[torch.cat((part.diff() > 0, part.new_ones(len(part[:1]), dtype=torch.bool)))]
    cuts = [torch.searchsorted(side, ends, right=True).tolist() for side in (mine, theirs)]
    begin = (0, 0)
    for end in zip(*cuts, strict=True):
        yield torch.arange(begin[0], end[0]), torch.arange(begin[1], end[1])
        begin = end


class _Blocks(NamedTuple):
    """Where the rows of both sides stand in tables, one for each frame and class."""

    group: tuple[Tensor, Tensor]
    rank: tuple[Tensor, Tensor]
    size: tuple[int, int, int]

    @staticmethod
    def of(mine: Tensor, theirs: Tensor) -> "_Blocks":
        keys, place = torch.cat((mine, theirs)).unique(return_inverse=True)
        group = place[: len(mine)], place[len(mine) :]
        rank = number_within(mine), number_within(theirs)
        most = [int(column.max()) + 1 if len(column) else 0 for column in rank]
        return _Blocks(group, rank, (len(keys), most[0], most[1]))

    def lay_out(self, values: Tensor, *, empty: float) -> Tensor:
        """Return values of all pairs of rows as `[group, detection, reference]`."""
        table = torch.full(self.size, empty, dtype=values.dtype)
        i, j = (self.group[0].unsqueeze(1) == self.group[1]).nonzero(as_tuple=True)
        table[self.group[0][i], self.rank[0][i], self.rank[1][j]] = values[i, j]
        return table


def _iou(mine: Tensor, theirs: Tensor) -> Float[Tensor, "detection reference"]:
    """Return the share of the union of all pairs of masks that both hold."""
    first, second = mine.flatten(1).float(), theirs.flatten(1).float()
    both = (first @ second.mT).double()  # counts of cells are exact
    areas = first.sum(dim=1).double().unsqueeze(1) + second.sum(dim=1).double()
    return both / (areas - both)


def _pairs(
    said: EnergyMaps,
    there: EnergyMaps,
    maps: _Drawn,
    truth: _Drawn,
    blocks: _Blocks,
    settings: MapSettings,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return class, correlation and relative distance error of the pairs."""
    peaks = [each.direction[each.peak] for each in (said, there)]
    angle = angle_deg(peaks[0].unsqueeze(1), peaks[1])
    near = within(angle, settings.angle_threshold_deg)
    cost = blocks.lay_out(angle.where(near, FAR), empty=FAR)
    side = max(blocks.size[1:])
    square = cost.new_full((len(cost), side, side), FAR)
    square[:, : cost.shape[1], : cost.shape[2]] = cost
    matched = cheapest_matching(square) if side else square.new_zeros(len(cost), 0).long()
    matched = matched[blocks.group[0], blocks.rank[0]]
    same = (blocks.group[0].unsqueeze(1) == blocks.group[1]) & near
    i, j = (same & (matched.unsqueeze(1) == blocks.rank[1])).nonzero(as_tuple=True)
    correlation = _correlation(maps.maps[i], truth.maps[j], maps.mask[i] | truth.mask[j])
    error = torch.full_like(correlation, torch.nan)
    if there.distance is not None:
        guess = torch.zeros_like(error) if said.distance is None else said.distance[i]
        true = there.distance[j]
        error = ((guess - true).abs() / true).where(true > 1e-5, torch.nan)
    return there.label[j], correlation, error


def _correlation(
    first: Float[Tensor, "pair height width"],
    second: Float[Tensor, "pair height width"],
    union: Bool[Tensor, "pair height width"],
) -> Float[Tensor, " pair"]:
    """Return Pearson's r over the union of two masks and what lies within two steps of it."""
    cells = _grown(_grown(union)).nonzero(as_tuple=True)
    pair, count = cells[0], torch.bincount(cells[0], minlength=len(union))

    def total(values: Tensor) -> Tensor:
        return values.new_zeros(len(union)).index_add_(0, pair, values)

    apart, spread = [], []
    for maps in (first, second):
        values = maps[cells].double()
        apart.append(values - (total(values) / count)[pair])
        ends = values.new_zeros(2, len(union))
        for end, which in zip(ends, ("amax", "amin"), strict=True):
            end.scatter_reduce_(0, pair, values, which, include_self=False)
        spread.append(ends[0] - ends[1])
    power = [total(each.square()) for each in apart]
    r = total(apart[0] * apart[1]) / (power[0] * power[1]).sqrt()
    return r.where(torch.minimum(*spread) > FLAT, torch.nan)


def _grown(mask: Bool[Tensor, "pair height width"]) -> Bool[Tensor, "pair height width"]:
    """Return a mask and the four neighbours of its cells; the canvas ends at its edges."""
    grown = mask.clone()
    grown[:, 1:] |= mask[:, :-1]
    grown[:, :-1] |= mask[:, 1:]
    grown[..., 1:] |= mask[..., :-1]
    grown[..., :-1] |= mask[..., 1:]
    return grown
