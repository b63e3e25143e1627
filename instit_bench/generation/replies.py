"""The instruction writer's replies: the journal of ``generate instructions``, and other files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from instit_bench.datasets.record import Record
from instit_bench.datasets.records import read_records
from instit_bench.errors import InputError
from instit_bench.generation.captions import Caption
from instit_bench.runs.journal import read_lines
from instit_bench.types import Prediction, Usage

JOURNAL = "instructions.jsonl"


class Ended(NamedTuple):
    """How a caption's last request ended: all that is kept in memory of a reply."""

    answered: bool
    error: str | None
    cut_off: bool


class RawReply(BaseModel):
    """A line of the journal: upstream's three fields, and what else is known of the request.

    ``instructions`` is the reply as it came; ``None`` means that the request failed, and ``error``
    says why.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: int
    file_name: str
    caption: str
    instructions: str | None
    error: str | None = None
    finish_reason: str | None = None
    usage: Usage = Usage()
    latency_s: float | None = None

    @property
    def ended(self) -> Ended:
        """Whether the model replied, and how."""
        cut_off = Prediction("", self.finish_reason).cut_off
        return Ended(self.instructions is not None, self.error, cut_off)

    @property
    def tokens(self) -> int:
        """The tokens that it took."""
        return (self.usage.prompt_tokens or 0) + (self.usage.completion_tokens or 0)


@dataclass(frozen=True, slots=True)
class Reply:
    """A caption and what the writer replied; ``None`` if it did not."""

    caption: Caption
    text: str | None
    error: str | None = None


def stored_replies(path: Path) -> dict[int, RawReply]:
    """Return the last line of each caption in a journal; nothing if there is none.

    Raises:
        InputError: A line is broken.
    """
    return {line.id: line for line in read_lines(path, RawReply)}


def read_replies(raw: Path) -> list[Reply]:
    """Read replies from a folder of ``generate instructions``, its journal, or upstream's list.

    Raises:
        InputError: There is no such file, or a record is broken.
    """
    journal = raw / JOURNAL if raw.is_dir() else raw
    if not journal.is_file():
        raise InputError(
            f"{journal}: no such file; name a folder that generate instructions wrote, or a JSON "
            "file of file_name, caption and instructions"
        )
    if journal.name == JOURNAL:
        stored = stored_replies(journal).values()
        replies = [
            Reply(Caption(one.id, one.file_name, one.caption), one.instructions, one.error)
            for one in sorted(stored, key=lambda one: one.id)
        ]
    else:
        replies = list(_foreign(journal))
    if not replies:
        raise InputError(f"{journal}: contains no replies")
    return replies


def _foreign(path: Path) -> Iterator[Reply]:
    for number, fields in enumerate(read_records(path), start=1):
        record = Record(fields, f"{path}: record {number}")
        caption = " ".join(record.text("caption").split())
        name = record.text("file_name")
        yield Reply(Caption(number, name, caption), record.text("instructions", may_be_empty=True))
