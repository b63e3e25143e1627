"""A stored run as one value: its manifest, samples, verdicts and results, each file read once.

``Run.load`` is the way at a stored run for every command; the one that writes a run holds the same
value and adds to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from instit_bench.errors import InputError
from instit_bench.runs.atomic import write_atomically
from instit_bench.runs.directory import RunDirectory
from instit_bench.runs.journal import JournalWriter, read_journal, read_lines, rewrite_journal
from instit_bench.runs.manifest import Manifest, Status, TaskManifest, read_manifest
from instit_bench.runs.record import SampleRecord
from instit_bench.runs.results import RunResults, TaskResult, run_results, task_result
from instit_bench.runs.verdicts import JudgedSample, VerdictRecord, Verdicts, judged, that_count


class RunTask:
    """One task of a run.

    Its journal and its verdicts are read when they are first asked for, and kept until
    ``release``. What is appended becomes part of the value at once: who writes a run does not read
    it back.
    """

    def __init__(self, run: Run, name: str) -> None:
        self._run = run
        self.name = name
        self._records: dict[str, SampleRecord] | None = None
        self._verdicts: Verdicts | None = None
        self._samples: list[SampleRecord] | None = None
        self._result: TaskResult | None = None

    @property
    def entry(self) -> TaskManifest:
        """What the manifest says of it."""
        return self._run.manifest.tasks[self.name]

    @property
    def records(self) -> Mapping[str, SampleRecord]:
        """The journal by sample id, as it stands, without what judges said since.

        Raises:
            InputError: The journal is broken.
        """
        return self._read_records()

    @property
    def verdicts(self) -> Verdicts:
        """Everything that any judge said of the task's answers.

        Raises:
            InputError: The file is broken.
        """
        if self._verdicts is None:
            path = self._run.directory.verdicts_path(self.name)
            self._verdicts = Verdicts(read_lines(path, VerdictRecord))
        return self._verdicts

    def judged(self) -> Iterator[JudgedSample]:
        """Each sample of the journal scored by the verdicts that count, and those verdicts.

        Raises:
            InputError: A file is broken.
        """
        judging = self._run.manifest.judging_of(self.name)
        if judging is None:
            yield from ((record, ()) for record in self.records.values())
            return
        contract = judging.contracts[self.name]
        for record in self.records.values():
            given = self.verdicts.of(record.id)
            said = that_count(record, given, judging.judges, contract, judging.repeats)
            yield judged(record, said, judging.judges[0]) if record.finished else record, said

    def selected(self) -> Iterator[JudgedSample]:
        """The same without samples that the run did not select.

        Raises:
            InputError: A file is broken.
        """
        if self.entry.selected == "all":
            return self.judged()
        chosen = set(self.entry.selected)
        return ((record, said) for record, said in self.judged() if record.id in chosen)

    @property
    def samples(self) -> list[SampleRecord]:
        """The selected samples as a list, for those who look at them more than once.

        Raises:
            InputError: A file is broken.
        """
        if self._samples is None:
            self._samples = [record for record, _ in self.selected()]
        return self._samples

    @property
    def result(self) -> TaskResult:
        """Its metrics; they outlast ``release``.

        Raises:
            InputError: A file is broken.
        """
        if self._result is None:
            self._result = task_result(self.name, self._run.manifest, self.selected())
        return self._result

    @contextmanager
    def journal(self) -> Iterator[Callable[[SampleRecord], None]]:
        """Append samples to the journal with the function that this yields."""
        records = self._read_records()
        with JournalWriter(self._run.directory.journal_path(self.name)) as writer:

            def append(record: SampleRecord) -> None:
                writer.append(record)
                records[record.id] = record
                self.outdated()

            yield append

    @contextmanager
    def judgements(self) -> Iterator[Callable[[VerdictRecord], None]]:
        """Append verdicts to the task's file with the function that this yields."""
        verdicts = self.verdicts
        with JournalWriter(self._run.directory.verdicts_path(self.name)) as writer:

            def append(verdict: VerdictRecord) -> None:
                writer.append(verdict)
                verdicts.add(verdict)
                self.outdated()

            yield append

    def rewrite(self, records: Iterable[SampleRecord]) -> None:
        """Replace the journal by these records, at once or not at all."""
        self._records = {record.id: record for record in records}
        rewrite_journal(self._run.directory.journal_path(self.name), self._records.values())
        self.outdated()

    def settle(self) -> None:
        """Bring what judges said into the journal."""
        self.rewrite([record for record, _ in self.judged()])

    def release(self) -> None:
        """Let go of samples and verdicts; who asks again has them read again."""
        self._records = self._verdicts = self._samples = None

    def outdated(self) -> None:
        """Have what was made of samples and verdicts made anew."""
        self._samples = self._result = None

    def _read_records(self) -> dict[str, SampleRecord]:
        if self._records is None:
            self._records = read_journal(self._run.directory.journal_path(self.name))
        return self._records


class Run:
    """A run and its folder: what was asked, how it ended, what judges said, and the metrics."""

    def __init__(self, directory: RunDirectory, manifest: Manifest) -> None:
        self.directory = directory
        self.manifest = manifest
        self.tasks = {name: RunTask(self, name) for name in manifest.tasks}

    @classmethod
    def load(cls, path: Path) -> Run:
        """The run in a folder, finished or not.

        Raises:
            InputError: The folder is no run, or its manifest is broken.
        """
        if not path.is_dir():
            raise InputError(f"{path}: there is no such run folder")
        directory = RunDirectory(path)
        return cls(directory, read_manifest(directory.manifest_path))

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.directory.path

    @property
    def results(self) -> RunResults:
        """The metrics of all tasks.

        Raises:
            InputError: A file is broken.
        """
        return run_results(self.manifest, {name: t.result for name, t in self.tasks.items()})

    def one_by_one(self) -> Iterator[RunTask]:
        """Each task in turn, released before the next: one task's samples are held at a time."""
        for task in self.tasks.values():
            yield task
            task.release()

    def save(self, status: Status | None = None) -> None:
        """Write the manifest, with another status if one is given."""
        self.manifest.status = status or self.manifest.status
        self.manifest.write(self.directory.manifest_path)
        for task in self.tasks.values():  # it says whose verdicts count
            task.outdated()

    def write_results(self) -> None:
        """Write ``results.json``."""
        text = self.results.model_dump_json(indent=2) + "\n"
        write_atomically(self.directory.results_path, text)


def load_results(path: Path) -> RunResults:
    """The results of the run in a folder, for those who need no samples: none are kept.

    Raises:
        InputError: The folder is no run, or a file of it is broken.
    """
    run = Run.load(path)
    return run_results(run.manifest, {task.name: task.result for task in run.one_by_one()})
