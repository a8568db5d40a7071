"""Watch a trained system listen: class and direction of each sound, line by line as it is heard.

`python live.py` hears a microphone in first-order ambisonics (ACN, SN3D), which needs
`pip install 'seldkit[live]'`; with a file, `python live.py FILE` plays it at its own speed, or with
`--fast` at once. The system in the box, everyday12, listens, or one of your own with `--pipeline
FOLDER`. A sound that begins is a line; the last line shows what sounds now, with azimuths from the
left (90) over the front to the right (-90) and the rest behind.
With `--quick` an untrained network hears a scene that is made on the spot, which takes seconds and
means nothing. In the strip a sound is the first letter of its class. Writes nothing.
"""

import argparse
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import torch
from torch import Tensor

from seldkit import Events, Pipeline, features, formats, io, models, pretrained, synth

WIDTH = 37  # places on the strip of azimuths, 10 degrees each
START = "\r\x1b[K" if sys.stdout.isatty() else ""  # of a line, in the place of the last one


def main() -> None:
    """Listen until the sound ends or Ctrl-C is pressed."""
    args = parse_arguments()
    torch.set_num_threads(1)
    pipeline = choose_pipeline(args)
    stream = pipeline.stream()
    print(f"latency {1000 * stream.latency_s:.0f} ms; Ctrl-C ends")
    view = View(pipeline.classes)
    with suppress(KeyboardInterrupt):
        for chunk in chunks(args, pipeline):
            view.show(stream.push(chunk))
    view.show(stream.flush())
    print(f"{START}{view.told} frames heard")


def choose_pipeline(args: argparse.Namespace) -> Pipeline:
    """Return the system that listens."""
    if args.quick:
        return quick_pipeline()
    return pretrained.load("everyday12") if args.pipeline is None else Pipeline.load(args.pipeline)


def chunks(args: argparse.Namespace, pipeline: Pipeline) -> Iterator[Tensor]:
    """Yield the sound chunk by chunk, when it is there."""
    rate, channels = pipeline.extractor.sample_rate, pipeline.extractor.in_channels
    size = round(args.chunk_s * rate)
    if args.quick:
        waveform, _ = synth.SceneSynthesizer(duration_s=3.0, anechoic=True).scene(seed=0, index=0)
        yield from waveform.split(size, dim=1)
    elif args.file is None:
        yield from microphone(rate, channels, size, args.device)
    else:
        due = time.monotonic()
        for chunk in io.read_blocks(args.file, sample_rate=rate, block=size):
            due += chunk.shape[1] / rate
            if not args.fast:
                time.sleep(max(due - time.monotonic(), 0.0))
            yield chunk


def microphone(rate: int, channels: int, size: int, device: int | None) -> Iterator[Tensor]:
    """Yield what a sound card records."""
    try:
        import sounddevice
    except (ImportError, OSError) as error:  # OSError: the library PortAudio is not there
        raise SystemExit(f"a microphone needs pip install 'seldkit[live]': {error}") from error
    settings = {"samplerate": rate, "channels": channels, "device": device, "dtype": "float32"}
    with sounddevice.InputStream(**settings) as source:
        while True:
            samples, overflowed = source.read(size)
            if overflowed:
                print("samples were lost: this computer is too slow", file=sys.stderr)
            yield torch.from_numpy(samples.T.copy())


class View:
    """Lines for sounds that begin and, in a terminal, a last one for what sounds now."""

    def __init__(self, names: Sequence[str] | None) -> None:
        self.names, self.told = names, 0
        self.sounding: set[tuple[int, int]] = set()

    def show(self, events: Events) -> None:
        """Show the frames that are told with these events."""
        rows = list(events)
        for frame in range(self.told, events.num_frames or 0):
            now = [row for row in rows if row.frame == frame]
            strip = ["·"] * WIDTH
            for row in now:
                name = f"class {row.label}" if self.names is None else self.names[row.label]
                strip[round((180 - row.azimuth_deg) / 10)] = name[0].upper()
                if (row.label, row.source) not in self.sounding:
                    where = f"azimuth {row.azimuth_deg:4.0f}, elevation {row.elevation_deg:3.0f}"
                    print(f"{START}{frame * events.frame_s:7.1f} s  {name:<16} {where}", flush=True)
            self.sounding = {(row.label, row.source) for row in now}
            if START:
                print(f"{START}{frame * events.frame_s:7.1f} s  {''.join(strip)}", end="")
        self.told = events.num_frames or 0


def quick_pipeline() -> Pipeline:
    """Return a small system that has learned nothing."""
    torch.manual_seed(0)
    extractor = features.presets.dcase2023_foa(top_db=None)
    model = models.causal_crnn(3, widths=(8, 8), pool_time=(1, 5), pool_freq=(8, 4))
    format = formats.MultiACCDOA(3, threshold=0.05)
    return Pipeline(extractor, model, format, window_s=None, classes=("bell", "dog", "voice"))


def parse_arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("file", type=Path, nargs="?", help="audio file; a microphone if none")
    parser.add_argument("--pipeline", type=Path, help="folder of a saved one; everyday12 if none")
    parser.add_argument("--chunk-s", type=float, default=0.1, help="seconds heard at a time")
    parser.add_argument("--device", type=int, help="number of the microphone")
    parser.add_argument("--fast", action="store_true", help="hear a file as fast as can be")
    parser.add_argument("--quick", action="store_true", help="try it in seconds, untrained")
    return parser.parse_args()


if __name__ == "__main__":
    main()
