"""Judging a run in a provider's batch; ``judge_batch.json`` records what was submitted."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from instit_bench.endpoint import Endpoint
from instit_bench.errors import InputError, Problem
from instit_bench.judging.batch_api import (
    UNFINISHED,
    BatchClient,
    BatchRequest,
    BatchState,
    batch_lines,
)
from instit_bench.judging.cache import VerdictCache, cache_key
from instit_bench.judging.config import JudgeConfig
from instit_bench.judging.contracts import has_spoken, judging_manifest, name_judges
from instit_bench.judging.create import cache_path
from instit_bench.judging.prices import REPLY_TOKENS, cost_told, estimated_tokens
from instit_bench.progress import Tell
from instit_bench.runs.atomic import read_whole, write_atomically
from instit_bench.runs.judged import BATCH_DISCOUNT
from instit_bench.runs.loaded import Run
from instit_bench.runs.manifest import JudgingManifest
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.verdicts import digest_of, open_item, that_count, verdict_record
from instit_bench.scorers.judge import JudgeContract
from instit_bench.types import Usage

_COLLECTED = "judge_batch-"


class BatchedAnswer(BaseModel):
    """The answer that a request of the batch is about; ``item`` is the digest of its text."""

    model_config = ConfigDict(frozen=True)

    task: str
    id: str
    repeat: int
    item: str


class BatchManifest(BaseModel):
    """``judge_batch.json``: a batch that has been submitted but not collected.

    ``base_url`` is the address without user, password and query; ``judging`` is recorded in the
    run's manifest once there are verdicts.
    """

    model_config = ConfigDict(frozen=True)

    judge: str
    base_url: str
    batch_id: str
    judging: JudgingManifest
    answers: dict[str, BatchedAnswer]


def submit_batch(
    run: Run, config: JudgeConfig, contracts: Mapping[str, JudgeContract], tell: Tell
) -> str:
    """Submit all answers without a verdict; return what happened and how to continue.

    Raises:
        InputError: The judge has no Batch API, or an earlier batch is not collected yet.
        InstitBenchError: The endpoint cannot be reached or refuses.
    """
    (judge,) = config.judges
    endpoint = config.judge_endpoint()
    named = f" --judge-base-url {endpoint.shown}" if config.judge_base_url else ""
    collect = f"instit-bench judge collect {run.path}{named}"
    if _path(run).is_file():
        raise InputError(
            f"{run.path}: a batch has been submitted already; collect it first: {collect}"
        )
    requests, answers = _missing(run, config, contracts, judge)
    judging = judging_manifest(config, contracts)
    assert judging is not None  # noqa: S101 - there are a judge and something to judge
    if has_spoken(run, judging):
        name_judges(run, "judging", judging)
    if not requests:
        return "every answer has a verdict; there is nothing to submit"
    cost = cost_told(judging.prices.get(judge), _tokens(requests), BATCH_DISCOUNT)
    tell(f"judged by {judge}: {len(requests):,} answers in a batch, {cost}")
    lines = batch_lines(judge.partition(":")[2], requests)
    batch_id = asyncio.run(_submit(endpoint, lines, _collected(run)))
    manifest = BatchManifest(
        judge=judge,
        base_url=endpoint.shown,
        batch_id=batch_id,
        judging=judging,
        answers=answers,
    )
    write_atomically(_path(run), manifest.model_dump_json(indent=1) + "\n")
    return f"{len(requests)} answers submitted as batch {batch_id}; when it is done: {collect}"


def collect_batch(
    run: Run, config: JudgeConfig, contracts: Mapping[str, JudgeContract], tell: Tell
) -> Problem | None:
    """Fetch a finished batch's verdicts into the run's journals.

    Raises:
        InputError: No batch was submitted, or to another address than the settings name.
        InstitBenchError: The endpoint cannot be reached or refuses.
    """
    manifest = _read(_path(run))
    endpoint = config.judge_endpoint()
    if endpoint.shown != manifest.base_url:  # a run's folder never decides where a key goes
        raise InputError(
            f"{run.path}: its batch was submitted to {manifest.base_url}, not {endpoint.shown}; to "
            "send your key there, name the address with --judge-base-url"
        )
    client = BatchClient(endpoint)
    return asyncio.run(_collect(run, contracts, manifest, client, tell))


def submitted_judging(run: Run) -> JudgingManifest:
    """Return the judging settings that the manifest gets once the batch is collected.

    Raises:
        InputError: No batch was submitted.
    """
    return _read(_path(run)).judging


def _tokens(requests: Sequence[BatchRequest]) -> Usage:
    texts = (request.contract.instructions + request.item.as_json() for request in requests)
    return Usage(sum(map(estimated_tokens, texts)), len(requests) * REPLY_TOKENS)


async def _submit(endpoint: Endpoint, lines: bytes, collected: list[str]) -> str:
    client = BatchClient(endpoint)
    try:
        return await client.submit(lines, collected)
    finally:
        await client.close()


async def _collect(
    run: Run,
    contracts: Mapping[str, JudgeContract],
    manifest: BatchManifest,
    client: BatchClient,
    tell: Tell,
) -> Problem | None:
    try:
        state = await client.state(manifest.batch_id)
        if state.status in UNFINISHED:
            return Problem(
                f"batch {manifest.batch_id} is {state.status} ({state.done} of {state.total} "
                "done); collect it later",
                3,
            )
        verdicts = await client.verdicts(state)
    finally:
        await client.close()
    cache = VerdictCache.or_without(cache_path())
    settings = {"model": manifest.judge.partition(":")[2], "base_url": client.shown}
    for task, contract in contracts.items():
        records = run.tasks[task].records
        with run.tasks[task].judgements(tell) as append:
            for custom_id, answer in manifest.answers.items():
                record = records.get(answer.id)
                verdict = verdicts.get(custom_id)
                if answer.task != task or record is None or verdict is None:
                    continue
                if digest_of(open_item(record)) != answer.item:
                    continue  # the run has been started over since, with a different answer
                item = open_item(record)
                line = verdict_record(
                    record.id, item, manifest.judge, answer.repeat, contract, verdict
                )
                append(line.model_copy(update={"batch": True}))
                key = cache_key(settings, contract, item, answer.repeat)
                cache.put(key, manifest.judge, verdict)
    if run.manifest.judging is None or has_spoken(run, manifest.judging):
        name_judges(run, "judging", manifest.judging)
    # All its verdicts are in the journals now.
    _path(run).rename(run.path / f"{_COLLECTED}{manifest.batch_id}.json")
    return _after(state, manifest)


def _after(state: BatchState, manifest: BatchManifest) -> Problem | None:
    if state.status == "completed":
        return None
    detail = f": {state.problem}" if state.problem else ""
    return Problem(
        f"batch {manifest.batch_id} ended as {state.status}{detail}; its verdicts are kept; "
        "judge or submit the rest again",
        1,
    )


def _missing(
    run: Run, config: JudgeConfig, contracts: Mapping[str, JudgeContract], judge: str
) -> tuple[list[BatchRequest], dict[str, BatchedAnswer]]:
    requests, answers = [], {}
    for task, contract in contracts.items():
        for record in run.tasks[task].records.values():
            if not record.finished:
                continue
            known = that_count(
                open_item(record),
                run.tasks[task].verdicts.of(record.id),
                [judge],
                contract.digest,
                config.judge_repeats,
            )
            have = {verdict.repeat for verdict in known if verdict.score is not None}
            for repeat in range(config.judge_repeats):
                if repeat not in have:
                    name = _custom_id(task, record, repeat)
                    requests.append(BatchRequest(name, contract, open_item(record)))
                    answers[name] = BatchedAnswer(
                        task=task, id=record.id, repeat=repeat, item=digest_of(open_item(record))
                    )
    return requests, answers


def _custom_id(task: str, record: SampleRecord, repeat: int) -> str:
    """Return a name that providers accept, whatever the sample's id contains."""
    return hashlib.sha256(f"{task}\0{record.id}\0{repeat}".encode()).hexdigest()[:32]


def _collected(run: Run) -> list[str]:
    """Return the names of the batches collected so far."""
    return [path.stem.removeprefix(_COLLECTED) for path in run.path.glob(f"{_COLLECTED}*.json")]


def _path(run: Run) -> Path:
    return run.path / "judge_batch.json"


def _read(path: Path) -> BatchManifest:
    try:
        return BatchManifest.model_validate_json(read_whole(path))
    except FileNotFoundError as error:
        raise InputError(
            f"{path.parent}: no batch was submitted; use --judge-batch with run, score or judge"
        ) from error
    except (OSError, ValidationError) as error:
        raise InputError(f"{path}: cannot be read: {' '.join(str(error).split())[:200]}") from error
