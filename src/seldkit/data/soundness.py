"""Whether a recording is whole, and like the others of its corpus."""

from os import PathLike

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
