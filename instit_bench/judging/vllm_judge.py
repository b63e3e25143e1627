"""A judge on this machine's GPUs, served by a vLLM server that the run starts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from instit_bench.backends.base import BackendOptions
from instit_bench.backends.options import EngineOptions
from instit_bench.backends.vllm.command import serve_arguments
from instit_bench.backends.vllm.server import SERVE, EngineEnded, EngineServer
from instit_bench.endpoint import Endpoint
from instit_bench.errors import InputError
from instit_bench.judging.base import JudgeEngine, JudgeOptions
from instit_bench.judging.cache import VerdictCache, cache_key
from instit_bench.judging.openai_judge import CallSettings, OpenAIJudge
from instit_bench.progress import Tell
from instit_bench.scorers.contract import Contract, Item
from instit_bench.types import Verdict

LOG_NAME = "judge-engine.log"


def _by_reply(contract: Contract, item: Item) -> dict[str, Any]:
    """Restrict a reply to whole ones: under a schema a weak model may write blanks without end."""
    return {"structured_outputs": {"choice": list(contract.replies(item))}}


# It is not the benchmark's judge, so it may as well always say the same.
_SAMPLING = {"temperature": 0, "seed": 0}
_CALL = CallSettings(_by_reply, _SAMPLING)


class VllmJudge:
    """Starts when generation has freed the GPU, or at once if it has its own GPUs."""

    def __init__(
        self,
        name: str,
        model: str,
        options: JudgeOptions,
        cache: VerdictCache,
        engine: JudgeEngine,
    ) -> None:
        self.name = name
        self.late = engine.gpus is None
        self._model = model
        self._options = options
        self._cache = cache
        self._engine = engine
        arguments = serve_arguments(
            BackendOptions(model, engine=EngineOptions(engine_arg=engine.engine_arg))
        )
        self._command = (*SERVE, *arguments)
        self._server: EngineServer | None = None
        self._client: OpenAIJudge | None = None

    def settings(self) -> dict[str, Any]:
        """Return model and engine options; address and key change with each start."""
        return {
            "model": self._model,
            "engine": "vllm",
            "engine_arg": list(self._engine.engine_arg),
            "replies": "restricted",
            **_SAMPLING,
        }

    async def start(self, folder: Path, tell: Tell) -> None:
        """Start the engine and wait until it is ready.

        Raises:
            InputError: It did not start; the message says why and what to change.
        """
        self._cache.tell = tell
        if self._cache.warning:
            tell(f"warning: {self._cache.warning}")
        self._server = EngineServer(self._command, folder / LOG_NAME, tell, self._engine.gpus)
        try:
            await self._server.start()
        except EngineEnded as ended:
            raise InputError(
                f"the engine of judge {self.name} did not start: {ended} (its log: "
                f"{folder / LOG_NAME})"
            ) from None
        self._client = OpenAIJudge(
            self.name,
            self._model,
            Endpoint(self._server.base_url, self._server.key),
            self._options,
            self._cache,
            call=_CALL,
            settings=self.settings(),
        )

    def knows(self, contract: Contract, item: Item, repeat: int) -> bool:
        """Whether the cache has it."""
        return self._cache.get(cache_key(self.settings(), contract, item, repeat)) is not None

    async def judge(self, contract: Contract, item: Item, repeat: int) -> Verdict:
        """Judge one answer; the engine has been started."""
        assert self._client is not None  # noqa: S101 - the stage starts a judge before it asks it
        return await self._client.judge(contract, item, repeat)

    def keep(self, contract: Contract, item: Item, repeat: int, verdict: Verdict) -> None:
        """Cache a verdict of the engine."""
        assert self._client is not None  # noqa: S101 - it gave the verdict
        self._client.keep(contract, item, repeat, verdict)

    async def close(self) -> None:
        """Stop the engine."""
        if self._client is not None:
            await self._client.close()
        if self._server is not None:
            await self._server.stop()
