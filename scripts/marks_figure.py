"""Draw docs/images/marks.png: one demo image in the six styles of ``--marks``.

Usage: python scripts/marks_figure.py [--image NUMBER] [--output FILE]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import get_args

from PIL import Image, ImageDraw, ImageFont

from instit_bench.datasets.masks import read_masks
from instit_bench.media.drawn import drawn_medium
from instit_bench.media.marks import Drawing
from instit_bench.resources import demo_data
from instit_bench.types import ImagePart, MarkStyle

DEFAULT_OUTPUT = Path(__file__).resolve().parents[1] / "docs" / "images" / "marks.png"
COLUMNS = 3
MARGIN = 8
CAPTION = 26


def styled(number: int, style: MarkStyle, folder: Path) -> Path:
    """Return the demo image's file in one style."""
    bench = demo_data() / "Inst-It-Bench"
    if style in ("official", "none"):
        kind = "vpt" if style == "official" else "raw"
        return bench / f"images_{kind}" / f"{number:03d}.jpg"
    masks = read_masks(bench / "image_instance_captions_masks.json").of(str(number))
    raw = ImagePart(path=bench / "images_raw" / f"{number:03d}.jpg")
    path = drawn_medium(raw, masks, Drawing(style), folder).path
    assert path is not None
    return path


def figure(number: int) -> Image.Image:
    """Return all styles side by side, each under its name."""
    styles: tuple[MarkStyle, ...] = get_args(MarkStyle)
    with tempfile.TemporaryDirectory() as folder:
        files = [styled(number, style, Path(folder)) for style in styles]
        images = [Image.open(file).convert("RGB") for file in files]
    width, height = images[0].size
    cell = (width + MARGIN, height + CAPTION + MARGIN)
    rows = -(-len(images) // COLUMNS)
    sheet = Image.new("RGB", (COLUMNS * cell[0] + MARGIN, rows * cell[1] + MARGIN), "#ffffff")
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(18)
    for place, (style, image) in enumerate(zip(styles, images, strict=True)):
        x = MARGIN + place % COLUMNS * cell[0]
        y = MARGIN + place // COLUMNS * cell[1]
        draw.text((x, y), style, font=font, fill="#222222")
        sheet.paste(image, (x, y + CAPTION))
    return sheet


def main() -> None:
    """Read the command line and write the figure."""
    parser = argparse.ArgumentParser(description="Draw one demo image in all mark styles.")
    parser.add_argument("--image", type=int, default=7, help="number of the demo image")
    parser.add_argument("--output", type=Path, default=DEFAULT_OUTPUT, help="file to write")
    arguments = parser.parse_args()
    figure(arguments.image).save(arguments.output, optimize=True)


if __name__ == "__main__":
    main()
