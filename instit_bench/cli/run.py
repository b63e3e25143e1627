"""``instit-bench run``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from instit_bench.cli import judge_options
from instit_bench.cli.console import fail, note

if TYPE_CHECKING:
    from instit_bench.evaluation.runner import RunOutcome

MODEL = "The model's name; baseline takes random, first, echo-gold or text:…"
BACKEND = "vllm (default), openai, lmms-eval, baseline, or an installed one."
IN_FLIGHT = "Requests in flight (vllm 64, lmms-eval twice the batch, others 16)."
VIDEO_AS = "frames or video (default: frames; lmms-eval video)."
VIDEO_DECODER = "auto (default), decord or pyav: what turns video files into frames."
TASKS = "Tasks and groups, comma-separated (default: inst_it_bench,gpt4tools)."
DATA = "hub, demo, or a folder or file (default: hub)."
STYLE = "chat (default), raw, turbo, davinci, lora-v1 or lora-v1.5: see the tasks' page."
MODEL_ARG = "key=value for a model of lmms-eval or an installed backend; repeatable."
CONSTRAIN = "Only letters as replies to multiple choice; not the official protocol."
_GROUPS_SHOWN = 8
NUMBER = "NUMBER|none"
EXTRA_BODY = "A JSON object merged into every request's body."
HEADER = "A header for every request (env:VAR as value: from that variable); repeatable."
STOP_AFTER = "Stop when so many requests in a row fail alike (20; 0: never)."
ERRORS = "How many samples may fail: a count (10) or a fraction (0.05); default 0."


def run_command(
    model: Annotated[str | None, typer.Option(help=MODEL)] = None,
    backend: Annotated[str | None, typer.Option(help=BACKEND)] = None,
    tasks: Annotated[str | None, typer.Option(help=TASKS)] = None,
    data: Annotated[str | None, typer.Option(help=DATA, envvar="INSTIT_BENCH_DATA")] = None,
    revision: Annotated[str | None, typer.Option(help="Hub revision of the dataset.")] = None,
    include_path: Annotated[
        list[Path] | None, typer.Option(help="A folder with further task plugins.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Where runs go (default: results).")] = None,
    name: Annotated[str | None, typer.Option(help="The run's folder name.")] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first N samples a task.")] = None,
    sample_id: Annotated[list[str] | None, typer.Option(help="Only this sample.")] = None,
    concurrency: Annotated[int | None, typer.Option(help=IN_FLIGHT)] = None,
    temperature: Annotated[
        str | None, typer.Option(metavar=NUMBER, help="Instead of the task's; none: not sent.")
    ] = None,
    top_p: Annotated[
        str | None, typer.Option(metavar=NUMBER, help="Instead of the task's; none: not sent.")
    ] = None,
    max_tokens: Annotated[
        str | None, typer.Option(metavar=NUMBER, help="Instead of the task's; none: not sent.")
    ] = None,
    seed: Annotated[
        str | None, typer.Option(metavar=NUMBER, help="Sent with every request (0), or none.")
    ] = None,
    extra_body: Annotated[str | None, typer.Option(metavar="JSON", help=EXTRA_BODY)] = None,
    header: Annotated[list[str] | None, typer.Option(metavar="NAME=VALUE", help=HEADER)] = None,
    stream: Annotated[
        bool | None, typer.Option("--stream", help="Ask for replies as streams.")
    ] = None,
    max_frames: Annotated[int | None, typer.Option(help="Frames a video at most (32).")] = None,
    prompt_style: Annotated[str | None, typer.Option(help=STYLE)] = None,
    judge: judge_options.Judges = None,
    judge_base_url: judge_options.BaseUrl = None,
    judge_concurrency: judge_options.Concurrency = None,
    judge_repeats: judge_options.Repeats = None,
    judge_timeout: judge_options.Timeout = None,
    judge_attempts: judge_options.Attempts = None,
    judge_gpu: judge_options.Gpu = None,
    judge_engine_arg: judge_options.EngineArg = None,
    judge_batch: judge_options.Batch = False,
    judge_prices: judge_options.Prices = None,
    judge_budget: judge_options.Budget = None,
    fail_on_error: Annotated[str | None, typer.Option(help=ERRORS)] = None,
    stop_after: Annotated[int | None, typer.Option(help=STOP_AFTER)] = None,
    min_coverage: Annotated[
        float | None, typer.Option(help="Exit 3 if a task's coverage is lower (0..1).")
    ] = None,
    base_url: Annotated[str | None, typer.Option(help="A server that runs already.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Seconds an attempt (600).")] = None,
    max_retries: Annotated[int | None, typer.Option(help="Retries a request (6).")] = None,
    tensor_parallel: Annotated[int | None, typer.Option(help="GPUs a copy of the model.")] = None,
    data_parallel: Annotated[int | None, typer.Option(help="Copies of the model.")] = None,
    max_model_len: Annotated[
        int | None, typer.Option(help="Longest request in tokens (default: what fits).")
    ] = None,
    gpu_memory_utilization: Annotated[
        float | None, typer.Option(help="Share of each GPU's memory (0..1).")
    ] = None,
    dtype: Annotated[str | None, typer.Option(help="Instead of the model's own.")] = None,
    quantization: Annotated[str | None, typer.Option(help="Such as fp8.")] = None,
    lora: Annotated[str | None, typer.Option(help="NAME=PATH of an adapter.")] = None,
    engine_arg: Annotated[
        list[str] | None, typer.Option(help="key=value for vllm serve; repeatable.")
    ] = None,
    model_arg: Annotated[list[str] | None, typer.Option(help=MODEL_ARG)] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Requests a call of a model of lmms-eval (1).")
    ] = None,
    video_as: Annotated[str | None, typer.Option(help=VIDEO_AS)] = None,
    video_decoder: Annotated[str | None, typer.Option(help=VIDEO_DECODER)] = None,
    constrain_choices: Annotated[
        bool | None, typer.Option("--constrain-choices", help=CONSTRAIN)
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Fail if no run is there.")] = False,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start again; keep the old.")] = False,
    no_lock: judge_options.NoLock = None,
    config: Annotated[Path | None, typer.Option(help="A YAML file with these settings.")] = None,
) -> int:
    """Evaluate a model: ask, score, print the leaderboard row. The same command resumes."""
    from instit_bench.evaluation.config import make_config

    options = dict(locals())
    given = {
        key: value
        for key, value in options.items()
        if value is not None and key not in ("resume", "fresh", "config", "make_config")
    }
    if resume and fresh:
        fail("--resume and --fresh exclude each other", 2)
    if resume or fresh:
        given["existing"] = "resume" if resume else "fresh"
    return evaluate(make_config(config, {k: v for k, v in given.items() if v != []}))


def evaluate(config: Any) -> int:
    """Run, print the outcome, and say how it went in the exit code."""
    from instit_bench.cli.progress import make_reporter
    from instit_bench.cli.tables import engine_summary, print_results
    from instit_bench.evaluation.runner import run

    outcome = run(config, make_reporter())
    results = outcome.run.results
    print_results(results)
    if results.engine:
        for line in engine_summary(results.engine):
            note(line)
    for line in outcome.warnings:
        note(line)
    if len(outcome.failures) > 1 or not outcome.problem:  # else the problem says it all
        for group in outcome.failures[:_GROUPS_SHOWN]:
            note(group.told)
    note(f"results: {outcome.run.directory.results_path}")
    return _conclude(outcome, config.min_coverage)


def _conclude(outcome: RunOutcome, min_coverage: float) -> int:
    if outcome.status == "interrupted":
        fail("interrupted; what was finished is kept, the same command goes on", 130)
    if outcome.problem:
        fail(outcome.problem.message, outcome.problem.exit_code)
    for name, task in outcome.run.results.tasks.items():
        if task.coverage < min_coverage:
            fail(
                f"{name}: coverage {task.coverage:.4f} ({task.n_scored} of {task.n_total}) is "
                f"below --min-coverage {min_coverage}",
                3,
            )
    return 0
