"""A stored run as one value: its manifest, samples, verdicts and results, each file read once.

Every command loads a stored run with ``Run.load``; a command that writes a run keeps the same
value and adds to it.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from instit_bench.errors import InputError
from instit_bench.progress import Tell
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.extracted import metrics_of, with_letter
from instit_bench.runs.index import read_index
from instit_bench.runs.journal import Journal, JournalWriter, read_lines
from instit_bench.runs.judge_card import read_card
from instit_bench.runs.kept_results import Kept, kept_results, write_results_file
from instit_bench.runs.manifest import (
    JudgingManifest,
    Manifest,
    Status,
    TaskManifest,
    read_manifest,
)
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.results import RunResults, TaskResult, run_results, task_result
from instit_bench.runs.sample_scores import SampleScores
from instit_bench.runs.verdicts import (
    JudgedSample,
    VerdictRecord,
    Verdicts,
    item_of,
    judged,
    that_count,
)
from instit_bench.scorers.registry import spec_of


class RunTask:
    """One task of a run.

    Its verdicts are read on first access, and kept until ``release``; of its journal only the
    place of each sample is kept. Appended records become part of the value at once.
    """

    def __init__(self, run: Run, name: str) -> None:
        self._run = run
        self.name = name
        self._journal: Journal | None = None
        self._verdicts: Verdicts | None = None
        self._samples: list[SampleRecord] | None = None
        self._result: TaskResult | None = None
        self._scores: SampleScores | None = None
        self._done: tuple[set[str], list[str]] | None = None

    @property
    def entry(self) -> TaskManifest:
        """The task's entry in the manifest."""
        return self._run.manifest.tasks[self.name]

    @property
    def metrics(self) -> list[str]:
        """The task's metrics, with the one that includes extracted letters if there are any."""
        return metrics_of(self.name, self._run.manifest)

    @property
    def records(self) -> Mapping[str, SampleRecord]:
        """The journal by sample id as stored, without later verdicts; each access reads the file.

        Raises:
            InputError: The journal is broken.
        """
        return self._opened()

    @property
    def verdicts(self) -> Verdicts:
        """All verdicts of any judge on the task's answers.

        Raises:
            InputError: The file is broken.
        """
        if self._verdicts is None:
            path = self._run.directory.verdicts_path(self.name)
            self._verdicts = Verdicts(read_lines(path, VerdictRecord))
        return self._verdicts

    def judged(self, besides: Container[str] = ()) -> Iterator[JudgedSample]:
        """Yield each sample of the journal scored by the verdicts that count, and those verdicts.

        The samples named in ``besides`` are not read.

        Raises:
            InputError: A file is broken.
        """
        manifest, judging = self._run.manifest, self._judging
        spec = spec_of(self.entry)
        reads = judging is not manifest.extraction or spec.extraction  # else it is not installed
        stored = self.records
        records = (stored[sample] for sample in stored if sample not in besides)
        if judging is None or not reads:
            yield from ((record, ()) for record in records)
            return
        contract = judging.contracts[self.name]
        for record in records:
            item, given = item_of(record, spec), self.verdicts.of(record.id)
            said = that_count(item, given, judging.judges, contract, judging.repeats)
            if spec.extraction:
                yield with_letter(record, said, spec), said
            else:
                scored = record.finished and not record.unscored
                yield judged(record, said, judging.judges[0]) if scored else record, said

    def selected(self, besides: Container[str] = ()) -> Iterator[JudgedSample]:
        """Like ``judged``, without samples that the run did not select.

        Raises:
            InputError: A file is broken.
        """
        if self.entry.selected == "all":
            return self.judged(besides)
        chosen = set(self.entry.selected)
        return ((record, said) for record, said in self.judged(besides) if record.id in chosen)

    @property
    def samples(self) -> list[SampleRecord]:
        """The selected samples as a list, for callers that need them more than once.

        Raises:
            InputError: A file is broken.
        """
        if self._samples is None:
            self._samples = [record for record, _ in self.selected()]
        return self._samples

    @property
    def result(self) -> TaskResult:
        """The metrics; they are kept after ``release``.

        Those in ``results.json`` are taken if nothing has changed since they were computed.

        Raises:
            InputError: A file is broken.
        """
        if self._result is None and (kept := self._kept()) is not None:
            self._result = kept.result
        return self._result or self._computed()[0]

    @property
    def has_card(self) -> bool:
        """Whether its judge was compared with humans; the card may not apply any more."""
        return self._run.directory.card_path(self.name).is_file()

    @property
    def result_with_card(self) -> TaskResult:
        """The same with the card of the task's judge, if there is one.

        Raises:
            InputError: A file is broken.
        """
        card = read_card(self._run.directory.card_path(self.name))
        return self.result.with_card(card, self._run.manifest.judging_of(self.name))

    @property
    def scores(self) -> SampleScores:
        """The scores of the selected samples, from the index if nothing has changed since.

        Raises:
            InputError: A file is broken.
        """
        if self._scores is None and (kept := self._kept()) is not None:
            self._scores = read_index(self._run.directory.index_path(self.name), kept.index)
        return self._scores or self._computed()[1]

    @property
    def new_scores(self) -> SampleScores | None:
        """The same if they were computed from the journal, so that the index is to be written."""
        return self._scores

    def _computed(self) -> tuple[TaskResult, SampleScores]:
        found = task_result(self.name, self._run.manifest, self.selected())
        self._result, self._scores = found
        return found

    @property
    def answered(self) -> set[str]:
        """The ids of all samples with a prediction, which need not be run again.

        Raises:
            InputError: The journal is broken.
        """
        return self._looked_through()[0]

    @property
    def unscored(self) -> list[str]:
        """The ids of samples whose prediction no scorer has scored yet.

        Raises:
            InputError: The journal is broken.
        """
        return self._looked_through()[1]

    def _looked_through(self) -> tuple[set[str], list[str]]:
        """Return the answered samples and the unscored ones among them."""
        if self._done is None:
            kept = self._kept()
            if kept is not None and kept.result.n_counted == kept.result.n_total:
                self._done = set(self.records), []  # a verdict takes a prediction
            else:
                done = [(r.id, r.unscored) for r in self.records.values() if r.finished]
                self._done = {name for name, _ in done}, [name for name, open_ in done if open_]
        return self._done

    @property
    def _judging(self) -> JudgingManifest | None:
        manifest = self._run.manifest
        return manifest.judging_of(self.name) or manifest.extraction_of(self.name)

    def _kept(self) -> Kept | None:
        return kept_results(self._run.directory, self._run.manifest).get(self.name)

    @contextmanager
    def journal(self, tell: Tell) -> Iterator[Callable[[SampleRecord], None]]:
        """Yield a function that appends samples to the journal."""
        with self._opened().appending(tell) as write:

            def append(record: SampleRecord) -> None:
                write(record)
                self.outdated()

            yield append

    @contextmanager
    def judgements(self, tell: Tell) -> Iterator[Callable[[VerdictRecord], None]]:
        """Yield a function that appends verdicts to the task's file."""
        verdicts = self.verdicts
        with JournalWriter(self._run.directory.verdicts_path(self.name), tell) as writer:

            def append(verdict: VerdictRecord) -> None:
                writer.append(verdict)
                verdicts.add(verdict)
                self.outdated()

            yield append

    def rewrite(self, records: Iterable[SampleRecord]) -> None:
        """Replace the journal by these records, atomically."""
        if self._journal is None:
            self._journal = Journal(self._path)
        self._journal.replace(records)
        self.outdated()

    def settle(self, order: Iterable[str] | None = None) -> None:
        """Write the judges' scores into the journal, and bring it into the order of these samples.

        Samples that the order lacks are dropped. A journal that is right already is not written.
        """
        stored = self._opened()
        samples = list(stored if order is None else order)
        if self._judging is not None:
            scored = {record.id: record for record, _ in self.judged()}
            if any(record != stored[sample] for sample, record in scored.items()):
                self.rewrite([scored[sample] for sample in samples if sample in scored])
                return
        stored.sort(samples)
        self.outdated()

    def forget_samples(self) -> None:
        """Drop the list of samples from memory, and nothing else."""
        self._samples = None

    def release(self) -> None:
        """Drop samples and verdicts from memory; the next access reads them again."""
        if self._journal is not None:
            self._journal.close()
        self._journal = self._verdicts = self._samples = self._scores = None

    def outdated(self) -> None:
        """Discard cached values computed from samples and verdicts."""
        self._samples = self._result = self._scores = self._done = None

    def _opened(self) -> Journal:
        if self._journal is None:
            self._journal = Journal.read(self._path)
        return self._journal

    @property
    def _path(self) -> Path:
        return self._run.directory.journal_path(self.name)


class Run:
    """A run and its directory: settings, status, verdicts and metrics."""

    def __init__(self, directory: RunDirectory, manifest: Manifest) -> None:
        self.directory = directory
        self.manifest = manifest
        self.tasks = {name: RunTask(self, name) for name in manifest.tasks}
        self._judges = manifest.judging, manifest.extraction

    @classmethod
    def load(cls, path: Path) -> Run:
        """Load the run in a directory, finished or not.

        Raises:
            InputError: The folder is not a run directory, or its manifest is not valid.
        """
        if not path.is_dir():
            raise InputError(f"{path}: run directory not found")
        directory = RunDirectory(path)
        return cls(directory, read_manifest(directory.manifest_path))

    @property
    def path(self) -> Path:
        """The run directory."""
        return self.directory.path

    @property
    def results(self) -> RunResults:
        """The metrics of all tasks.

        Raises:
            InputError: A file is broken.
        """
        return run_results(self.manifest, {n: t.result_with_card for n, t in self.tasks.items()})

    def one_by_one(self) -> Iterator[RunTask]:
        """Yield each task, released before the next, so only one task's samples are in memory."""
        for task in self.tasks.values():
            yield task
            task.release()

    def save(self, status: Status | None = None) -> None:
        """Write the manifest, with another status if one is given."""
        self.manifest.status = status or self.manifest.status
        self.manifest.write(self.directory.manifest_path)
        judges = self.manifest.judging, self.manifest.extraction
        if judges != self._judges:  # they say which verdicts count
            self._judges = judges
            for task in self.tasks.values():
                task.outdated()

    def write_results(self) -> None:
        """Write ``results.json``."""
        results = self.results
        scores = {name: task.new_scores for name, task in self.tasks.items()}
        write_results_file(self.directory, self.manifest, results, scores)


def load_results(path: Path) -> RunResults:
    """Load the results of a run directory without keeping any samples.

    Raises:
        InputError: The folder is not a run directory, or a file in it is not valid.
    """
    run = Run.load(path)
    return run_results(
        run.manifest, {task.name: task.result_with_card for task in run.one_by_one()}
    )
