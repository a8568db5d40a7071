"""Every loss, format, step behind a network, and what compares vectors, costs and scores."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from hard.blocks import TIME, Block, With, each
from losses.balancing.balancers import BALANCERS, SHARED
from losses.every_loss import CASES, Case
from seldkit import (
    SELDOutput,
    assignment,
    calibration,
    formats,
    geometry,
    losses,
    models,
    postprocess,
)
from seldkit.arrays import ArrayGeometry
from seldkit.events import Events
from seldkit.losses import Balancer

_OF_MEANS: dict[str, Any] = {
    "together": "a mean over the batch",
    "undefined": "the mean of nothing is nan",
}


def _of_case(case: Case) -> Block:
    """Return a loss with targets that it is tried with elsewhere."""

    def loss(*preds: Tensor) -> Tensor:
        _, target = case.random(0, *preds[0].shape[:2])
        return case.loss(list(preds), [x.to(preds[0].dtype) for x in target])

    shapes = tuple((TIME, *axes) for axes in case.preds)
    partly = "nan belongs to no track" if "dmot" in case.name else ""
    return Block(lambda: loss, shapes, 4, partly=partly, **_OF_MEANS)


def _adyolo(preds: Tensor) -> Tensor:
    format = formats.AngularGrid(2, 2, cell_deg=90.0, anchors=1)
    target: Any = format.encode(_events(), preds.shape[1]).map(
        lambda x: x.expand(len(preds), *x.shape)
    )
    return losses.adyolo_loss(preds, target, cell_deg=90.0)


def _maps(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    return lambda preds: loss(
        preds, (torch.arange(32).reshape(4, 8) > 25).to(preds).expand_as(preds)
    )


def _tdoa(logits: Tensor) -> Tensor:
    batch, time, _, tracks, pairs = logits.shape
    active = torch.ones(batch, time, tracks, dtype=torch.bool)
    return losses.tdoa_loss(
        logits, torch.ones(batch, time, tracks, pairs, dtype=torch.long), active
    )


def _proposed(scores: Tensor) -> Tensor:
    return models.propose_events(models.ProposalMaps(scores, scores)).score.sum()


def _events() -> Events:
    return Events.from_degrees([0, 2], [0, 1], [30.0, -90.0], [10.0, 0.0], distance=[1.0, 2.0])


LOSSES: dict[str, Block] = {
    **{case.name.split(",")[0]: _of_case(case) for case in reversed(CASES)},
    "active_energy_loss": Block(
        lambda: _maps(losses.active_energy_loss), ((TIME, 2, 4, 8),), **_OF_MEANS
    ),
    "adyolo_loss": Block(lambda: _adyolo, ((TIME, 4, 2, 1, 5),), 4, **_OF_MEANS),
    "energy_map_loss": Block(
        lambda: _maps(losses.energy_map_loss), ((TIME, 2, 4, 8),), **_OF_MEANS
    ),
    "tdoa_loss": Block(lambda: _tdoa, ((TIME, 5, 2, 3),), **_OF_MEANS),
}


def _weighed(balancer: Callable[[], Balancer]) -> Block:
    """Return a balancer of two losses of some numbers."""

    @torch.enable_grad()
    def total(made: Balancer, x: Tensor) -> Any:
        return made({"sed": SHARED * x.square().mean(), "doa": SHARED * x.abs().mean()})

    return Block(lambda: With(balancer(), total), ((3,),), **_OF_MEANS)


def _matched(preds: Tensor) -> Tensor:
    activity = torch.ones(*preds.shape[:3], 1)
    target = SELDOutput(activity, torch.eye(3).expand_as(preds))
    index = losses.match_tracks(SELDOutput(activity, preds), target)
    return losses.reorder(preds, index)


LOSSES |= {name: _weighed(balancer) for name, balancer in BALANCERS.items()}
LOSSES |= {
    "arrange_sources": Block(
        lambda: lambda x: losses.arrange_sources(x, torch.eye(3)[:2].expand(*x.shape[:2], 2, 2, 3)),
        ((TIME, 2, 2, 3),),
        answers="any arrangement of the sources",
    ),
    "match_tracks": Block(lambda: _matched, ((TIME, 3, 3),)),
    "reorder": Block(lambda: _matched, ((TIME, 3, 3),)),
    "models.overlapping_losses": Block(
        lambda: (
            lambda x: models.overlapping_losses(
                models.OverlappingOutput(x, None, None, None),
                label=torch.zeros(len(x), dtype=torch.long),
            )
        ),
        ((3,),),
        **_OF_MEANS,
    ),
    "models.proposal_losses": Block(
        lambda: (
            lambda x: models.proposal_losses(
                models.ProposalMaps(x, x), models.ProposalMaps(*[torch.full_like(x, 0.7)] * 2)
            )
        ),
        ((2, 4, TIME),),
        **_OF_MEANS,
    ),
    "models.proposal_targets": Block(
        lambda: each(
            lambda x: models.proposal_targets(SELDOutput((x[..., 0] > 0).to(x), x), 4).smoothness
        ),
        ((TIME, 2, 3),),
    ),
    "models.propose_events": Block(
        lambda: each(lambda x: _proposed(x.sigmoid())),
        ((2, 4, 9),),
    ),
    "models.temporal_nms": Block(
        lambda: each(lambda x: x[models.temporal_nms(x - x.abs(), x + x.abs() + 1, x)].sum()),
        ((5,),),
    ),
}

_VECTORS, _WISE = ((2, 3),), ((2,), (2, 3), (2,))
_ANGLES = ((), ())
_FRAMES_ARE_THE_BATCH = "frames are no batch"


def _decoded(format: Any, pack: Callable[..., Any] = lambda x: x) -> Callable[[], Any]:
    def direction(*output: Tensor) -> Tensor:
        events: Events = format.decode(pack(*output))
        return events.direction

    return lambda: direction


_DECODED: dict[str, Any] = {"together": _FRAMES_ARE_THE_BATCH}

FORMATS: dict[str, Block] = {
    "ACCDOA": Block(_decoded(formats.ACCDOA(2)), _VECTORS, **_DECODED),
    "AngularGrid": Block(
        _decoded(formats.AngularGrid(2, cell_deg=90.0, anchors=1)), ((4, 2, 1, 5),), **_DECODED
    ),
    "ClassWise": Block(
        _decoded(formats.ClassWise(2, distance=True), SELDOutput), _WISE, **_DECODED
    ),
    "DenseMap": Block(_decoded(formats.DenseMap(2, 6, 12)), ((2, 6, 12),), **_DECODED),
    "DirectPathPhase": Block(
        _decoded(
            formats.DirectPathPhase(
                ArrayGeometry.tetrahedron(), n_fft=16, bins=(1, 8), max_sources=1
            )
        ),
        ((3, 2, 7),),
        **_DECODED,
    ),
    "MultiACCDOA": Block(_decoded(formats.MultiACCDOA(2)), ((3, 2, 3),), **_DECODED),
    "TrackWise": Block(
        _decoded(formats.TrackWise(2, 2, distance=True), SELDOutput),
        ((2, 2), (2, 3), (2,)),
        **_DECODED,
    ),
}


def _step(step: Any) -> Block:
    """Return a step on tracks of classes, whose frames stand for a batch."""
    return Block(lambda: lambda *x: step(SELDOutput(*x)), ((2, 2), (2, 3)), **_DECODED)


POSTPROCESS: dict[str, Block] = {
    "Chain": _step(postprocess.Chain([postprocess.Hysteresis(0.5), postprocess.MedianFilter(3)])),
    "DropShort": _step(postprocess.DropShort(2)),
    "FillGaps": _step(postprocess.FillGaps(2)),
    "Hysteresis": _step(postprocess.Hysteresis(0.5)),
    "LinkTracks": _step(postprocess.LinkTracks()),
    "MedianFilter": _step(postprocess.MedianFilter(3)),
    "SmoothTracks": _step(postprocess.SmoothTracks(3)),
    "detect_activity": Block(
        lambda: partial(postprocess.detect_activity, high=0.5, dim=1), ((TIME, 2),)
    ),
    "hysteresis": Block(
        lambda: partial(postprocess.hysteresis, low=0.2, high=0.5, dim=1), ((TIME, 2),)
    ),
    "link_tracks": Block(
        lambda: lambda *x: postprocess.link_tracks(SELDOutput(*x)), ((2, 2), (2, 3)), **_DECODED
    ),
    "median_filter": Block(
        lambda: partial(postprocess.median_filter, window=3, dim=1), ((TIME, 2),)
    ),
    "smooth_tracks": Block(
        lambda: (
            lambda x: postprocess.smooth_tracks(
                x, torch.ones(x.shape[:-1], dtype=torch.bool), 3, dim=1
            )
        ),
        ((TIME, 2, 3),),
    ),
}

_SCORES: dict[str, Any] = {"together": "places of a class", "undefined": "of none there is no F1"}


def _against(function: Callable[..., Any], **settings: Any) -> Callable[..., Any]:
    """Return what takes scores and targets, with every other place active."""

    def run(scores: Tensor) -> Any:
        target = (torch.arange(scores.numel()) % 2).reshape(scores.shape).to(scores)
        return function(scores, target, **settings)

    return run


CALIBRATION: dict[str, Block] = {
    "choose_thresholds": Block(
        lambda: _against(calibration.choose_thresholds), ((TIME, 2),), **_SCORES
    ),
    "expected_calibration_error": Block(
        lambda: lambda x: _against(calibration.expected_calibration_error)(x.sigmoid()),
        ((TIME, 2),),
        **_SCORES,
    ),
    "f1_curve": Block(lambda: _against(calibration.f1_curve), ((TIME, 2),), **_SCORES),
    "fit_temperature": Block(
        lambda: _against(calibration.fit_temperature), ((TIME, 2),), **_SCORES
    ),
}

_COSTS = ((3, 3),)
_NO_DIRECTION = "a vector without a length has no direction"
_NEVER = "a cost of nan is infinite"

VECTORS: dict[str, Block] = {
    "assignment.best_permutation": Block(lambda: assignment.best_permutation, _COSTS),
    "assignment.cheapest_matching": Block(
        lambda: lambda cost: assignment.cheapest_matching(cost).to(cost), _COSTS, answers=_NEVER
    ),
    "assignment.exact_assignment": Block(
        lambda: assignment.exact_assignment, _COSTS, answers=_NEVER
    ),
    "assignment.sinkhorn_assignment": Block(
        lambda: assignment.sinkhorn_assignment, _COSTS, answers=_NEVER
    ),
    "geometry.angle_deg": Block(lambda: geometry.angle_deg, ((3,), (3,)), undefined=_NO_DIRECTION),
    "geometry.azimuth_elevation_deg": Block(
        lambda: geometry.azimuth_elevation_deg, ((3,),), undefined=_NO_DIRECTION
    ),
    "geometry.unit_norm": Block(lambda: geometry.unit_norm, ((3,),)),
    "geometry.unit_vector": Block(lambda: geometry.unit_vector, _ANGLES),
    "geometry.wrap_deg": Block(lambda: geometry.wrap_deg, ((),)),
}
