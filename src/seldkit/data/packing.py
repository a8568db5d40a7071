"""Packing recordings and their labels into a store."""

import warnings
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Executor
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import Literal

from seldkit._checks import check_count, check_literal, integer
from seldkit._executors import map_in_order
from seldkit._files import replacing, sweep
from seldkit.data._clips import naming
from seldkit.data._store_arrays import checksum, labels_to_bytes, open_array, write_waveform
from seldkit.data._store_records import (
    CLIPS,
    LABELS,
    LAYOUT,
    SETTINGS,
    WAVEFORMS,
    DType,
    Record,
    Settings,
    digest,
    file_digest,
    known_crc,
    read_records,
    read_settings,
    settle,
    write_index,
    write_record,
)
from seldkit.data.clip import Labelled, check_kind
from seldkit.data.soundness import check_labelled, check_labels
from seldkit.data.store import Store
from seldkit.events import Events
from seldkit.io.audio import AudioInfo, audio_info, read_blocks


def pack(
    clips: Iterable[Labelled],
    folder: str | PathLike[str],
    *,
    dtype: DType | None = None,
    sample_rate: int | None = None,
    num_channels: int | None = None,
    executor: Executor | None = None,
    num_workers: int | None = 0,
    errors: Literal["raise", "skip"] = "raise",
    progress: Callable[[], object] | None = None,
) -> Store:
    """Decode recordings once into a store, from which a training reads any part of any clip.

    A clip is part of the store when all of it is on the disk. A process that is killed at any
    moment, or meets a full disk, leaves the clips that are done and nothing else that counts;
    called again, it goes on where it stopped. Several processes, on several machines that share the
    folder, may pack into it at once, the same clips or others; clips may be added any time. A clip
    that is there with the same content is left as it is, and made again if its file is gone or of
    another length; the same name with other content is an error.

    Args:
        clips: A [`Corpus`][seldkit.data.Corpus], or what else has `name`, `audio`, `events()` and,
            if known, `classes` and `fold`. Names must differ, and classes be the same for all.
        folder: Where the store is, or shall be.
        dtype: `"int16"` keeps the samples of 16-bit files exactly and refuses what it cannot keep
            so: files of 24 bits or floats, or at another rate. `"float32"` keeps any, in twice the
            space. By default that of the store, or what the first clip needs.
        sample_rate: Resample to this rate, in hertz. By default every clip must be at the rate of
            the first, or of the store.
        num_channels: Channels that every clip must have; by default those of the first, or of the
            store.
        executor: Does the work, as the engine of a cluster may; the clips are then pickled.
        num_workers: Without an executor, processes of this machine that do it; 0 for this process
            alone, None for as many as there are processors.
        errors: What to do about a clip that cannot be packed, because its file is missing, cut off
            or no audio, holds nan, or has another rate or other channels, or because its labels
            are missing, cannot be read or lie beyond it: `"raise"` an error that names it, or
            `"skip"` it. Those skipped are counted in a warning, and listed in `skipped` of the
            store that is returned.
        progress: Called whenever a clip is done, as by what shows how far the work has come.

    Raises:
        FileNotFoundError: If there is no such recording, or, before any is packed, if some have no
            labels.
        OSError: If the disk is full, or the folder cannot be written.
        TypeError: If an argument or what a clip holds is of the wrong kind.
        ValueError: If a clip cannot be packed, no clip can, two have one name, or the folder holds
            a store of other settings. The error names the clip.
    """
    check_literal("dtype", dtype, DType | None)
    check_literal("errors", errors, Literal["raise", "skip"])
    for name, count in {"sample_rate": sample_rate, "num_channels": num_channels}.items():
        if count is not None:
            check_count(**{name: count})
    folder, clips = Path(folder).absolute(), list(clips)
    _check_names(clips)
    if errors == "raise":
        check_labelled(clips)
    settings = _settings(folder, clips, dtype, sample_rate, num_channels, errors)
    for part in (folder, folder / WAVEFORMS, folder / LABELS, folder / CLIPS):
        part.mkdir(parents=True, exist_ok=True)
        sweep(part)
    settle(folder, settings)
    work = partial(
        _try, folder=folder, settings=settings, resample=sample_rate is not None, errors=errors
    )
    workers = num_workers if executor is None else None
    reasons = map_in_order(work, clips, executor=executor, num_workers=workers)
    skipped = {}
    for clip, reason in zip(clips, reasons, strict=True):
        if reason is not None:
            skipped[clip.name] = reason
        if progress is not None:
            progress()
    write_index(folder, read_records(folder))
    store = Store(folder)
    store.skipped = skipped
    if skipped:
        first = next(iter(skipped.values()))
        told = f"{len(skipped)} of {len(clips)} clips were skipped; the first: {first}"
        if not len(store):
            raise ValueError(told)
        warnings.warn(told, stacklevel=2)
    return store


def _check_names(clips: Sequence[Labelled]) -> None:
    if not clips:
        raise ValueError("clips must hold at least one, got none")
    first: dict[str, Labelled] = {}
    for clip in clips:
        check_kind(clip)
        if clip.name in first:
            raise ValueError(
                f"clips must have names that differ, got {clip.name} for"
                f" {first[clip.name].audio} and {clip.audio}"
            )
        first[clip.name] = clip


def _settings(
    folder: Path,
    clips: Sequence[Labelled],
    dtype: DType | None,
    sample_rate: int | None,
    num_channels: int | None,
    errors: str,
) -> Settings:
    """Return what all clips must be like: as asked for, as the store is, or as the first clip."""
    classes = tuple(getattr(clips[0], "classes", ()))
    if (folder / SETTINGS).exists():
        there = read_settings(folder)
        own, rate, channels = there.dtype, there.sample_rate, there.num_channels
    elif None in (dtype, sample_rate, num_channels):
        first = _first_info(clips, errors)
        rate, channels = first.sample_rate, first.num_channels
        exact = first.encoding == "PCM_16" and sample_rate in (None, rate)
        own = "int16" if exact else "float32"
    rate = rate if sample_rate is None else integer("sample_rate", sample_rate)
    channels = channels if num_channels is None else integer("num_channels", num_channels)
    return Settings(dtype or own, rate, channels, classes)


def _first_info(clips: Sequence[Labelled], errors: str) -> AudioInfo:
    """Return what the first recording holds, or the first that can be opened."""
    fault: Exception | None = None
    for clip in clips:
        try:
            with naming(fspath(clip.audio)):
                return audio_info(clip.audio)
        except (FileNotFoundError, ValueError) as error:
            if errors == "raise":
                raise
            fault = fault or error
    raise ValueError(f"no clip can be read; the first: {fault}") from fault


def _try(
    clip: Labelled, *, folder: Path, settings: Settings, resample: bool, errors: str
) -> str | None:
    """Pack a clip; return why it was skipped, or None."""
    try:
        with naming(fspath(clip.audio)):
            _pack(clip, folder, settings, resample)
    except (FileNotFoundError, TypeError, ValueError) as error:
        if errors == "raise":
            raise
        return str(error)
    return None


def _pack(clip: Labelled, folder: Path, settings: Settings, resample: bool) -> None:
    """Write a clip, its record last, or find that it is there."""
    rate = settings.sample_rate if resample else None
    info = audio_info(clip.audio, sample_rate=rate)
    for what, wanted, found in (
        ("sample_rate", settings.sample_rate, info.sample_rate),
        ("num_channels", settings.num_channels, info.num_channels),
    ):
        if wanted != found:
            raise ValueError(f"{what} must be {wanted} in this store, got {found} in {clip.audio}")
    events = _events(clip, settings)
    check_labels(
        events,
        num_samples=info.num_samples,
        sample_rate=info.sample_rate,
        num_classes=len(settings.classes) or None,
    )
    labels = labels_to_bytes(events)
    key = f"{LAYOUT} {settings.dtype} {settings.sample_rate}".encode()
    record = Record(
        name=clip.name,
        fold=getattr(clip, "fold", None),
        waveform=file_digest(Path(clip.audio), key),
        num_samples=info.num_samples,
        waveform_crc="",
        labels=digest(labels),
        num_frames=events.num_frames,
        frame_s=events.frame_s,
    )
    crc = known_crc(folder, record)
    waveform_path = folder / WAVEFORMS / f"{record.waveform}.npy"
    labels_path = folder / LABELS / f"{record.labels}.npy"
    shape = info.num_channels, info.num_samples
    if not _is_whole(waveform_path, shape, settings.dtype):
        crc = None
        with replacing(waveform_path) as draft:
            blocks = read_blocks(clip.audio, sample_rate=rate)
            write_waveform(draft, blocks, shape, settings.dtype)
    if not (labels_path.exists() and labels_path.read_bytes() == labels):
        with replacing(labels_path) as draft:
            draft.write_bytes(labels)
    # Of the file in place: where two write at once, that of either may be there.
    crc = crc or checksum(waveform_path)
    write_record(folder, record._replace(waveform_crc=crc))


def _is_whole(path: Path, shape: tuple[int, int], dtype: DType) -> bool:
    try:
        open_array(path, shape, dtype)
    except ValueError:
        return False
    return True


def _events(clip: Labelled, settings: Settings) -> Events:
    events = clip.events()
    if not isinstance(events, Events):
        raise TypeError(f"events() must return Events, got {type(events).__name__}")
    classes = tuple(getattr(clip, "classes", ()))
    if classes != settings.classes:
        raise ValueError(f"classes must be {settings.classes} in this store, got {classes}")
    return events
