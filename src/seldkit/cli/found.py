"""What `seldkit predict` found in a recording, as text and as JSON."""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from seldkit.events import Events, sentences
from seldkit.geometry import azimuth_elevation_deg
from seldkit.pipeline import NamedSpan, NamedStretch


class Found(NamedTuple):
    """What was found in a recording.

    Attributes:
        duration_s: Length of the recording.
        events: What sounds from where; None of a recording that tells no directions.
        spans: The sounds with names; None if nobody named them.
        stretches: What sounds from anywhere; None if nobody named it.
    """

    duration_s: float
    events: Events | None
    spans: list[NamedSpan] | None = None
    stretches: list[NamedStretch] | None = None

    def lines(self, classes: Sequence[str] | None) -> list[str]:
        """Return a line for each sound, and for each name that is heard from anywhere."""
        lines = [] if self.events is None else sentences(self.events, classes)
        if self.spans is not None:  # in the order of the sentences
            lines = [f"{x}: {_names(y)}" for x, y in zip(lines, self.spans, strict=True)]
        if self.events is not None and not lines:
            lines = ["nothing found"]
        if self.stretches is not None:
            lines += ["from anywhere:" if self.stretches else "from anywhere: nothing named"]
        for name, score, start_s, end_s in self.stretches or ():
            lines.append(f"  {name} {score:.2f}, from {start_s:.1f} to {end_s:.1f} s")
        return lines

    def as_json(self, path: Path, classes: Sequence[str] | None) -> str:
        """Return all as a line of JSON, with null for what is not known."""
        told: dict[str, Any] = {"file": str(path), "duration_s": round(self.duration_s, 9)}
        told["sounds"] = None if self.events is None else _sounds(self.events, classes)
        if self.spans is not None:
            for sound, span in zip(told["sounds"], self.spans, strict=True):
                pairs = zip(span.names, span.scores, strict=True)
                sound["names"] = [{"name": name, "score": _rounded(s)} for name, s in pairs]
        if self.stretches is not None:
            told["from_anywhere"] = [
                {**x._asdict(), "score": _rounded(x.score)} for x in self.stretches
            ]
        return json.dumps(told, allow_nan=False) + "\n"


def _names(span: NamedSpan) -> str:
    return ", ".join(f"{name} {x:.2f}" for name, x in zip(span.names, span.scores, strict=True))


def _sounds(events: Events, classes: Sequence[str] | None) -> list[dict[str, Any]]:
    sounds = []
    for span in events.spans():
        azimuth, elevation = (round(x.item(), 1) for x in azimuth_elevation_deg(span.direction))
        unknown = math.isnan(azimuth)
        sounds.append(
            {
                "class": span.label,
                "name": None if classes is None else classes[span.label],
                "source": span.source,
                "start_s": span.start_s,
                "end_s": span.end_s,
                "azimuth_deg": None if unknown else azimuth,
                "elevation_deg": None if unknown else elevation,
            }
        )
    return sounds


def _rounded(score: float) -> float:
    return round(score, 4)
