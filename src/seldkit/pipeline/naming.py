"""Names for what a pipeline found, by an audio-tagging network that listens to it."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from seldkit._checks import check_count, check_number
from seldkit._typing import Float
from seldkit.ambisonics import beam
from seldkit.backbones import TaggingBackbone
from seldkit.events import Events, Span
from seldkit.features import FeatureExtractor, presets
from seldkit.pipeline.audio import Audio
from seldkit.pipeline.excerpts import Excerpts
from seldkit.pipeline.precision import floats_of
from seldkit.pipeline.windows import evaluating

LEAST_S, HOP_S = 0.96, 0.48
"""Shortest piece that is listened to, and the step from one to the next: those of YAMNet."""

MOST_S = 9.6
"""Longest piece: of longer sounds the probabilities are the mean over several."""


class NamedSpan(NamedTuple):
    """A sound that a pipeline found, and what it is called by a network that listened to it.

    Attributes:
        span: The sound: its class, source, start, end and direction.
        names: The most likely names, the first one most.
        scores: Their probabilities, each for itself.
    """

    span: Span
    names: tuple[str, ...]
    scores: tuple[float, ...]


class NamedStretch(NamedTuple):
    """A stretch of a recording that has a name, from wherever it sounds.

    Attributes:
        name: The name.
        score: Its highest probability.
        start_s: When it starts, in seconds.
        end_s: When it ends, in seconds.
    """

    name: str
    score: float
    start_s: float
    end_s: float


def name_spans(
    events: Events,
    audio: Audio,
    sample_rate: int | None = None,
    *,
    tagger: TaggingBackbone,
    names: Sequence[str],
    extractor: FeatureExtractor | None = None,
    most: int = 3,
) -> list[NamedSpan]:
    """Name each sound by listening to its direction.

    A [`beam`][seldkit.ambisonics.beam] looks to the mean direction of the sound while it lasts,
    0.96 s at least, and keeps off those of other sounds at the same time. The network need not know
    the classes of the pipeline: YAMNet has 521 names, see
    [`compat.yamnet.load`][seldkit.compat.yamnet.load].

    Args:
        events: What a pipeline found.
        audio: The recording it was found in: a file, or a waveform with full scale 1, in ACN order
            and SN3D.
        sample_rate: Of the waveform, in hertz; not for a file.
        tagger: The network.
        names: What its classes are called.
        extractor: Makes the features of one channel that it reads; those of YAMNet if None.
        most: How many names each sound gets.

    Returns:
        The spans of the events, in their order, with names.

    Raises:
        TypeError: If a waveform holds integers, or a number is none.
        ValueError: If the audio is not of four channels or ends before an event, or the names are
            not as many as the network has classes, or fewer than are asked for.
    """
    check_count(most=most)
    if most > len(names):
        raise ValueError(f"most must be at most the {len(names)} names, got {most}")
    extractor = presets.yamnet() if extractor is None else extractor
    rate = extractor.sample_rate
    excerpts = Excerpts.of(audio, sample_rate, rate, channels=4)
    found = []
    spans = events.spans()
    for span in spans:
        if span.start_s * rate >= excerpts.num_samples:
            raise ValueError(
                f"events must be within the recording, {excerpts.num_samples / rate:g} s long, got"
                f" one from {span.start_s:g} s"
            )
        spare = max(LEAST_S - (span.end_s - span.start_s), 0) / 2
        piece = excerpts.read(
            round((span.start_s - spare) * rate), round((span.end_s + spare) * rate)
        )
        unknown = span.direction.isnan().any()  # it moved around so that no direction is the mean
        heard = piece[0] if unknown else beam(piece, span.direction, without=_others(span, spans))
        parts = heard.split(round(MOST_S * rate))
        lengths = torch.tensor([float(len(part)) for part in parts])
        each = torch.cat([_probabilities(part[None], tagger, extractor, names) for part in parts])
        scores, order = (lengths @ each / lengths.sum()).topk(most)
        best = tuple(names[number] for number in order.tolist())
        found.append(NamedSpan(span, best, tuple(scores.tolist())))
    return found


def name_recording(
    audio: Audio,
    sample_rate: int | None = None,
    *,
    tagger: TaggingBackbone,
    names: Sequence[str],
    extractor: FeatureExtractor | None = None,
    threshold: float = 0.3,
) -> list[NamedStretch]:
    """Name what sounds in any recording, of any number of channels, without directions.

    The network listens to pieces of 0.96 s, one every 0.48 s; pieces in a row that have a name are
    one stretch. Of two channels the mean is heard, of more the first one: W of ambisonics.

    Args:
        audio: A file, or a waveform with full scale 1.
        sample_rate: Of the waveform, in hertz; not for a file.
        tagger: The network.
        names: What its classes are called.
        extractor: Makes the features of one channel that it reads; those of YAMNet if None.
        threshold: A piece has the names whose probability is greater.

    Returns:
        The stretches by their start, then by the order of the names.

    Raises:
        TypeError: If a waveform holds integers, or a number is none.
        ValueError: If the names are not as many as the network has classes.
    """
    check_number(threshold=threshold)
    extractor = presets.yamnet() if extractor is None else extractor
    rate = extractor.sample_rate
    excerpts = Excerpts.of(audio, sample_rate, rate)
    num_samples = excerpts.num_samples
    hop, length = round(HOP_S * rate), round(LEAST_S * rate)
    count = max(math.ceil((num_samples - length) / hop), 0) + 1
    scores = []
    for first in range(0, count, 32):
        last = min(first + 32, count)
        piece = excerpts.read(first * hop, (last - 1) * hop + length)
        mono = piece.mean(dim=0) if len(piece) == 2 else piece[0]
        scores.append(_probabilities(mono.unfold(0, length, hop), tagger, extractor, names))
    each = torch.cat(scores)
    found = []
    for number, name in enumerate(names):
        has = functional.pad((each[:, number] > threshold).int(), (1, 1)).diff()
        starts, stops = ((has == sign).nonzero().flatten().tolist() for sign in (1, -1))
        for start, stop in zip(starts, stops, strict=True):
            end = min((stop - 1) * hop + length, num_samples)
            score = float(each[start:stop, number].max())
            found.append(NamedStretch(name, score, start * hop / rate, end / rate))
    return sorted(found, key=lambda stretch: stretch.start_s)


def _others(span: Span, spans: Sequence[Span]) -> Float[Tensor, "other axis=3"]:
    """Return the directions of other sounds while one lasts, but for those that have none."""
    at_once = (
        other.direction
        for other in spans
        if other is not span and other.start_s < span.end_s and span.start_s < other.end_s
    )
    known = [direction for direction in at_once if not direction.isnan().any()]
    return torch.stack(known) if known else span.direction.new_empty(0, 3)


def _probabilities(
    mono: Float[Tensor, "piece sample"],
    tagger: TaggingBackbone,
    extractor: FeatureExtractor,
    names: Sequence[str],
) -> Float[Tensor, "piece cls"]:
    """Return the probability of each name in each piece."""
    with evaluating(tagger), torch.inference_mode():
        features = extractor(mono.unsqueeze(1))
        like = floats_of(tagger)
        output = tagger(features if like is None else features.to(like))
        scores: Tensor = output.probabilities().float().cpu()
    if scores.shape[1] != len(names):
        raise ValueError(
            f"names must be as many as the tagger has classes, {scores.shape[1]}, got {len(names)}"
        )
    return scores
