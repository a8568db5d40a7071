"""Tell what sounds in a recording, and from where: python first_recording.py REC.wav FOLDER."""

import sys

from seldkit import Pipeline
from seldkit.events import sentences

system = Pipeline.load(sys.argv[2])
events = system.predict(sys.argv[1])
print(*sentences(events, system.classes), sep="\n")
