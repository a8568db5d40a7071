"""Whether a recording is whole and like the others of its corpus, and its labels are its own."""

from collections.abc import Iterable
from os import PathLike

from seldkit.data.clip import Clip
from seldkit.events import Events
from seldkit.io import AudioInfo, audio_info, read_blocks


def check_audio(
    path: str | PathLike[str], *, num_channels: int | None = None, sample_rate: int | None = None
) -> AudioInfo:
    """Raise unless a recording can be read to its end, and is as it should be.

    All of it is decoded, a part at a time.

    Args:
        path: Any format that libsndfile reads.
        num_channels: Channels that it must have, if there is a rule.
        sample_rate: Rate that it must have, in hertz, if there is a rule.

    Returns:
        What the file holds.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no audio, is cut off or corrupt, holds no samples, or nan or
            infinity, or has other channels or another rate. The error names the file.

    Examples:
        >>> import tempfile, torch
        >>> from pathlib import Path
        >>> from seldkit.io import write_audio
        >>> path = Path(tempfile.mkdtemp()) / "clip.wav"
        >>> write_audio(path, torch.zeros(1, 2400), 24000)
        >>> check_audio(path, sample_rate=24000)
        AudioInfo(num_channels=1, num_samples=2400, sample_rate=24000, encoding='FLOAT')
    """
    info = audio_info(path)
    rules = {"num_channels": num_channels, "sample_rate": sample_rate}
    for name, rule in rules.items():
        if rule is not None and getattr(info, name) != rule:
            raise ValueError(f"{path} must have {name}={rule}, got {getattr(info, name)}")
    for _ in read_blocks(path):
        pass
    return info


def check_labelled(clips: Iterable[object], *, folder: str | PathLike[str] | None = None) -> None:
    """Raise unless all clips have labels: before hours of work on those that have.

    Recordings of an evaluation set may have none. `corpus.select(lambda clip: clip.labels)` leaves
    them out.

    Args:
        clips: Those that are trained with or scored. Others than a [`Clip`][seldkit.data.Clip] are
            taken to have labels.
        folder: Where labels were looked for, for the message.

    Raises:
        FileNotFoundError: If some have none; it names them.

    Examples:
        >>> from pathlib import Path
        >>> check_labelled([Clip("mix001", Path("foa_eval/mix001.wav"))])
        Traceback (most recent call last):
        ...
        FileNotFoundError: there are no labels for foa_eval/mix001.wav
    """
    lacking = [str(clip.audio) for clip in clips if isinstance(clip, Clip) and not clip.labels]
    if lacking:
        place = "" if folder is None else f" in {folder}"
        more = f" and {len(lacking) - 3} more" if len(lacking) > 3 else ""
        raise FileNotFoundError(f"there are no labels{place} for {', '.join(lacking[:3])}{more}")


def check_labels(
    events: Events, *, num_samples: int, sample_rate: int, num_classes: int | None = None
) -> None:
    """Raise unless labels lie in their recording, and are of classes that there are.

    The last label frame may be filled in part.

    Args:
        events: What the labels say.
        num_samples: Samples of the recording.
        sample_rate: Its rate, in hertz.
        num_classes: Number of classes; any if None.

    Raises:
        ValueError: If a label is beyond the classes, or begins where the recording has ended.

    Examples:
        >>> check_labels(Events([9], [0], [[0, 1, 0]]), num_samples=24000, sample_rate=24000)
    """
    if not len(events):
        return
    last, highest = int(events.frame.max()), int(events.label.max())
    if num_classes is not None and highest >= num_classes:
        raise ValueError(f"labels must be of classes below {num_classes}, got {highest}")
    if round(last * events.frame_s * sample_rate, 3) >= num_samples:  # but for rounding
        raise ValueError(
            f"labels must lie in the recording, of {num_samples / sample_rate:g} s, got one in"
            f" frame {last} of {events.frame_s:g} s"
        )
