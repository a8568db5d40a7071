"""Bring a trained system to a small computer: python small_computer.py FOLDER REC.wav OUT.

It prints what the system costs and whether a stream of chunks tells what the whole recording has,
writes OUT.onnx and OUT8.onnx with linear layers of 8 bits, says what each changes, and tells with
ONNX Runtime alone what sounds in the recording: a minute in all.
"""

import sys

import onnxruntime
import torch

from seldkit import Events, Pipeline, SELDOutput, io
from seldkit.events import sentences
from seldkit.pipeline import compare_onnx, export_onnx, measure_cost

folder, recording, out = sys.argv[1:]
system = Pipeline.load(folder)
print(measure_cost(system))
waveform, _ = io.read_audio(recording, sample_rate=system.extractor.sample_rate)
stream, whole = system.stream(), system.predict(recording)
parts = [stream.push(chunk) for chunk in waveform.split(2000, dim=1)]  # of any size
live = Events.concatenate([*parts, stream.flush()])
agrees = live.frame.equal(whole.frame) and live.label.equal(whole.label)
print(f"a stream, {1000 * stream.latency_s:.0f} ms late, agrees with the whole clip: {agrees}")
for path, int8 in ((f"{out}.onnx", False), (f"{out}8.onnx", True)):
    export_onnx(system, path, int8=int8)
    print(path, compare_onnx(path, system, waveform[None]))
session = onnxruntime.InferenceSession(path)
values = session.run(None, {"waveform": waveform[None].numpy()})
clip = [torch.from_numpy(value[0]) for value in values]
output = clip[0] if len(clip) == 1 else SELDOutput(*clip)
print(*sentences(system.format.decode(output), system.classes), sep="\n")
