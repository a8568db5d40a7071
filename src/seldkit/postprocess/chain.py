"""Several steps of post-processing as one, which can be saved."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from seldkit._builders import built_by
from seldkit.outputs import Output
from seldkit.postprocess.steps import (
    DropShort,
    FillGaps,
    Hysteresis,
    LinkTracks,
    MedianFilter,
    SmoothTracks,
)


@runtime_checkable
class Step(Protocol):
    """What a step does: from an output without the batch axis to one of its kind."""

    def __call__(self, output: Output) -> Output:
        """Return the output after the step."""
        ...


@dataclass(frozen=True)
class Chain:
    """Steps one after the other, as one step.

    Args:
        steps: The steps, in their order; or pairs of a name and arguments, as which they are kept.

    Raises:
        TypeError: If a step is none of these.
        KeyError: If a name is unknown; the error lists the known ones.

    Examples:
        >>> from seldkit.postprocess import Hysteresis, LinkTracks, SmoothTracks
        >>> chain = Chain([LinkTracks(), Hysteresis(0.6, 0.3), SmoothTracks(5)])
        >>> chain.steps[1]
        ('Hysteresis', {'high': 0.6, 'low': 0.3, 'planar': False})
        >>> import json
        >>> chain == Chain(json.loads(json.dumps(chain.steps)))
        True
    """

    steps: Sequence[Step | Sequence[Any]]

    def __post_init__(self) -> None:
        calls = (built_by(_step(step)) for step in self.steps)
        object.__setattr__(self, "steps", tuple(tuple(call) for call in calls if call is not None))

    @property
    def lookback(self) -> int | None:
        """Frames before a frame that the steps read; None without end."""
        return self._reach("lookback")

    @property
    def lookahead(self) -> int | None:
        """Frames behind a frame that the steps read; None without end."""
        return self._reach("lookahead")

    def _reach(self, name: str) -> int | None:
        reach = [getattr(_step(step), name) for step in self.steps]
        return None if None in reach else sum(reach)

    def __call__(self, output: Output) -> Output:
        """Return the output after all steps."""
        for step in self.steps:
            output = _step(step)(output)
        return output


_STEPS: dict[str, type[Any]] = {
    kind.__name__: kind
    for kind in (LinkTracks, MedianFilter, Hysteresis, FillGaps, DropShort, SmoothTracks, Chain)
}


def _step(step: object) -> Step:
    """Return a step of which its name and arguments may be given."""
    if isinstance(step, tuple | list) and len(step) == 2 and isinstance(step[0], str):
        name, arguments = step
        if name not in _STEPS:
            raise KeyError(f"step {name!r} is unknown; known are {sorted(_STEPS)}")
        built: Step = _STEPS[name](**arguments)
        return built
    if type(step) not in _STEPS.values():
        raise TypeError(f"steps must be of {sorted(_STEPS)}, got {type(step).__name__}")
    return step  # type: ignore[return-value]  # one of the table
