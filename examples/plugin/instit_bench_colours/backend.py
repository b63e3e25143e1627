"""A backend that looks at an image and names the nearest colour of a palette."""

from __future__ import annotations

import io
from typing import Any

from PIL import Image

from instit_bench.backends import Backend, BackendOptions, BackendSpec, GenerationError
from instit_bench.errors import InputError
from instit_bench.types import ImagePart, Prediction, Request
from instit_bench_colours.palette import COLOURS, PRIMARY, Colour, distance

_PALETTES = {"all": COLOURS, "primary": PRIMARY}


class PainterBackend(Backend):
    """``--model nearest`` answers with the colour's name, ``--model chatty`` with a sentence.

    ``--model-arg palette=primary`` restricts the answers to three colours.
    """

    def __init__(self, options: BackendOptions) -> None:
        if options.model not in ("nearest", "chatty"):
            raise InputError(f"--model {options.model}: must be nearest or chatty")
        arguments = options.adapter.arguments
        palette = arguments.pop("palette", "all")
        if arguments or palette not in _PALETTES:
            raise InputError("--model-arg: must be palette=all or palette=primary")
        self._chatty, self._palette = options.model == "chatty", palette

    def settings(self) -> dict[str, Any]:
        """Return the settings to record in the manifest."""
        return {"palette": self._palette}

    async def generate(self, request: Request) -> Prediction:
        """Name the colour nearest to the one in the middle of the image."""
        images = [
            part for message in request.messages for part in message.parts
            if isinstance(part, ImagePart)
        ]  # fmt: skip
        if len(images) != 1:
            raise GenerationError("the painter needs exactly one image per request")
        seen, palette = _middle(images[0]), _PALETTES[self._palette]
        name = min(palette, key=lambda colour: distance(palette[colour], seen))
        return Prediction(f"It is {name}." if self._chatty else name, finish_reason="stop")


def _middle(part: ImagePart) -> Colour:
    """Return the pixel in the middle. An image arrives as a path if it is a file, else as bytes."""
    with Image.open(part.path or io.BytesIO(part.data or b"")) as image:
        red, green, blue = image.convert("RGB").getpixel((image.width // 2, image.height // 2))
    return red, green, blue


PAINTER = BackendSpec("painter", PainterBackend)
