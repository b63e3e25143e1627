"""A judge behind an OpenAI-compatible endpoint."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from email.utils import parsedate_to_datetime
from math import isnan
from pathlib import Path
from time import time
from typing import Any

import openai

from instit_bench.display import counted
from instit_bench.endpoint import Endpoint, ReplyError
from instit_bench.endpoint.client import ask_chat
from instit_bench.judging.base import JudgeOptions, JudgeUnavailable
from instit_bench.judging.cache import VerdictCache, cache_key
from instit_bench.judging.limiter import AdaptiveLimiter
from instit_bench.judging.prices import REPLY_TOKENS, Budget, most_tokens
from instit_bench.progress import Tell
from instit_bench.runs.manifest import Price
from instit_bench.scorers.contract import BadReply, Contract, Item, last_words
from instit_bench.types import Prediction, Usage, Verdict

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.5, 30.0
_LONGEST_RETRY_AFTER_S = 300.0


class OpenAIJudge:
    """Calls one model at one endpoint; every verdict is cached.

    Sampling is left to the endpoint, as the benchmark's evaluator leaves it.
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
    ) -> None:
        self._name = name
        self._model = model
        self._endpoint = endpoint
        self._options = options
        self._cache = cache
        self._price = price
        self._budget = budget
        self._settings = {"model": model, "base_url": endpoint.shown}
        self._limiter = AdaptiveLimiter(options.concurrency)
        self._client = endpoint.client(options.timeout_s, max_retries=0)
        self._structured = True
        self._tell: Tell = lambda _: None
        self._said: set[str] = set()

    @property
    def name(self) -> str:
        """The name as on the command line."""
        return self._name

    def settings(self) -> dict[str, Any]:
        """Return model and address; sampling settings are the endpoint's own, as upstream."""
        return self._settings

    async def start(self, folder: Path, tell: Tell) -> None:  # noqa: ARG002 - logs nothing
        """Warn if verdicts cannot be cached on disk; there is nothing to start."""
        self._tell = self._cache.tell = tell
        if self._cache.warning:
            tell(f"warning: {self._cache.warning}")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def knows(self, contract: Contract, item: Item, repeat: int) -> bool:
        """Return whether the cache has the verdict."""
        return self._cache.get(cache_key(self.settings(), contract, item, repeat)) is not None

    async def judge(self, contract: Contract, item: Item, repeat: int) -> Verdict:
        """Return the cached verdict, or call until a reply satisfies the contract."""
        kept = self._cache.get(cache_key(self.settings(), contract, item, repeat))
        return kept or await self._call(contract, item)

    def keep(self, contract: Contract, item: Item, repeat: int, verdict: Verdict) -> None:
        """Cache a verdict, unless it is an error or comes from the cache."""
        if not verdict.cached:
            self._cache.put(cache_key(self.settings(), contract, item, repeat), self._name, verdict)

    async def _call(self, contract: Contract, item: Item) -> Verdict:
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
                            found = contract.read(reply, item)
                            return replace(found, raw=reply.text, usage=spent, calls=calls)
                        except BadReply as error:
                            problem, raw = str(error), last_words(reply)
                            continue  # retry at once, as the endpoint works
            await asyncio.sleep(_pause(attempt))
        return Verdict(None, f"{problem} ({counted(calls, 'call')})", raw, spent, calls)

    async def _send(self, contract: Contract, item: Item) -> Prediction:
        structured = self._structured
        try:
            return await self._create(contract, item, structured=structured)
        except openai.BadRequestError as error:
            told = self._endpoint.told(error)
            if structured and ("response_format" in told or "json_schema" in told):
                self._structured = False  # for all further calls
                return await self._create(contract, item, structured=False)
            raise

    async def _create(self, contract: Contract, item: Item, *, structured: bool) -> Prediction:
        body = {
            "model": self._model,
            "messages": contract.messages(item, structured=structured),
            "stream": False,  # sent by the benchmark's evaluator too
        }
        if structured:
            body["response_format"] = contract.response_format(item)
        return self._endpoint.redacted(await ask_chat(self._client, body))

    def _after(self, error: openai.APIError, started: float) -> str:
        """Decide how to continue after a failed call."""
        if fatal := self._endpoint.fatal(error, self._model):
            raise JudgeUnavailable(f"judge {self._name}: {fatal}") from error
        if isinstance(error, openai.APIStatusError):
            wait = _retry_after(error)
            if wait is not None and wait > _LONGEST_RETRY_AFTER_S:
                self._say_once(
                    f"judge {self._name} asks to wait longer than {_LONGEST_RETRY_AFTER_S:g} s "
                    "(Retry-After): asked again after that time"
                )
                wait = _LONGEST_RETRY_AFTER_S
            self._limiter.overloaded(started, wait)
        return self._endpoint.told(error)

    def _say_once(self, words: str) -> None:
        if words not in self._said:
            self._said.add(words)
            self._tell(words)

    @contextmanager
    def _reserved(self, contract: Contract, item: Item) -> Iterator[None]:
        if self._budget is None or self._price is None:
            yield
            return
        tokens = most_tokens(contract.instructions + item.as_json())
        with self._budget.reserve(self._price.of(Usage(tokens, REPLY_TOKENS))):
            yield

    def _book(self, so_far: Usage, contract: Contract, item: Item, reply: Prediction) -> Usage:
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
    """Return the seconds to wait from Retry-After, which is a number or a date; it may be inf."""
    value = error.response.headers.get("retry-after")
    if value is None:
        return None
    try:
        seconds: float = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time()
        except (ValueError, OverflowError):
            return None
    return None if isnan(seconds) else max(seconds, 0.0)
