"""``writer.json``: how a folder's replies were asked for, and how that went."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from instit_bench.errors import InputError, NotComparableError
from instit_bench.runs.atomic import read_whole, write_atomically
from instit_bench.validation import first_problem

MANIFEST = "writer.json"


class WriterManifest(BaseModel):
    """What must be equal for replies to belong together, and how it went.

    ``settings`` are those of the last process that asked; ``engine`` sums up what our own engines
    have counted in all of them.
    """

    model_config = ConfigDict(extra="forbid")

    identity: dict[str, Any]
    settings: dict[str, Any]
    replies: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    engine: dict[str, float] = Field(default_factory=dict)

    def save(self, folder: Path) -> None:
        """Write it atomically."""
        write_atomically(folder / MANIFEST, self.model_dump_json(indent=2) + "\n")


def require_same(folder: Path, identity: Mapping[str, Any]) -> WriterManifest:
    """Return a folder's manifest, if its replies were asked for with these settings.

    Raises:
        InputError: Its manifest is missing or broken.
        NotComparableError: They were not; the message says what differs.
    """
    path = folder / MANIFEST
    try:
        manifest = WriterManifest.model_validate_json(read_whole(path))
    except FileNotFoundError as error:
        raise InputError(
            f"{folder}: contains replies but no {MANIFEST}, so it is unknown how they "
            "were asked for; choose another --output"
        ) from error
    except ValidationError as error:
        raise InputError(f"{path}: is not valid: {first_problem(error)}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    before = manifest.identity
    changed = [name for name in identity if before.get(name) != identity[name]]
    if changed:
        told = "; ".join(
            f"{n} was {_short(before.get(n))}, now {_short(identity[n])}" for n in changed
        )
        raise NotComparableError(
            f"{folder}: cannot resume: it was started with other settings: {told}; "
            "choose another --output"
        )
    return manifest


def catalogue_asked_with(raw: Path) -> str | None:
    """Return the digest of the tools that a folder's replies were asked for, if that is known."""
    folder = raw if raw.is_dir() else raw.parent
    try:
        manifest = WriterManifest.model_validate_json(read_whole(folder / MANIFEST))
    except (OSError, ValidationError):
        return None
    digest = manifest.identity.get("catalogue")
    return digest if isinstance(digest, str) else None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:16]}…"
