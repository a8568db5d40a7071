"""All benchmarks, or those that are named, by one command.

Run with `OMP_NUM_THREADS=2 PYTHONPATH=.:examples:tests python -m benchmarks [NAME ...]`: half an
hour, with `--quick` some minutes. It prints a table for each and, with `--out FOLDER`, writes
`results.md`, `results.json` and a plot of how costs grow, `growth.svg`, after each; benchmarks that
are not run now are kept as they stand in the folder.
"""

import argparse
import json
import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from importlib import import_module
from itertools import tee
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import torch

from benchmarks import growth
from benchmarks.measuring import arguments
from benchmarks.rows import Row, markdown

NAMES = (
    *("losses", "layers", "features", "localization", "augment", "synth", "data", "labels"),
    *("metrics", "models", "einv2", "streaming"),
)
"""The benchmarks in the order of the data's path; growth comes last."""


def machine() -> str:
    """Say what the figures were taken on."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    return (
        f"{platform.machine()}, {os.cpu_count()} processors, {gpu},"
        f" Python {platform.python_version()}, PyTorch {torch.__version__}"
    )


def printed(title: str, rows: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows of a section, each of which is printed as soon as it is there."""
    shown, kept = tee(rows)
    print(f"\n## {title.capitalize()}\n")
    for line in markdown(shown):
        print(line, flush=True)
    yield from kept


def write(results: Mapping[str, Any], out: Path) -> None:
    """Write all that is known, so that what was run before stands beside what was run now."""
    out.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    for name in (*NAMES, "growth"):
        if (section := results.get(name)) is not None:
            rows = [Row.from_json(row) for row in section["rows"]]
            lines += [f"## {name.capitalize()}", "", f"On {section['machine']}.", ""]
            lines += [*markdown(rows), ""]
    if "growth" in results:
        growths = [growth.Growth.from_json(each) for each in results["growth"]["growths"]]
        plot(growths, out / "growth.svg")
        lines += ["![How costs grow with size](growth.svg)", ""]
    (out / "results.md").write_text("\n".join(lines), encoding="utf-8")
    text = json.dumps(results, indent=1, allow_nan=False)
    (out / "results.json").write_text(f"{text}\n", encoding="utf-8")


def plot(growths: list[growth.Growth], path: Path) -> None:
    """Draw how costs grow, a panel for each room."""
    rooms = list(dict.fromkeys(each.room for each in growths))
    figure, panels = plt.subplots(-(-len(rooms) // 3), 3, figsize=(12, 8), squeeze=False)
    for room, panel in zip(rooms, panels.flat, strict=False):
        for each in growths:
            if each.room == room:
                times = [size / each.sizes[0] for size in each.sizes]
                label = f"{each.what}, {each.axis}: power {each.exponent:.2f}"
                panel.plot(times, each.costs, marker="o", label=label)
        panel.set_xscale("log", base=2)
        panel.set_yscale("log", base=2)
        for axis in (panel.xaxis, panel.yaxis):
            axis.set_major_formatter("{x:g}")
        panel.set(title=room, xlabel="times the least size", ylabel="times its cost")
        panel.legend(fontsize="small")
    for panel in panels.flat[len(rooms) :]:
        panel.axis("off")
    figure.tight_layout()
    with matplotlib.rc_context({"svg.hashsalt": "growth"}):  # the same file for the same costs
        figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}, growth")
    parser.add_argument("--out", type=Path, metavar="FOLDER", help="where results are written")
    given = arguments(parser)
    unknown = set(given.names) - {*NAMES, "growth"}
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    file = None if given.out is None else given.out / "results.json"
    results: dict[str, Any] = {}
    if file is not None and file.exists():
        results = json.loads(file.read_text(encoding="utf-8"))
    for name in given.names or (*NAMES, "growth"):
        section: dict[str, Any] = {"machine": machine()}
        if name == "growth":
            growths = list(growth.growths(given.quick))
            section["growths"] = [each.as_json() for each in growths]
            rows: Iterable[Row] = (each.row() for each in growths)
        else:
            rows = import_module(f"benchmarks.{name}").rows(given.quick)
        section["rows"] = [row.as_json() for row in printed(name, rows)]
        results[name] = section
        if given.out is not None:
            write(results, given.out)


if __name__ == "__main__":
    main()
