"""Write the task's data from a checkout of the benchmark: the items, and the marked images.

    python prepare.py PATH/TO/Grasp-Any-Region

Models that take no masks see each region as an outline with its number. Needs Pillow alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageDraw, ImageFilter

ANNOTATIONS = Path("evaluation/GAR-Bench/annotations")
COLOURS = ("red", "lime", "blue", "yellow", "magenta", "cyan", "orange", "purple", "white")
WIDTH = 5  # of an outline, in pixels; an odd number


def main(checkout: Path) -> None:
    """Write ``data/`` beside this file."""
    source = checkout / ANNOTATIONS
    data = Path(__file__).parent / "data"
    items = json.loads((source / "GAR-Bench-VQA.json").read_text(encoding="utf-8"))
    (data / "marked").mkdir(parents=True, exist_ok=True)
    for item in items:
        with Image.open(source / item["image"]) as image:
            marked = mark(image.convert("RGB"), item["mask_rles"])
        marked.save(data / "marked" / f"{Path(item['image']).stem}.png")
    kept = ("image", "question", "choices", "answer", "type")
    rows = [{name: item[name] for name in kept} for item in items]
    (data / "items.json").write_text(json.dumps(rows, indent=1), encoding="utf-8")
    print(f"{len(rows)} items and marked images in {data}")


def mark(image: Image.Image, masks: Sequence[Mapping[str, Any]]) -> Image.Image:
    """Return the image with each mask's outline and number."""
    draw = ImageDraw.Draw(image)
    for number, (rle, colour) in enumerate(zip(masks, cycle(COLOURS), strict=False)):
        mask = mask_of(rle)
        if mask.size != image.size:
            raise SystemExit(f"a mask has {mask.size}, its image {image.size} pixels")
        wider = mask.filter(ImageFilter.MaxFilter(WIDTH))
        image.paste(colour, mask=ImageChops.subtract(wider, mask))
        left, top, right, bottom = mask.getbbox() or (0, 0, *image.size)
        middle = ((left + right) / 2, (top + bottom) / 2)
        size = max(14, image.height // 40)
        box = draw.textbbox(middle, str(number), anchor="mm", font_size=size)
        draw.rectangle([box[0] - 3, box[1] - 3, box[2] + 3, box[3] + 3], fill="black")
        draw.text(middle, str(number), fill=colour, anchor="mm", font_size=size)
    return image


def mask_of(rle: Mapping[str, Any]) -> Image.Image:
    """Return a mask in COCO's run-length code as an image: 255 inside, 0 outside.

    The runs go down the columns, so the image is built on its side.
    """
    height, width = rle["size"]
    runs = zip(runs_of(rle["counts"]), cycle((b"\x00", b"\xff")), strict=False)
    pixels = b"".join(value * length for length, value in runs)
    if len(pixels) != height * width:
        raise SystemExit(f"a mask has {len(pixels)} pixels instead of {height} x {width}")
    return Image.frombytes("L", (height, width), pixels).transpose(Image.Transpose.TRANSPOSE)


def runs_of(text: str) -> list[int]:
    """Return the lengths of the runs, which begin outside the mask.

    A number is written in groups of five bits, the lowest first, each as a character from ``0`` on;
    bit 5 says that more follow, bit 4 of the last is the sign. From the third run on, a number is
    the difference to the run before the last.
    """
    runs: list[int] = []
    value = shift = 0
    for character in text:
        group = ord(character) - 48
        value |= (group & 0x1F) << shift
        shift += 5
        if group & 0x20:
            continue
        if group & 0x10:
            value -= 1 << shift
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    return runs


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
