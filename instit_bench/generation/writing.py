"""Ask a model for instructions on every caption, and journal each reply at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from instit_bench.backends import Backend, BackendUnavailable, GenerationError, create_backend
from instit_bench.backends.base import Workload
from instit_bench.display import counted
from instit_bench.errors import InputError, NotComparableError, Problem
from instit_bench.evaluation.config import errors_allowed
from instit_bench.evaluation.failures import Streak
from instit_bench.generation.captions import Caption, Captions, read_captions
from instit_bench.generation.catalogue import Catalogue, read_catalogue
from instit_bench.generation.config import WriterConfig
from instit_bench.generation.replies import JOURNAL, RawReply, stored_replies
from instit_bench.generation.spending import Spending, estimate, make_spending
from instit_bench.generation.wording import words_digest, writer_request
from instit_bench.progress import Reporter
from instit_bench.runs.atomic import read_whole, write_atomically
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.journal import JournalWriter
from instit_bench.scheduling.dispatch import ask_all
from instit_bench.scheduling.schedule import Item, Schedule, Turn, leads_ahead
from instit_bench.stopping import run_until_stopped
from instit_bench.types import Message, Prediction, Request, Sample, TextPart
from instit_bench.validation import first_problem

MANIFEST = "writer.json"
_LANE = "instructions"


class WriterManifest(BaseModel):
    """``writer.json``: what must be equal for replies to belong together, and how it went."""

    model_config = ConfigDict(extra="forbid")

    identity: dict[str, Any]
    settings: dict[str, Any]
    replies: int = 0
    failed: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class WriterPlan:
    """The captions to ask for, and the replies that are there already."""

    config: WriterConfig
    captions: Captions
    catalogue: Catalogue
    chosen: tuple[Caption, ...]
    stored: Mapping[int, RawReply]

    @property
    def left(self) -> list[Caption]:
        """The captions without a reply."""
        return [one for one in self.chosen if not _answered(self.stored.get(one.number))]

    @property
    def identity(self) -> dict[str, Any]:
        """What a resumed command must share with the first one."""
        config = self.config
        return {
            "model": config.model,
            "backend": config.backend,
            "temperature": config.temperature,
            "max_tokens": config.max_tokens,
            "seed": config.seed,
            "extra_body": config.extra_body,
            "lora": config.lora,
            "dtype": config.dtype,
            "quantization": config.quantization,
            "captions": self.captions.digest,
            "catalogue": self.catalogue.digest,
            "words": words_digest(self.catalogue),
        }

    def request(self, caption: Caption) -> Request:
        """Return the request for a caption."""
        text = writer_request(self.catalogue, caption)
        sample = Sample(_LANE, str(caption.number), {}, target="", cluster="", question=text)
        return Request(sample, (Message("user", (TextPart(text),)),), self.config.params)

    def estimate(self) -> str:
        """Say what is left to do, in one line."""
        price = make_spending(self.config, ()).price
        return estimate(self.left, self.catalogue, price)


@dataclass(frozen=True, slots=True)
class Written:
    """How it went: the replies of all captions, what they took, and what went wrong."""

    folder: Path
    replies: int
    failed: int
    cut_off: int
    spent: str
    interrupted: bool
    problem: Problem | None


def plan_writing(config: WriterConfig) -> WriterPlan:
    """Read captions, tools and what is there.

    Raises:
        InputError: Captions or tools are not valid, or a line of the journal is broken.
        NotComparableError: The folder has replies that were asked for with other settings.
    """
    captions, catalogue = read_captions(config.captions), read_catalogue(config.tools)
    stored = stored_replies(config.output / JOURNAL)
    chosen = captions.captions[: config.limit]
    plan = WriterPlan(config, captions, catalogue, chosen, stored)
    if stored:
        _require_same(plan)
    return plan


def write_instructions(config: WriterConfig, reporter: Reporter) -> Written:
    """Ask for instructions on every caption without a reply.

    Raises:
        InputError: Settings, captions or tools are not valid; nothing was requested.
        NotComparableError: The folder has replies that were asked for with other settings.
    """
    make_spending(config, ())  # an unusable budget is told first
    with RunDirectory(config.output).locked():
        plan = plan_writing(config)
        requests = [plan.request(caption) for caption in plan.chosen]
        heaviest = max(requests, key=lambda request: len(request.sample.question))
        backend = create_backend(
            config.backend, config.backend_options(Workload(heaviest=heaviest))
        )
        manifest = WriterManifest(identity=plan.identity, settings={"backend": backend.settings()})
        _save(manifest, config.output)
        reporter.begin(config.output)
        try:
            with JournalWriter(config.output / JOURNAL, reporter.status) as journal:
                writing = _Writing(plan, backend, reporter, journal.append)
                interrupted = run_until_stopped(writing.work(), writing.finish)
        finally:
            reporter.end()
        return _concluded(writing, manifest, interrupted)


def _concluded(writing: _Writing, manifest: WriterManifest, interrupted: bool) -> Written:
    plan, used = writing.plan, writing.spending.used
    chosen = [writing.replies.get(caption.number) for caption in plan.chosen]
    failed = [one for one in chosen if one is not None and one.error is not None]
    answered = [one for one in chosen if _answered(one)]
    manifest.replies, manifest.failed = len(answered), len(failed)
    manifest.prompt_tokens = used.prompt_tokens or 0
    manifest.completion_tokens = used.completion_tokens or 0
    _save(manifest, plan.config.output)
    problem = writing.problem
    setting = plan.config.fail_on_error
    if problem is None and len(failed) > errors_allowed(setting, len(chosen)):
        first = failed[0]
        problem = Problem(
            f"{len(failed)} of {len(chosen)} captions failed (--fail-on-error {setting}); the "
            f"first is caption {first.id}: {first.error}; the same command retries them"
        )
    cut_off = sum(Prediction("", one.finish_reason).cut_off for one in answered if one)
    return Written(
        plan.config.output,
        len(answered),
        len(failed),
        cut_off,
        writing.spending.told,
        interrupted,
        problem,
    )


@dataclass
class _Writing:
    """Requests in progress."""

    plan: WriterPlan
    backend: Backend
    reporter: Reporter
    append: Callable[[BaseModel], None]
    problem: Problem | None = None
    in_flight: int = 0
    replies: dict[int, RawReply] = field(init=False)
    spending: Spending = field(init=False)
    schedule: Schedule[Caption] = field(init=False)
    streak: Streak = field(init=False)

    def __post_init__(self) -> None:
        config, stored = self.plan.config, self.plan.stored
        self.replies = dict(stored)
        self.spending = make_spending(config, stored.values())
        self.streak = Streak(config.stop_after)
        # All requests begin with the same tools: an engine computes them once.
        todo: Sequence[Item[Caption]] = [Item(one, shares="tools") for one in self.plan.left]
        ahead = leads_ahead(config.in_flight, self.backend.prefix_caches)
        self.schedule = Schedule(todo, ahead)

    async def work(self) -> None:
        """Send requests until nothing remains, a budget is reached, or the backend is gone."""
        total = len(self.plan.chosen)
        self.reporter.lane(_LANE, total, total - len(self.plan.left))
        if self.schedule.empty:
            return
        try:
            await self.backend.start(self.plan.config.output, self.reporter.status)
            await ask_all(self.schedule, self.plan.config.in_flight, self._take)
        except BackendUnavailable as error:
            self.problem = Problem(str(error))
        finally:
            await self.backend.close()

    def finish(self) -> bool:
        """Send nothing more; return whether anything is in flight, which is then awaited."""
        self.schedule.stop()
        if self.in_flight:
            self.reporter.status(
                f"stopping: {counted(self.in_flight, 'request')} in flight will be finished; "
                "Ctrl-C again stops at once"
            )
        return self.in_flight > 0

    async def _take(self, turn: Turn[Caption], computed: Callable[[], None]) -> bool:
        """Ask for one caption, and keep what came of it; return whether there is a reply."""
        caption, most = turn.item.value, self.plan.config.max_tokens
        request = self.plan.request(caption)
        asked = request.sample.question
        if (limit := self.spending.refused(asked, most)) is not None:
            self.schedule.stop()
            told = f"the next request could exceed {limit}; raise it and run again"
            self.problem = self.problem or Problem(told, NotComparableError.exit_code)
            return False
        self.in_flight += 1
        self.reporter.asked(_LANE)
        reply = None
        try:
            reply = await self._reply(caption, request, computed if turn.leads else None)
        finally:
            self.in_flight -= 1
            self.spending.settle(asked, most, reply)
        self.append(reply)
        self.replies[reply.id] = reply
        if reply.error:
            self.reporter.detail(f"caption {reply.id}: {reply.error}")
        self.reporter.step(_LANE, "failed" if reply.error else "done", reply.tokens)
        if self.streak.reached:
            raise BackendUnavailable(self.streak.told)
        return reply.error is None

    async def _reply(
        self, caption: Caption, request: Request, computed: Callable[[], None] | None
    ) -> RawReply:
        known = {"id": caption.number, "file_name": caption.file_name, "caption": caption.text}
        try:
            if computed is None:
                prediction = await self.backend.generate(request)
            else:
                prediction = await self.backend.lead(request, computed)
        except GenerationError as error:
            self.streak.failed(str(error))
            return RawReply(**known, instructions=None, error=str(error))
        self.streak.answered()
        return RawReply(
            **known,
            instructions=prediction.text or prediction.refusal or "",
            finish_reason=prediction.finish_reason,
            usage=prediction.usage,
            latency_s=prediction.latency_s,
        )


def catalogue_asked_with(raw: Path) -> str | None:
    """Return the digest of the tools that a folder's replies were asked for, if that is known."""
    folder = raw if raw.is_dir() else raw.parent
    try:
        manifest = WriterManifest.model_validate_json(read_whole(folder / MANIFEST))
    except (OSError, ValidationError):
        return None
    digest = manifest.identity.get("catalogue")
    return digest if isinstance(digest, str) else None


def _answered(reply: RawReply | None) -> bool:
    return reply is not None and reply.instructions is not None


def _require_same(plan: WriterPlan) -> None:
    path = plan.config.output / MANIFEST
    try:
        before = WriterManifest.model_validate_json(read_whole(path)).identity
    except FileNotFoundError as error:
        raise InputError(
            f"{plan.config.output}: contains replies but no {MANIFEST}, so it is unknown how they "
            "were asked for; choose another --output"
        ) from error
    except ValidationError as error:
        raise InputError(f"{path}: is not valid: {first_problem(error)}") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    now = plan.identity
    changed = [name for name in now if before.get(name) != now[name]]
    if changed:
        told = "; ".join(f"{n} was {_short(before.get(n))}, now {_short(now[n])}" for n in changed)
        raise NotComparableError(
            f"{plan.config.output}: cannot resume: it was started with other settings: {told}; "
            "choose another --output"
        )


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:16]}…"


def _save(manifest: WriterManifest, folder: Path) -> None:
    write_atomically(folder / MANIFEST, manifest.model_dump_json(indent=2) + "\n")
