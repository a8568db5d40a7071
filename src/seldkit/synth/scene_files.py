"""How scenes lie on the disk."""

from pathlib import Path
from typing import Literal, NamedTuple

from seldkit._checks import check_count, check_literal
from seldkit.synth.scene import SceneSynthesizer

Layout = Literal["flat", "starss23"]
FileType = Literal["flac", "wav"]
GROUP = "dev-train-synth"


class SceneFiles(NamedTuple):
    """The files of one scene.

    Attributes:
        audio: FOA audio, or that of an array: FLAC or WAV.
        labels: Events in the format `dcase2023`, CSV.
    """

    audio: Path
    labels: Path


class Tree(NamedTuple):
    """A folder of scenes.

    Attributes:
        folder: The folder.
        layout: `"flat"`: audio and labels side by side; `"starss23"`: as that corpus is published.
        file_type: Ending of the audio files.
        fold: Fold in the names of `"starss23"`.
        audio: Folder of the audio there: `foa_dev` or `mic_dev`.
        num_rooms: Measured rooms that scenes take in turn; 0 where each has one of its own.
    """

    folder: Path
    layout: Layout
    file_type: FileType
    fold: int
    audio: str
    num_rooms: int

    @classmethod
    def of(
        cls,
        synthesizer: SceneSynthesizer,
        folder: Path,
        layout: Layout,
        file_type: FileType,
        fold: int,
    ) -> "Tree":
        """Return where the scenes of a synthesizer go, or raise if there is no such tree."""
        check_literal("layout", layout, Layout)
        check_literal("file_type", file_type, FileType)
        check_count(fold=fold)
        audio = "foa_dev" if synthesizer.array is None else "mic_dev"
        return cls(folder, layout, file_type, int(fold), audio, len(synthesizer._rooms))

    @property
    def folders(self) -> tuple[Path, Path]:
        """Where the audio and where the labels lie."""
        if self.layout == "flat":
            return self.folder, self.folder
        return self.folder / self.audio / GROUP, self.folder / "metadata_dev" / GROUP

    @property
    def manifest(self) -> Path:
        """Where it stands what the scenes were made with; folds are made apart."""
        name = "manifest" if self.layout == "flat" else f"manifest_fold{self.fold}"
        return self.folder / f"{name}.json"

    @property
    def begun(self) -> bool:
        """Whether there are scenes."""
        pattern = "scene_*.csv" if self.layout == "flat" else f"fold{self.fold}_*.csv"
        return any(self.folders[1].glob(pattern))

    def files(self, index: int) -> SceneFiles:
        """Return the files of a scene."""
        name = f"scene_{index:05d}"
        if self.layout == "starss23":
            room = 1 + (index % self.num_rooms if self.num_rooms else index)
            name = f"fold{self.fold}_room{room}_mix{index + 1:03d}"
        audio, labels = self.folders
        return SceneFiles(audio / f"{name}.{self.file_type}", labels / f"{name}.csv")
