"""The provider's Batch API: submit now, collect later, at half the price.

The digest of a batch's requests is stored in its metadata. If the process is killed after creating
a batch but before recording its name, the next one finds it by the digest instead of paying twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import openai

from instit_bench.endpoint import Endpoint, ReplyError, read_reply
from instit_bench.errors import InputError, InstitBenchError
from instit_bench.scorers.contract import BadReply, last_words
from instit_bench.scorers.judge.contract import RESPONSE_FORMAT, JudgeContract, JudgeItem, score_of
from instit_bench.types import Verdict

_METADATA_KEY = "instit_bench"
_CALL: Final = "/v1/chat/completions"
_TIMEOUT_S, _RETRIES = 300.0, 6
UNFINISHED = ("validating", "in_progress", "finalizing", "cancelling")


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """One answer to judge in a batch."""

    custom_id: str
    contract: JudgeContract
    item: JudgeItem


@dataclass(frozen=True, slots=True)
class BatchState:
    """The progress of a batch; ``status`` is the provider's term."""

    status: str
    done: int
    total: int
    output_file: str | None
    error_file: str | None
    problem: str


def batch_lines(model: str, requests: Iterable[BatchRequest]) -> bytes:
    """Return the input file: one request per line, the same as a single call would send."""
    lines = [
        json.dumps(
            {
                "custom_id": request.custom_id,
                "method": "POST",
                "url": _CALL,
                "body": {
                    "model": model,
                    "messages": request.contract.messages(request.item),
                    "response_format": RESPONSE_FORMAT,
                },
            }
        )
        for request in requests
    ]
    return ("\n".join(lines) + "\n").encode()


class BatchClient:
    """The calls that a batch needs; each is retried on temporary failures."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._client = endpoint.client(_TIMEOUT_S, _RETRIES)

    @property
    def shown(self) -> str:
        """The endpoint's address without secrets."""
        return self._endpoint.shown

    async def submit(self, lines: bytes, collected: Collection[str]) -> str:
        """Create the batch, or find the one already created for the same lines.

        ``collected`` names batches that have been collected and cannot be reused.

        Raises:
            InstitBenchError: The endpoint cannot be reached or refuses.
        """
        digest = hashlib.sha256(lines).hexdigest()
        try:
            newest = await self._client.batches.list(limit=100)
            for batch in newest.data:
                wanted = (batch.metadata or {}).get(_METADATA_KEY) == digest
                if wanted and batch.id not in collected:
                    return batch.id
            file = await self._client.files.create(file=("requests.jsonl", lines), purpose="batch")
            created = await self._client.batches.create(
                input_file_id=file.id,
                endpoint=_CALL,
                completion_window="24h",
                metadata={_METADATA_KEY: digest},
            )
        except openai.APIError as error:
            raise self._told(error) from error
        return created.id

    async def state(self, batch_id: str) -> BatchState:
        """Return the progress of a batch.

        Raises:
            InstitBenchError: The endpoint cannot be reached or refuses.
        """
        try:
            batch = await self._client.batches.retrieve(batch_id)
        except openai.APIError as error:
            raise self._told(error) from error
        counts = batch.request_counts
        problems = [str(e.message) for e in (batch.errors.data or [])] if batch.errors else []
        return BatchState(
            status=batch.status,
            done=counts.completed if counts else 0,
            total=counts.total if counts else 0,
            output_file=batch.output_file_id,
            error_file=batch.error_file_id,
            problem="; ".join(problems),
        )

    async def verdicts(self, state: BatchState) -> dict[str, Verdict]:
        """Return all verdicts of a finished batch, by ``custom_id``.

        Raises:
            InstitBenchError: A file cannot be fetched.
        """
        found: dict[str, Verdict] = {}
        for name in (state.error_file, state.output_file):
            if name is None:
                continue
            try:
                content = await self._client.files.content(name)
            except openai.APIError as error:
                raise self._told(error) from error
            found |= dict(_read_lines(content.text))
        return found

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _told(self, error: openai.APIError) -> InstitBenchError:
        words = self._endpoint.fatal(error, "batches") or self._endpoint.told(error)
        return InstitBenchError(f"batch: {words}; nothing is lost; run the same command again")


def _read_lines(text: str) -> Iterator[tuple[str, Verdict]]:
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            custom_id = str(row["custom_id"])
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"batch output, line {number}: cannot be read: {error}") from error
        yield custom_id, _verdict(row)


def _verdict(row: Mapping[str, object]) -> Verdict:
    response = row.get("response")
    body = response.get("body") if isinstance(response, dict) else None
    if not isinstance(body, dict) or not body.get("choices"):
        error = row.get("error") or (body or {}).get("error") or "the request got no reply"
        return Verdict(error=json.dumps(error) if isinstance(error, dict) else str(error), calls=1)
    try:
        reply = read_reply(json.dumps(body).encode())
    except ReplyError as error:
        return Verdict(None, str(error), calls=1)
    try:
        return Verdict(score_of(reply), None, reply.text, reply.usage, calls=1)
    except BadReply as error:
        return Verdict(None, str(error), last_words(reply), reply.usage, calls=1)
