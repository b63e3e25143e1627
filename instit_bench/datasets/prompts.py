"""The benchmark's own prompt texts: downloaded from its repository, read without running code.

The texts belong to the benchmark's authors and are not part of this project; see docs/data.md.
"""

from __future__ import annotations

import ast
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from instit_bench.errors import InputError

COMMIT = "6d7bd50cfc5a2c96b48b3d0d892c7f4e930031cf"
_LARGEST = 2**20  # bytes; the file has a few thousand
SHA256 = "dc9df4a0d8ef590a79f6fefe259e9737c91efa3bb596610f7550b3573e50a35f"
URL = f"https://raw.githubusercontent.com/inst-it/inst-it/{COMMIT}/inst-it-bench/prompts.py"


@dataclass(frozen=True, slots=True)
class PromptPair:
    """The words before and after a question."""

    pre_prompt: str
    post_prompt: str


class JudgePrompts(BaseModel):
    """The judge's instructions, one text per split."""

    model_config = ConfigDict(frozen=True)

    image: str
    video: str


class OfficialPrompts(BaseModel):
    """All of the benchmark's prompt texts."""

    model_config = ConfigDict(frozen=True)

    image_mc: PromptPair
    image_oe: PromptPair
    video_mc: PromptPair
    video_oe: PromptPair
    gpt_eval: JudgePrompts

    def pair(self, key: str) -> PromptPair:
        """Return a task's pair by its ``metadata.official_prompt``."""
        found = getattr(self, key, None)
        if not isinstance(found, PromptPair):
            raise InputError(f"the benchmark has no prompt named {key!r}")
        return found


def read_prompts(path: Path) -> OfficialPrompts:
    """Read the JSON form.

    Raises:
        InputError: The file is not in the format that ``data download`` writes.
    """
    try:
        return OfficialPrompts.model_validate_json(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(
            f"{path}: is not a valid prompt file: {reason}; run 'instit-bench data download' again"
        ) from error


def download_prompts(target: Path, url: str = URL, sha256: str = SHA256) -> None:
    """Download the texts at the pinned commit, check the digest, and write them as JSON.

    Raises:
        InputError: The download failed or the file is not the pinned one.
    """
    import urllib.request
    from http.client import HTTPException, IncompleteRead

    try:
        with urllib.request.urlopen(url, timeout=60) as reply:  # noqa: S310 - a constant address
            source = reply.read(_LARGEST)
            if reply.length and len(source) < _LARGEST:  # bytes that were announced are missing
                raise IncompleteRead(source, reply.length)
    except (OSError, HTTPException) as error:
        raise InputError(
            f"cannot fetch the official prompts from {url}: {error}; write {target} yourself"
        ) from error
    prompts = parse_prompts(source, sha256)
    text = json.dumps(prompts.model_dump(), indent=1, ensure_ascii=False) + "\n"
    partial = target.with_suffix(".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.write_text(text, encoding="utf-8")
        partial.rename(target)
    except OSError as error:
        raise InputError(f"{target}: cannot be written: {error.strerror}") from error


def parse_prompts(source: bytes, sha256: str = SHA256) -> OfficialPrompts:
    """Parse the benchmark's ``prompts.py``: one assignment of a dict of string literals.

    Raises:
        InputError: The digest differs, or the file contains anything but literals.
    """
    found = hashlib.sha256(source).hexdigest()
    if found != sha256:
        raise InputError(f"the official prompts have digest {found}, expected {sha256}; not used")
    try:
        match ast.parse(source).body:
            case [ast.Assign(value=value)]:
                return OfficialPrompts.model_validate(ast.literal_eval(value))
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"the official prompts are not a dict of texts: {reason}") from error
    raise InputError("the official prompts must be a dict of texts and nothing else")
