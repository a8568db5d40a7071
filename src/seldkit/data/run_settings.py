"""What a training run was begun with, so that it goes on with nothing else."""

import json
from os import PathLike, fspath
from typing import Any

import numpy as np


class RunSettings:
    """Settings of a training run as a part of its checkpoints, which a resumed run must repeat.

    A learning rate, a number of epochs or a batch size that changes in the midst of a schedule
    makes a run that neither was asked for nor can be made again. So a checkpoint whose settings
    differ is not taken up: [`load_checkpoint`][seldkit.data.load_checkpoint] raises an error that
    names them. Give the settings before the other parts, so that nothing is taken up before.

    Args:
        settings: By name: plain values, and lists and dictionaries of them.

    Raises:
        TypeError: If a setting is anything else.

    Examples:
        >>> saved = RunSettings(epochs=8, lr=1e-3).state_dict()
        >>> RunSettings(epochs=8, lr=1e-2).load_state_dict(saved)
        Traceback (most recent call last):
        ...
        ValueError: it was begun with lr=0.001, not 0.01: repeat that, or begin anew elsewhere
    """

    def __init__(self, **settings: Any) -> None:
        self.settings = {name: _plain(name, value) for name, value in settings.items()}

    def state_dict(self) -> dict[str, Any]:
        """Return the settings."""
        return dict(self.settings)

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Raise `ValueError` if the settings of a checkpoint are others."""
        names = sorted(state_dict.keys() | self.settings.keys())
        pairs = [(n, state_dict.get(n, _NONE), self.settings.get(n, _NONE)) for n in names]
        others = [f"{n}={old}, not {new}" for n, old, new in pairs if _text(old) != _text(new)]
        if others:
            raise ValueError(
                f"it was begun with {'; '.join(others)}: repeat that, or begin anew elsewhere"
            )

    def __repr__(self) -> str:
        return f"RunSettings({', '.join(f'{n}={value!r}' for n, value in self.settings.items())})"


class _Nothing:
    def __repr__(self) -> str:
        return "nothing"


_NONE = _Nothing()


def _text(value: Any) -> str:
    """Return what is the same for equal settings: nan is nan, and dictionaries have no order."""
    return repr(value) if value is _NONE else json.dumps(value, sort_keys=True)


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, PathLike):
        value = fspath(value)
    if isinstance(value, list | tuple):
        return [_plain(name, v) for v in value]
    if isinstance(value, dict):
        return {str(key): _plain(name, v) for key, v in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{name} must be a plain value, got {value!r}")
