"""A judge in an engine of one's own: a vLLM server on this machine, or replicas on many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from instit_bench.backends.asker import Asker, LocalAsker, Reading
from instit_bench.backends.base import (
    BackendOptions,
    BackendUnavailable,
    EngineLost,
    GenerationError,
)
from instit_bench.backends.options import EngineOptions
from instit_bench.backends.vllm.backend import VllmBackend, installed_version
from instit_bench.display import counted
from instit_bench.errors import InputError
from instit_bench.judging.base import Call, JudgeEngine, JudgeOptions, JudgeUnavailable
from instit_bench.judging.cache import VerdictCache, cache_key
from instit_bench.progress import Tell
from instit_bench.scheduling.engines import MOST_LOST, Replicas
from instit_bench.scheduling.schedule import Item as Planned
from instit_bench.scheduling.schedule import Turn
from instit_bench.scorers.contract import BadReply, Contract, Item, last_words
from instit_bench.types import (
    GenerationParams,
    Message,
    Request,
    Sample,
    TextPart,
    Usage,
    Verdict,
)

LOG_NAME = "judge-engine.log"
# It is not the benchmark's judge, so it may as well always say the same.
_SAMPLING: dict[str, Any] = {"temperature": 0, "seed": 0}
_PARAMS = GenerationParams(max_tokens=None, **_SAMPLING)
_SAMPLE = Sample("judge", "", {}, target="", cluster="")

J = TypeVar("J")


@dataclass(eq=False)
class _Verdicts:
    """What an engine is asked for a verdict, how it is read, and the cache of verdicts.

    Raises:
        InputError: vLLM is not installed, or an option of the engine is not valid.
    """

    name: str
    model: str
    options: JudgeOptions
    cache: VerdictCache
    engine: JudgeEngine

    def __post_init__(self) -> None:
        if installed_version() is None:
            raise InputError(
                f'judge {self.name} needs vLLM: pip install "instit-bench[vllm]", or name a '
                "running server with --judge-base-url and --judge openai:MODEL"
            )
        self._backend_options = BackendOptions(
            self.model,
            timeout_s=self.options.timeout_s,
            max_retries=self.options.attempts - 1,
            concurrency=self.options.concurrency,
            engine=EngineOptions(engine_arg=self.engine.engine_arg),
        )

    def settings(self) -> dict[str, Any]:
        """Return model and engine options; address and key change with each start."""
        return {
            "model": self.model,
            "engine": "vllm",
            "engine_arg": list(self.engine.engine_arg),
            "replies": "restricted",
            **_SAMPLING,
        }

    def knows(self, contract: Contract, item: Item, repeat: int) -> bool:
        """Whether the cache has it."""
        return self._cached(contract, item, repeat) is not None

    def keep(self, contract: Contract, item: Item, repeat: int, verdict: Verdict) -> None:
        """Cache a verdict, unless it is an error or comes from the cache."""
        if not verdict.cached:
            key = cache_key(self.settings(), contract, item, repeat)
            self.cache.put(key, self.name, verdict)

    def _cached(self, contract: Contract, item: Item, repeat: int) -> Verdict | None:
        return self.cache.get(cache_key(self.settings(), contract, item, repeat))

    def _tell_about_cache(self, tell: Tell) -> None:
        self.cache.tell = tell
        if self.cache.warning:
            tell(f"warning: {self.cache.warning}")

    async def _ask(self, asker: Asker, contract: Contract, item: Item, repeat: int) -> Verdict:
        """Return the cached verdict, or ask until a reply satisfies the contract.

        Raises:
            JudgeUnavailable: The engine cannot be started again.
            EngineLost: The replica died.
        """
        if (kept := self._cached(contract, item, repeat)) is not None:
            return kept
        request = _request(contract, item)
        problem, raw, spent = "", None, Usage(0, 0)
        for calls in range(1, self.options.attempts + 1):
            try:
                reply = await asker.ask(request, _nothing_seen, None)
            except GenerationError as error:  # an engine that is busy was asked again already
                problem = str(error)
                continue
            except BackendUnavailable as error:
                raise JudgeUnavailable(f"judge {self.name}: {error}") from error
            spent = Usage(
                (spent.prompt_tokens or 0) + (reply.usage.prompt_tokens or 0),
                (spent.completion_tokens or 0) + (reply.usage.completion_tokens or 0),
            )
            try:
                found = contract.read(reply, item)
            except BadReply as error:
                problem, raw = str(error), last_words(reply)
            else:
                return replace(found, raw=reply.text, usage=spent, calls=calls)
        return Verdict(None, f"{problem} ({counted(calls, 'call')})", raw, spent, calls)


@dataclass(eq=False)
class VllmJudge(_Verdicts):
    """An engine on this machine.

    It starts when generation has freed the GPU, or at once if it has its own GPUs.
    """

    def __post_init__(self) -> None:
        super().__post_init__()
        self.late = self.engine.gpus is None
        self._backend = VllmBackend(self._backend_options, self.engine.gpus, LOG_NAME)
        self._asker = LocalAsker(self._backend, Reading())

    async def start(self, folder: Path, tell: Tell) -> None:
        """Start the engine and wait until it is ready.

        Raises:
            InputError: It did not start; the message says why and what to change.
        """
        self._tell_about_cache(tell)
        try:
            await self._backend.start(folder, tell)
        except InputError as error:
            raise InputError(f"judge {self.name}: {error}") from None

    async def judge(self, contract: Contract, item: Item, repeat: int) -> Verdict:
        """Judge one item; the engine has been started."""
        return await self._ask(self._asker, contract, item, repeat)

    async def close(self) -> None:
        """Stop the engine."""
        await self._backend.close()


@dataclass(eq=False)
class ReplicatedVllmJudge(_Verdicts):
    """Engines in a Ray cluster, which start when generation has freed its GPUs."""

    late = True

    def __post_init__(self) -> None:
        super().__post_init__()
        options, engine = self._backend_options, self.engine
        self._replicas: Replicas[Any] = Replicas(
            "vllm",
            VllmBackend(options),
            options,
            engine.cluster,
            engine.gpus_per_replica,
            Reading(),
            called=f"judge {Path(self.model).name}",
        )

    async def judge_all(
        self,
        jobs: Sequence[J],
        take: Callable[[J, Call], Any],
        folder: Path,
        tell: Tell,
    ) -> None:
        """Have each job taken with a call to one of the replicas.

        Raises:
            InputError: No replica starts; the message says why.
            JudgeUnavailable: All have died.
        """
        self._tell_about_cache(tell)

        async def ask(turn: Turn[J], computed: Callable[[], None], asker: Asker) -> bool:  # noqa: ARG001
            async def call(contract: Contract, item: Item, repeat: int) -> Verdict:
                try:
                    return await self._ask(asker, contract, item, repeat)
                except EngineLost as error:
                    if turn.item.lost < MOST_LOST:
                        raise
                    return Verdict(None, f"{turn.item.lost + 1} engines died with it; {error}")

            await take(turn.item.value, call)
            return True

        try:
            await self._replicas.ask_all([Planned(job) for job in jobs], ask, folder, tell)
        except BackendUnavailable as error:
            raise JudgeUnavailable(f"judge {self.name}: {error}") from error
        except InputError as error:
            raise InputError(f"judge {self.name}: {error}") from None

    def stop(self) -> None:
        """Begin nothing more."""
        self._replicas.stop()

    def lines(self) -> Sequence[str]:
        """One per replica."""
        return self._replicas.lines()

    async def close(self) -> None:
        """Nothing to release: replicas end with the last job."""


def _request(contract: Contract, item: Item) -> Request:
    """Ask as the benchmark's evaluator does, but for whole replies only.

    Under a schema instead, a weak model may write blanks without end.
    """
    messages = tuple(
        Message(said["role"], tuple(TextPart(part["text"]) for part in said["content"]), apart=True)
        for said in contract.messages(item)
    )
    return Request(_SAMPLE, messages, _PARAMS, replies=contract.replies(item))


def _nothing_seen(*_: object) -> None:
    """A judge sees no media."""
