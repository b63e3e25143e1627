"""Draw and write the demo data that ships with the package.

Usage: python scripts/demo/make_demo_data.py [--output DIR]
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import dataset_records
import gpt4tools_seen
import gpt4tools_unseen
import numpy as np
from drawing import render
from gpt4tools_prompt import gpt4tools_records
from inst_it_items import image_path, records, video_path
from masks import masks_of_all
from PIL import Image
from scenes import IMAGES, VIDEOS

DEFAULT_OUTPUT = Path(__file__).resolve().parents[2] / "instit_bench" / "datasets" / "demo"
JPEG_QUALITY = 88
FRAMES_PER_SECOND = 4
# This frame is a PNG with an alpha channel despite its .jpg name, like some frames of the
# benchmark.
PNG_FRAME = (1, 3)


def write_demo_data(output: Path) -> None:
    """Write the demo data of both benchmarks and of the Inst-IT Dataset to a folder."""
    bench = output / "Inst-It-Bench"
    for name, rows in records().items():
        _write_json(bench / name, rows)
    for name, masks in masks_of_all().items():
        _write_json(bench / name, masks)
    for kind in ("vpt", "raw"):
        for number, scene in IMAGES.items():
            _write_jpeg(bench / image_path(number, kind), render(scene, marked=kind == "vpt"))
        for number, video in VIDEOS.items():
            frames = [
                render(video.at(moment), marked=kind == "vpt")
                for moment in range(1, video.length + 1)
            ]
            place = bench / video_path(number, kind)
            if video.is_file:
                _write_video(place, frames)
            else:
                _write_frames(place, number, frames)
    _write_dataset(output / "Inst-It-Dataset")
    for name, split in (
        ("gpt4tools_val_seen.json", gpt4tools_seen),
        ("gpt4tools_test_unseen.json", gpt4tools_unseen),
    ):
        _write_json(output / "gpt4tools" / name, gpt4tools_records(split.TOOLS, split.ITEMS))


def _write_dataset(folder: Path) -> None:
    for name, rows in dataset_records.records().items():
        _write_json(folder / name, rows)
    for number in dataset_records.IMAGE_NUMBERS:
        _write_jpeg(folder / dataset_records.image_path(number), render(IMAGES[number]))
    for number in dataset_records.VIDEO_NUMBERS:
        frames = folder / dataset_records.video_path(number)
        for moment in range(1, VIDEOS[number].length + 1):
            _write_jpeg(frames / f"{moment}.jpg", render(VIDEOS[number].at(moment)))


def _write_json(path: Path, rows: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text, encoding="utf-8", newline="\n")


def _write_jpeg(path: Path, image: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, format="JPEG", quality=JPEG_QUALITY, optimize=True)


def _write_frames(folder: Path, number: int, frames: Sequence[Image.Image]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for moment, image in enumerate(frames, start=1):
        path = folder / f"{moment}.jpg"
        if (number, moment) == PNG_FRAME:
            image.convert("RGBA").save(path, format="PNG", optimize=True)
        else:
            _write_jpeg(path, image)


def _write_video(path: Path, frames: Sequence[Image.Image]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), mode="w") as container:
        stream = container.add_stream("libx264", rate=Fraction(FRAMES_PER_SECOND))
        stream.width, stream.height = frames[0].size
        stream.pix_fmt = "yuv420p"
        stream.options = {"crf": "18", "preset": "slow", "threads": "1"}
        for image in frames:
            frame = av.VideoFrame.from_ndarray(np.asarray(image), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def main(arguments: Sequence[str] | None = None) -> None:
    """Read the command line and write the data."""
    parser = argparse.ArgumentParser(description="Draw and write the embedded demo data.")
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT, help="folder to write")
    output: Path = parser.parse_args(arguments).output
    write_demo_data(output)
    sizes = [path.stat().st_size for path in output.rglob("*") if path.is_file()]
    print(f"{output}: {len(sizes)} files, {sum(sizes) / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
