"""Tell what sounds in a recording, and from where: python first_recording.py REC.wav."""

import sys

from seldkit import pretrained
from seldkit.events import sentences

system = pretrained.load("everyday12")
events = system.predict(sys.argv[1])
print(*sentences(events, system.classes), sep="\n")
