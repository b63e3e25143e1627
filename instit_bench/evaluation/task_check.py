"""``tasks check``: what would fail when a plugin's task is run, each with what to do about it."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from instit_bench.errors import PLUGIN_FAULTS, InputError, InstitBenchError
from instit_bench.evaluation.config import RunConfig, make_config
from instit_bench.evaluation.plan import RunPlan, TaskPlan, make_plan
from instit_bench.evaluation.runner import run
from instit_bench.evaluation.scoring import TaskScorer, scorer_for
from instit_bench.progress import Silent
from instit_bench.runs.record import SampleRecord
from instit_bench.tasks.functions import forget_functions
from instit_bench.tasks.registry import load_registry
from instit_bench.tasks.task import Task
from instit_bench.types import ImagePart, Prediction, Sample, TextPart, VideoPart

RUN_SAMPLES = 5
SCORED_SAMPLES = 1000
_HEAVY = frozenset(
    {"torch", "transformers", "lmms_eval", "vllm", "datasets", "pandas", "scipy", "sklearn"}
    | {"cv2", "decord", "matplotlib", "tensorflow", "jax", "openai", "evaluate", "nltk"}
)
# What a model may send: nothing, much, other scripts, and what looks like code or JSON.
_ODD_REPLIES = ("", " \n", "?" * 5000, '{"a": [1, "', "答案是 \u2062", "<think>", "None")


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: ``fails`` if a run would go wrong, ``note`` if only lmms-eval or speed suffers."""

    kind: Literal["fails", "note"]
    text: str


def check_task(name: str, data: str, include_path: Sequence[Path]) -> tuple[int, list[Finding]]:
    """Run a task's first samples with a baseline model, and look at what a run does not show.

    Returns the number of samples in the dataset, and what was found.

    Raises:
        InputError: There is no such task, or it is a group.
    """
    [task] = _single(name, include_path)
    settings = {
        "model": "echo-gold",
        "backend": "baseline",
        "tasks": (name,),
        "data": data,
        "include_path": tuple(include_path),
        "limit": RUN_SAMPLES,
    }
    findings = [*_imports(task), *_lmms_eval(task)]
    try:
        config = make_config(None, settings)
        plan = make_plan(config)
        [planned] = plan.tasks
        findings += _documents(planned)
        findings += _process_docs(task, planned.dataset.docs)
        findings += _deterministic(planned, config)
        findings += _media(planned)
        findings += _ran(config)
        findings += _scores(planned)
    except InstitBenchError as error:
        findings.append(Finding("fails", str(error)))
        return 0, _in_order(findings)
    return len(planned.samples), _in_order(findings)


def _single(name: str, include_path: Sequence[Path]) -> list[Task]:
    tasks = load_registry(include_path).resolve([name])
    if len(tasks) > 1:
        raise InputError(f"{name}: is a group; name a single task")
    return tasks


def _in_order(findings: Iterable[Finding]) -> list[Finding]:
    once = dict.fromkeys(findings)
    return sorted(once, key=lambda finding: finding.kind)


def _imports(task: Task) -> Iterator[Finding]:
    """What the plugin's own modules import at their top, for every command that lists tasks."""
    for path in dict.fromkeys(_modules(task)):
        try:
            tree = ast.parse(path.read_text(encoding="utf-8"))
        except (SyntaxError, ValueError, OSError) as error:
            yield Finding("fails", f"{path}: cannot be read as Python: {error}")
            continue
        for name in dict.fromkeys(_imported(tree)):
            if name in _HEAVY:
                yield Finding(
                    "note",
                    f"{path}: imports {name} at its top, which takes long to load; import it "
                    "in the function that needs it",
                )


def _modules(task: Task) -> Iterator[Path]:
    for function in task.config.functions.values():
        module = function.dotted.rpartition(".")[0].replace(".", "/")
        path = function.yaml_path.parent / f"{module}.py"
        if path.is_file():
            yield path


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _lmms_eval(task: Task) -> Iterator[Finding]:
    """What lmms-eval needs of a task and this program does not."""
    config, where = task.config, f"{task.path}: not for lmms-eval"
    if config.process_results is None:
        yield Finding(
            "note", f"{where}: key process_results is missing; add a function (doc, results)"
        )
    if config.doc_to_text is None and config.doc_to_messages is None:
        yield Finding("note", f"{where}: key 'doc_to_text' is missing; name a field or a function")
    if config.doc_to_visual is None and config.doc_to_messages is None:
        yield Finding(
            "note", f"{where}: key 'doc_to_visual' is missing; add one, which may return []"
        )
    files = config.dataset_kwargs.get("data_files")
    if config.metadata.reader == "files" and not isinstance(files, Mapping):
        split = config.test_split
        yield Finding(
            "note",
            f"{where}: there, a file without a split is 'train', not {split!r}; write "
            f"data_files: {{{split}: {files}}} and test_split: {split}",
        )
    if config.metadata.reader != "files" and config.process_docs is None:
        yield Finding(
            "note",
            f"{where}: only this program has the reader {config.metadata.reader!r}; give it a "
            "dataset that the 'datasets' library loads",
        )


class _LikeADataset(list[Any]):
    """What lmms-eval passes to ``process_docs``, as far as plugins usually use it."""

    def map(self, function: Callable[[Any], Any], **_: object) -> _LikeADataset:
        return _LikeADataset({**doc, **function(doc)} for doc in self)

    def filter(self, function: Callable[[Any], bool], **_: object) -> _LikeADataset:
        return _LikeADataset(doc for doc in self if function(doc))


def _process_docs(task: Task, docs: Iterable[Mapping[str, Any]]) -> Iterator[Finding]:
    function = task.config.process_docs
    if function is None or not task.reader.processed:
        return
    try:
        returned = function.load("process_docs")(_LikeADataset(dict(doc) for doc in docs))
    except PLUGIN_FAULTS:  # it uses more of a Dataset than the stand-in has
        return
    if not isinstance(returned, _LikeADataset):
        yield Finding(
            "note",
            f"{task.path}: not for lmms-eval: process_docs returns a {type(returned).__name__}, it "
            "wants the Dataset that it gave; return docs.map(…) or docs.filter(…) if docs has it",
        )


def _documents(planned: TaskPlan) -> Iterator[Finding]:
    """Values that JSON cannot hold: neither the data's digest nor an export is well defined."""
    for number, doc in enumerate(planned.dataset.docs, start=1):
        for field, value in doc.items():
            try:
                json.dumps(value, default=_bytes_only, allow_nan=False)
            except (TypeError, ValueError) as error:
                yield Finding(
                    "fails",
                    f"{planned.task.name}: record {number}: field {field!r} is not a JSON value "
                    f"({error}); keep text, numbers, lists, mappings or bytes in records, such as "
                    "an image's path",
                )
                return


def _bytes_only(value: object) -> str:
    if isinstance(value, bytes):
        return ""
    raise TypeError(f"a {type(value).__name__}")


def _deterministic(planned: TaskPlan, config: RunConfig) -> Iterator[Finding]:
    """The same data and requests must come out of the plugin's code each time."""
    name = planned.task.name
    forget_functions()
    again: RunPlan = make_plan(config)
    [other] = again.tasks
    before, after = planned.manifest(), other.manifest()
    if before.data_digest != after.data_digest:
        yield Finding(
            "fails",
            f"{name}: the records differ when they are read twice, so no run could be resumed; "
            "take randomness, time and the order of sets out of process_docs",
        )
    elif before.prompt_digest != after.prompt_digest:
        yield Finding(
            "fails",
            f"{name}: the requests differ when they are built twice, so no run could be resumed; "
            "take randomness and time out of doc_to_text and doc_to_messages",
        )
    elif [s.target for s in _first(planned)] != [s.target for s in _first(other)]:
        yield Finding(
            "fails",
            f"{name}: the targets differ when they are read twice; take randomness and time out of "
            "doc_to_target",
        )


def _first(planned: TaskPlan, count: int = RUN_SAMPLES) -> list[Sample]:
    return [sample for sample, _ in zip(planned.samples, range(count), strict=False)]


def _media(planned: TaskPlan) -> Iterator[Finding]:
    """Whether requests carry what the task says, and what lmms-eval makes of it."""
    declared = planned.task.config.metadata.media
    for sample in _first(planned, 1):
        parts = [part for m in planned.request(sample).messages for part in m.parts]
        kinds = {type(part) for part in parts} - {TextPart}
        shown = {"image": {ImagePart}, "video": {VideoPart}, "none": set()}[declared]
        if kinds != shown:
            found = ", ".join(sorted(kind.__name__ for kind in kinds)) or "none"
            yield Finding(
                "fails",
                f"{planned.task.path}: key 'metadata.media' is {declared!r}, but the request of "
                f"sample {sample.id} has media of kind {found}; make the two agree",
            )
        if planned.task.config.doc_to_messages is None and any(
            isinstance(part, ImagePart) and part.path for part in parts
        ):
            yield Finding(
                "note",
                f"{planned.task.path}: not for lmms-eval: doc_to_visual returns a path, which it "
                "takes for a video; return a PIL image there",
            )


def _ran(config: RunConfig) -> Iterator[Finding]:
    """The first samples, asked and scored as in any run; a faulty sample does not end it."""
    with TemporaryDirectory() as folder:
        changes = {"output": Path(folder), "name": "check", "fail_on_error": "1.0"}
        outcome = run(config.model_copy(update=changes), Silent())
        for group in outcome.failures:
            yield Finding(
                "fails", f"sample {group.first}: {group.error}; bring the data into this form"
            )
        if outcome.problem and outcome.problem.cause:
            yield Finding("fails", str(outcome.problem.cause))


def _scores(planned: TaskPlan) -> Iterator[Finding]:
    """The scorer on the targets themselves, and on what models send at their worst."""
    task, scorer = planned.task, scorer_for(planned.task)
    if task.scorer.needs_judge:
        return
    records: list[SampleRecord] = []
    for sample in _first(planned, SCORED_SAMPLES):
        try:
            records.append(scorer.record(sample, Prediction(sample.target)))
        except InputError as error:
            yield Finding("fails", str(error))
            return
    yield from _targets(task, records)
    yield from _odd_replies(scorer, _first(planned))


def _targets(task: Task, records: Sequence[SampleRecord]) -> Iterator[Finding]:
    valued = {name for record in records for name in record.scores}
    for name in task.metric_names:
        if name not in valued:
            yield Finding(
                "fails",
                f"{task.path}: key 'metric_list': metric {name!r} has no value for any of "
                f"{len(records)} samples; correct its name, or return it",
            )
    decides = task.scorer.deciding([name for name in task.metric_names if name in valued])
    best = 0.0 if decides in task.lower_is_better else 1.0
    wrong = [r for r in records if decides and r.scores.get(decides, best) != best]
    if wrong and decides:
        yield Finding(
            "fails",
            f"{task.name}: {len(wrong)} of {len(records)} targets do not score {best:g} in "
            f"{decides!r} when they are the prediction (first: sample {wrong[0].id}, "
            f"{wrong[0].scores[decides]:g}); correct the targets or the scorer",
        )


def _odd_replies(scorer: TaskScorer, samples: Iterable[Sample]) -> Iterator[Finding]:
    for sample in samples:
        for text in _ODD_REPLIES:
            try:
                once, twice = (_outcome(scorer, sample, text) for _ in range(2))
            except InputError as error:
                yield Finding(
                    "fails", f"{error}; it must score any prediction, such as {text[:20]!r}"
                )
                return
            if once != twice:
                yield Finding(
                    "fails",
                    f"{sample.task}: sample {sample.id}: two scores of the same prediction "
                    f"{text[:20]!r} differ; take randomness and time out of the scorer",
                )
                return


def _outcome(scorer: TaskScorer, sample: Sample, text: str) -> Mapping[str, Any]:
    return scorer.record(sample, Prediction(text)).model_dump()
