"""Questions about a video, with answers derived from its scenes."""

from __future__ import annotations

from itertools import pairwise

from drawing import Thing
from questions import NUMBERS, Question, only, without
from scenes import Video

DIRECTIONS = ("to the left", "to the right", "upwards", "downwards")


def _visible(video: Video, moment: int) -> dict[int, Thing]:
    return {thing.mark: thing for thing in video.at(moment).things}


def _all_tags(video: Video) -> list[str]:
    return [f"[{mark}]" for mark in video.marks]


def _direction(start: Thing, end: Thing) -> str:
    across, down = end.x - start.x, end.y - start.y
    if max(abs(across), abs(down)) < 10:
        return ""
    if abs(across) >= abs(down):
        return "to the right" if across > 0 else "to the left"
    return "downwards" if down > 0 else "upwards"


def events(video: Video, start: int, end: int) -> list[str]:
    """Describe every change between two moments, one phrase per change."""
    before, after = _visible(video, start), _visible(video, end)
    found = [f"[{mark}] comes into view" for mark in after if mark not in before]
    found += [f"[{mark}] disappears" for mark in before if mark not in after]
    for mark in before.keys() & after.keys():
        old, new = before[mark], after[mark]
        if old.colour != new.colour:
            found.append(f"{old.tag} turns from {old.colour} to {new.colour}")
        if direction := _direction(old, new):
            found.append(f"{old.tag} moves {direction}")
    return found


def what_changes(video: Video, start: int, end: int) -> Question:
    """Ask for the only change between two moments."""
    happened = events(video, start, end)
    if len(happened) != 1:
        raise ValueError(f"expected one change from <{start}> to <{end}>: {happened}")
    pool = [f"[{mark}] disappears" for mark in video.marks]
    pool += [f"[{mark}] moves {direction}" for mark in video.marks for direction in DIRECTIONS[:2]]
    return Question(
        text=f"What changes from <{start}> to <{end}>?",
        value=happened[0],
        others=without(happened[0], pool),
        option="{}.",
        sentence=f"From <{start}> to <{end}>, {{}}.",
    )


def who_appears(video: Video, moment: int) -> Question:
    """Ask which thing appears at a moment."""
    new = only(
        thing
        for mark, thing in _visible(video, moment).items()
        if mark not in _visible(video, moment - 1)
    )
    return Question(
        text=f"Which marked object appears at <{moment}>?",
        value=new.tag,
        others=without(new.tag, _all_tags(video)),
        sentence=f"{{}} appears at <{moment}>.",
    )


def who_leaves(video: Video, moment: int) -> Question:
    """Ask which thing has just disappeared at a moment."""
    gone = only(
        thing
        for mark, thing in _visible(video, moment - 1).items()
        if mark not in _visible(video, moment)
    )
    return Question(
        text=f"Which marked object is visible at <{moment - 1}> but no longer at <{moment}>?",
        value=gone.tag,
        others=without(gone.tag, _all_tags(video)),
        sentence=f"{{}} is no longer visible at <{moment}>.",
    )


def first_seen(video: Video, mark: int) -> Question:
    """Ask at which moment a thing is first seen."""
    moments = range(1, video.length + 1)
    first = next(moment for moment in moments if mark in _visible(video, moment))
    return Question(
        text=f"When does [{mark}] become visible for the first time?",
        value=f"<{first}>",
        others=without(f"<{first}>", (f"<{moment}>" for moment in moments)),
        option="at {}",
        sentence=f"[{mark}] becomes visible for the first time at {{}}.",
    )


def direction(video: Video, mark: int, start: int, end: int) -> Question:
    """Ask where a thing moves between two moments, or during a whole video file."""
    steps = {
        _direction(_visible(video, moment)[mark], _visible(video, moment + 1)[mark])
        for moment in range(start, end)
    }
    if len(steps) != 1 or "" in steps:
        raise ValueError(f"[{mark}] does not move in one direction from <{start}> to <{end}>")
    way = steps.pop()
    when = "during the video" if video.is_file else f"from <{start}> to <{end}>"
    return Question(
        text=f"In which direction does [{mark}] move {when}?",
        value=way,
        others=without(way, DIRECTIONS),
        sentence=f"[{mark}] moves {{}} {when}.",
    )


def visible_count(video: Video, moment: int) -> Question:
    """Ask how many marked things are visible at a moment."""
    number = len(_visible(video, moment))
    return Question(
        text=f"How many marked objects are visible at <{moment}>?",
        value=NUMBERS[number],
        others=without(NUMBERS[number], NUMBERS[max(number - 2, 1) : number + 3]),
        sentence=f"At <{moment}>, the number of visible marked objects is {{}}.",
    )


def newcomer(video: Video) -> Question:
    """Ask which thing is there at the end of a video but not at its beginning."""
    new = only(
        thing
        for mark, thing in _visible(video, video.length).items()
        if mark not in _visible(video, 1)
    )
    return Question(
        text="Which marked object is missing at the beginning of the video and there at its end?",
        value=new.tag,
        others=without(new.tag, _all_tags(video)),
        sentence="{} is missing at the beginning of the video and there at its end.",
    )


def mover(video: Video, start: int, end: int) -> Question:
    """Ask which thing is the only one to move between two moments."""
    moved = {
        after.tag
        for moment, later in pairwise(range(start, end + 1))
        for after in video.at(later).things
        if after.mark in _visible(video, moment)
        and _direction(_visible(video, moment)[after.mark], after)
    }
    if len(moved) != 1:
        raise ValueError(f"expected one moving thing from <{start}> to <{end}>: {sorted(moved)}")
    tag = moved.pop()
    return Question(
        text=f"Which marked object changes its place from <{start}> to <{end}>?",
        value=tag,
        others=without(tag, _all_tags(video)),
        sentence=f"{{}} changes its place from <{start}> to <{end}>.",
    )
