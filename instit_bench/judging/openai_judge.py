"""A judge behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from time import time
from typing import Any

import openai

from instit_bench.endpoint import Endpoint, ReplyError
from instit_bench.endpoint.client import ask_chat
from instit_bench.judging.base import JudgeOptions, JudgeUnavailable
from instit_bench.judging.cache import VerdictCache, cache_key
from instit_bench.judging.limiter import AdaptiveLimiter
from instit_bench.judging.prices import REPLY_TOKENS, Budget, most_tokens
from instit_bench.progress import Tell
from instit_bench.runs.manifest import Price
from instit_bench.scorers.judge.contract import (
    RESPONSE_FORMAT,
    BadReply,
    JudgeContract,
    JudgeItem,
    last_words,
    score_of,
)
from instit_bench.types import Prediction, Usage, Verdict

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_LONGEST_RETRY_AFTER_S = 300.0


@dataclass(frozen=True, slots=True)
class CallSettings:
    """Return the requested reply format and further settings of a call."""

    response_format: Mapping[str, Any] | None
    extra: Mapping[str, Any]

    def settings(self) -> dict[str, Any]:
        """Return the settings that a score depends on."""
        return {"response_format": self.response_format, **self.extra}


OFFICIAL_CALL = CallSettings(RESPONSE_FORMAT, {})  # sampling is left to the endpoint, as upstream


class OpenAIJudge:
    """Calls one model at one endpoint; every score is cached.

    ``settings`` replaces model and address in the cache key if the address is not meaningful.
    """

    late = False

    def __init__(
        self,
        name: str,
        model: str,
        endpoint: Endpoint,
        options: JudgeOptions,
        cache: VerdictCache,
        price: Price | None = None,
        budget: Budget | None = None,
        call: CallSettings = OFFICIAL_CALL,
        settings: dict[str, Any] | None = None,
    ) -> None:
        self._name = name
        self._model = model
        self._endpoint = endpoint
        self._options = options
        self._cache = cache
        self._price = price
        self._budget = budget
        self._call_settings = call
        self._settings = settings or {"model": model, "base_url": endpoint.shown}
        self._limiter = AdaptiveLimiter(options.concurrency)
        self._client = endpoint.client(options.timeout_s, max_retries=0)
        self._structured = True

    @property
    def name(self) -> str:
        """The name as on the command line."""
        return self._name

    def settings(self) -> dict[str, Any]:
        """Return model and address; sampling settings are the endpoint's own, as upstream."""
        return self._settings

    async def start(self, folder: Path, tell: Tell) -> None:  # noqa: ARG002 - logs nothing
        """Warn if scores cannot be cached on disk; there is nothing to start."""
        if self._cache.warning:
            tell(f"warning: {self._cache.warning}")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def knows(self, contract: JudgeContract, item: JudgeItem, repeat: int) -> bool:
        """Return whether the cache has the score."""
        return self._cache.get(cache_key(self.settings(), contract, item, repeat)) is not None

    async def judge(self, contract: JudgeContract, item: JudgeItem, repeat: int) -> Verdict:
        """Return the cached score, or call until a reply is a valid score."""
        key = cache_key(self.settings(), contract, item, repeat)
        if (kept := self._cache.get(key)) is not None:
            return kept
        verdict = await self._call(contract, item)
        self._cache.put(key, self._name, verdict)
        return verdict

    async def _call(self, contract: JudgeContract, item: JudgeItem) -> Verdict:
        problem, raw, spent, calls = "", None, Usage(0, 0), 0
        for attempt in range(self._options.attempts):
            async with self._limiter.slot() as started:
                with self._reserved(contract, item):
                    try:
                        calls += 1
                        async with asyncio.timeout(self._options.timeout_s):
                            reply = await self._send(contract, item)
                    except TimeoutError:
                        problem = f"no reply within {self._options.timeout_s:g} s"
                    except openai.BadRequestError as error:  # a retry would not help
                        return Verdict(None, self._endpoint.told(error), raw, spent, calls)
                    except openai.APIError as error:
                        problem = self._after(error, started)
                    except ReplyError as error:
                        problem = self._endpoint.told(error)
                    else:
                        self._limiter.answered()
                        spent = self._book(spent, contract, item, reply)
                        try:
                            return Verdict(score_of(reply), None, reply.text, spent, calls)
                        except BadReply as error:
                            problem, raw = str(error), last_words(reply)
                            continue  # retry at once, as the endpoint works
            await asyncio.sleep(_pause(attempt))
        return Verdict(None, f"{problem} ({calls} calls)", raw, spent, calls)

    async def _send(self, contract: JudgeContract, item: JudgeItem) -> Prediction:
        structured = self._structured
        try:
            return await self._create(contract, item, structured=structured)
        except openai.BadRequestError as error:
            told = self._endpoint.told(error)
            if structured and ("response_format" in told or "json_schema" in told):
                self._structured = False  # for all further calls
                return await self._create(contract, item, structured=False)
            raise

    async def _create(
        self, contract: JudgeContract, item: JudgeItem, *, structured: bool
    ) -> Prediction:
        body = {
            "model": self._model,
            "messages": contract.messages(item, structured=structured),
            "stream": False,  # sent by the benchmark's evaluator too
            **self._call_settings.extra,
        }
        if structured and self._call_settings.response_format is not None:
            body["response_format"] = self._call_settings.response_format
        return self._endpoint.redacted(await ask_chat(self._client, body))

    def _after(self, error: openai.APIError, started: float) -> str:
        """Decide how to continue after a failed call."""
        if fatal := self._endpoint.fatal(error, self._model):
            raise JudgeUnavailable(f"judge {self._name}: {fatal}") from error
        if isinstance(error, openai.APIStatusError):
            self._limiter.overloaded(started, _retry_after(error))
        return self._endpoint.told(error)

    @contextmanager
    def _reserved(self, contract: JudgeContract, item: JudgeItem) -> Iterator[None]:
        if self._budget is None or self._price is None:
            yield
            return
        tokens = most_tokens(contract.instructions + item.as_json())
        with self._budget.reserve(self._price.of(Usage(tokens, REPLY_TOKENS))):
            yield

    def _book(
        self, so_far: Usage, contract: JudgeContract, item: JudgeItem, reply: Prediction
    ) -> Usage:
        """Add the cost of a reply, or the reserved amount if the endpoint does not report usage."""
        prompt, completion = reply.usage.prompt_tokens, reply.usage.completion_tokens
        if self._budget is not None and self._price is not None:
            most = most_tokens(contract.instructions + item.as_json())
            spent = Usage(
                most if prompt is None else prompt,
                REPLY_TOKENS if completion is None else completion,
            )
            self._budget.spend(self._price.of(spent))
        return Usage(
            (so_far.prompt_tokens or 0) + (prompt or 0),
            (so_far.completion_tokens or 0) + (completion or 0),
        )


def _pause(attempt: int) -> float:
    """Return the delay in seconds: exponential back-off with full jitter."""
    return random.uniform(0.5, 1.0) * min(_FIRST_PAUSE_S * 2.0**attempt, _LONGEST_PAUSE_S)  # noqa: S311


def _retry_after(error: openai.APIStatusError) -> float | None:
    """Return the seconds to wait from Retry-After, which is a number or a date."""
    value = error.response.headers.get("retry-after")
    if value is None:
        return None
    try:
        seconds: float = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time()
        except ValueError:
            return None
    return min(max(seconds, 0.0), _LONGEST_RETRY_AFTER_S)
