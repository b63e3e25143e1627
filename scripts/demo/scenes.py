"""The images and videos of the demo data, as scenes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from drawing import Scene, Thing

IMAGE_SIZE = (480, 320)
FRAME_SIZE = (360, 240)
VIDEO_FILE_SIZE = (320, 240)


@dataclass(frozen=True, slots=True)
class Actor:
    """A thing over time. Frames are counted from 1; spans include both ends.

    The thing is visible during ``shown`` (None: the whole video). During ``moves`` it moves in
    equal steps from its place to ``to``. ``turns`` maps frames to the colours it has from then on.
    """

    thing: Thing
    shown: tuple[int, int] | None = None
    moves: tuple[int, int] | None = None
    to: tuple[int, int] | None = None
    turns: dict[int, str] = field(default_factory=dict)

    def at(self, moment: int) -> Thing | None:
        """Return the thing at a frame, or None if it is not visible."""
        if self.shown and not self.shown[0] <= moment <= self.shown[1]:
            return None
        x, y = self._place(moment)
        colours = [self.turns[frame] for frame in sorted(self.turns) if frame <= moment]
        return replace(self.thing, x=x, y=y, colour=[self.thing.colour, *colours][-1])

    def _place(self, moment: int) -> tuple[int, int]:
        if self.moves is None or self.to is None:
            return self.thing.x, self.thing.y
        first, last = self.moves
        share = min(max(moment - first, 0) / (last - first), 1.0)
        return (
            round(self.thing.x + share * (self.to[0] - self.thing.x)),
            round(self.thing.y + share * (self.to[1] - self.thing.y)),
        )


@dataclass(frozen=True, slots=True)
class Video:
    """A video of ``length`` frames: one video file if ``is_file``, else a folder of frames."""

    size: tuple[int, int]
    backdrop: str
    length: int
    actors: tuple[Actor, ...]
    is_file: bool = False

    @property
    def marks(self) -> tuple[int, ...]:
        """All marks that occur in the video."""
        return tuple(actor.thing.mark for actor in self.actors)

    def at(self, moment: int) -> Scene:
        """Return the scene at a frame, counted from 1."""
        if not 1 <= moment <= self.length:
            raise ValueError(f"the video has no frame {moment}")
        visible = (actor.at(moment) for actor in self.actors)
        return Scene(self.size, self.backdrop, tuple(thing for thing in visible if thing))


def _image(backdrop: str, *things: Thing) -> Scene:
    return Scene(IMAGE_SIZE, backdrop, things)


IMAGES: dict[int, Scene] = {
    1: _image(
        "meadow",
        Thing(1, "ball", "red", 90, 250, 28),
        Thing(2, "tree", "green", 390, 125, 80),
        Thing(3, "house", "yellow", 210, 120, 75),
        Thing(4, "person", "blue", 280, 248, 58),
        Thing(5, "cat", "orange", 420, 265, 32),
    ),
    2: _image(
        "street",
        Thing(1, "car", "blue", 90, 250, 52),
        Thing(2, "car", "red", 240, 250, 52),
        Thing(3, "person", "green", 165, 150, 50),
        Thing(4, "car", "white", 390, 250, 52),
        Thing(5, "lamp", "yellow", 330, 130, 70),
    ),
    3: _image(
        "room",
        Thing(1, "box", "yellow", 100, 255, 42),
        Thing(2, "cat", "black", 100, 184, 36),
        Thing(3, "lamp", "red", 240, 170, 80),
        Thing(4, "ball", "purple", 330, 270, 24),
        Thing(5, "box", "blue", 420, 250, 40),
    ),
    4: _image(
        "beach",
        Thing(1, "boat", "red", 110, 110, 48),
        Thing(2, "boat", "white", 300, 110, 48),
        Thing(3, "person", "pink", 180, 235, 62),
        Thing(4, "ball", "yellow", 290, 280, 22),
        Thing(5, "kite", "purple", 410, 60, 38),
    ),
    5: _image(
        "snow",
        Thing(1, "tree", "green", 80, 115, 78),
        Thing(2, "person", "red", 200, 215, 66),
        Thing(3, "person", "yellow", 320, 215, 66),
        Thing(4, "cat", "black", 420, 265, 34),
        Thing(5, "tree", "green", 410, 115, 70),
    ),
    6: _image(
        "meadow",
        Thing(1, "balloon", "red", 80, 90, 40),
        Thing(2, "balloon", "blue", 190, 130, 40),
        Thing(3, "balloon", "yellow", 300, 80, 40),
        Thing(4, "car", "red", 370, 250, 58),
        Thing(5, "person", "purple", 130, 250, 56),
    ),
    7: _image(
        "street",
        Thing(1, "house", "white", 90, 125, 75),
        Thing(2, "house", "pink", 370, 125, 75),
        Thing(3, "car", "orange", 330, 262, 50),
        Thing(4, "person", "white", 230, 160, 56),
        Thing(5, "cat", "black", 80, 262, 32),
        Thing(6, "ball", "green", 430, 275, 20),
    ),
    8: _image(
        "room",
        Thing(1, "ball", "orange", 80, 270, 26),
        Thing(2, "ball", "green", 190, 235, 58),
        Thing(3, "ball", "pink", 300, 262, 36),
        Thing(4, "lamp", "blue", 400, 150, 80),
        Thing(5, "kite", "red", 85, 70, 38),
        Thing(6, "ball", "white", 450, 285, 18),
    ),
}

VIDEOS: dict[int, Video] = {
    1: Video(
        FRAME_SIZE,
        "street",
        12,
        (
            Actor(Thing(1, "house", "pink", 280, 80, 55)),
            Actor(Thing(2, "person", "yellow", 80, 115, 40), shown=(1, 10)),
            Actor(Thing(3, "lamp", "white", 180, 100, 50), turns={10: "yellow"}),
            Actor(Thing(4, "ball", "blue", 40, 215, 18), shown=(5, 12)),
            Actor(Thing(5, "car", "red", 60, 185, 40), moves=(1, 8), to=(300, 185)),
        ),
    ),
    2: Video(
        FRAME_SIZE,
        "meadow",
        8,
        (
            Actor(Thing(1, "tree", "green", 290, 90, 62), turns={6: "orange"}),
            Actor(Thing(2, "balloon", "red", 100, 120, 26), moves=(1, 5), to=(100, 34)),
            Actor(Thing(3, "person", "blue", 150, 180, 48)),
            Actor(
                Thing(4, "cat", "black", 330, 200, 26), shown=(4, 8), moves=(4, 8), to=(220, 200)
            ),
        ),
    ),
    3: Video(
        FRAME_SIZE,
        "beach",
        6,
        (
            Actor(Thing(1, "boat", "green", 290, 80, 38), moves=(1, 3), to=(170, 80)),
            Actor(Thing(2, "person", "orange", 90, 170, 50)),
            Actor(Thing(3, "kite", "pink", 60, 40, 26), shown=(3, 6)),
            Actor(Thing(4, "ball", "white", 230, 205, 18), turns={5: "purple"}),
            Actor(Thing(5, "box", "red", 310, 190, 28), shown=(1, 5)),
        ),
    ),
    4: Video(
        FRAME_SIZE,
        "room",
        10,
        (
            Actor(Thing(1, "lamp", "orange", 60, 110, 56)),
            Actor(Thing(2, "box", "blue", 190, 165, 30)),
            Actor(Thing(3, "ball", "yellow", 330, 215, 20), shown=(1, 8)),
            Actor(Thing(4, "cat", "white", 110, 200, 28), moves=(3, 7), to=(270, 175)),
            Actor(Thing(5, "balloon", "green", 310, 50, 24), shown=(6, 10)),
        ),
    ),
    5: Video(
        VIDEO_FILE_SIZE,
        "snow",
        16,
        (
            Actor(Thing(1, "tree", "green", 50, 80, 48)),
            Actor(Thing(2, "person", "purple", 160, 110, 48)),
            Actor(Thing(3, "ball", "orange", 35, 205, 20), moves=(1, 16), to=(285, 205)),
            Actor(Thing(4, "cat", "black", 255, 120, 28), shown=(7, 16)),
        ),
        is_file=True,
    ),
}
