"""A damaged or hostile run folder: one clear error, or the right numbers; never anything else."""

from __future__ import annotations

import csv
import json
import random
import re
import shutil
import signal
from pathlib import Path

import pytest

from tests.command_line import cli_in
from tests.reliability.damages import WHOLE, copied, odd_fields
from tests.reliability.sizes import sizes

TASKS = ("inst_it_image_oe", "gpt4tools_unseen")
RUN = (
    *("run", "--backend", "baseline", "--data", "demo", "--tasks", ",".join(TASKS)),
    *("--limit", 6, "--judge", "lexical"),
)
FILES = (
    *("manifest.json", "results.json", ".results_from.json", "media.jsonl"),
    *(f"samples/{task}.jsonl" for task in TASKS),
    f"judgements/{TASKS[0]}.jsonl",
)
COMMANDS = {
    "leaderboard": ("leaderboard", "results/r", "--csv", "out.csv"),
    "compare": ("compare", "results/other", "results/r", "--json", "out.json"),
    "check": ("check", "results/r", "--baseline", "results/other", "--markdown", "out.md"),
    "baseline": ("baseline", "save", "results/r", "--output", "out"),
    "report": ("report", "results/r", "--no-media"),
    "official": ("export", "results/r", "--format", "official"),
    "lmms-eval": ("export", "results/r", "--format", "lmms-eval"),
    "judge": ("judge", "results/r", "--judge", "lexical"),
    "estimate": ("judge", "estimate", "results/r"),
    "resume": (*RUN, "--model", "first", "--name", "r"),
}
ENDED = (0, 1, 2, 3)
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


class TookTooLongError(Exception):
    """A command waits for what never comes."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Two runs, judged and finished."""
    path = tmp_path_factory.mktemp("runs")
    for model, name in (("first", "r"), ("echo-gold", "other")):
        done = cli_in(path)(*RUN, "--model", model, "--name", name)
        assert done.returncode == 0, done.stderr
    return path


@pytest.fixture(scope="module")
def right(folder) -> dict[str, dict[str, str]]:
    """The leaderboard's row of the undamaged run, and that after each command that writes it."""
    assert cli_in(folder)(*COMMANDS["leaderboard"]).returncode == 0
    return row(folder)


def row(folder: Path) -> dict[str, str]:
    with (folder / "out.csv").open(newline="") as file:
        return {k: v for k, v in next(csv.DictReader(file)).items() if k != "source"}


def within(seconds: int, words: tuple[object, ...], folder: Path):
    """Run a command; what hangs is interrupted."""

    def stop(*_: object) -> None:
        raise TookTooLongError(words)

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        return cli_in(folder)(*words)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def all_cases(folder: Path, seed: int):
    """Every damage to every file with every command, in a random order."""
    cases = [
        (file, name, damage, command)
        for file in FILES
        for name, damage in [*WHOLE.items(), *odd_fields(folder / "results/r" / file)]
        for command in COMMANDS
    ]
    random.Random(seed).shuffle(cases)
    whole_first = sorted(cases, key=lambda case: case[1] not in WHOLE)
    return whole_first, cases


@sizes(short=40, long=1000)
def test_a_damaged_run_folder_is_an_error_or_gives_the_right_numbers(
    folder, right, tmp_path, size, figure
):
    whole_first, cases = all_cases(folder, seed=size)
    tried = cases[:size] if size < 100 else [*whole_first[: size // 2], *cases[: size // 2]]
    found = []
    refused = 0
    for number, (file, name, damage, command) in enumerate(tried):
        place = copied(folder, tmp_path / str(number))
        damage(place / "results/r" / file)
        try:
            done = within(20, COMMANDS[command], place)
            wrong = problem_of(done, place, right)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - any is a finding
            wrong, done = f"raised {error!r}"[:300], None
        if wrong:
            found.append(f"{file}, {name}, {command}: {wrong}")
        refused += done is not None and done.returncode != 0
        shutil.rmtree(place)
    figure(
        "hostile run folders",
        f"{size:,} commands on damaged files, {refused:,} refused with one error, "
        f"{len(found)} uncaught or with wrong numbers",
    )
    assert not found, "\n".join(found)


def problem_of(done, place: Path, right: dict[str, str]) -> str | None:
    """What is wrong with how a command ended; nothing if it refused, or the numbers are right."""
    if "Traceback" in done.stderr or done.returncode not in ENDED:
        return f"exit code {done.returncode}: {done.stderr[-300:]}"
    if CONTROL.search(done.stdout + done.stderr) or "\n::" in done.stdout + done.stderr:
        return "control characters reach the terminal"
    if done.returncode == 0:
        shown = cli_in(place)(*COMMANDS["leaderboard"])
        if shown.returncode == 0 and not same(row(place), right):
            return f"other numbers: {row(place)}"
    return None


def same(found: dict[str, str], right: dict[str, str]) -> bool:
    """Whether two rows have the same numbers, except of tasks marked as incomplete."""
    incomplete = [
        name.removesuffix("_marks")
        for name, marks in found.items()
        if name.endswith("_marks") and "coverage" in marks
    ]
    return all(
        found.get(name) == value
        for name, value in right.items()
        if re.fullmatch(r"[\d.]*", value) and not any(name.startswith(task) for task in incomplete)
    )


HOSTILE = "\x1b[31m\n::error::x\x07"


def test_texts_from_outside_never_control_the_terminal_or_a_ci_log(folder, tmp_path):
    place = copied(folder, tmp_path / "f")
    run = place / "results/r"
    manifest = json.loads((run / "manifest.json").read_text())
    manifest["identity"]["model"] = "=1+1" + HOSTILE
    manifest["data"]["label"] = HOSTILE
    for task in manifest["tasks"].values():
        task["notes"] = [HOSTILE]
    (run / "manifest.json").write_text(json.dumps(manifest))
    journal = run / f"samples/{TASKS[0]}.jsonl"
    records = [json.loads(line) for line in journal.read_text().splitlines()]
    for record in records:
        record |= {"prediction": HOSTILE, "error": HOSTILE, "question": HOSTILE, "cluster": HOSTILE}
    records[0] |= {"state": "infer_error", "id": "x" + HOSTILE, "scores": {}}
    journal.write_text("".join(json.dumps(record) + "\n" for record in records))
    for name, command in COMMANDS.items():
        done = cli_in(place)(*command)
        told = done.stdout + done.stderr
        assert done.returncode in ENDED, name
        assert not CONTROL.search(told), name
        assert not re.search(r"^::", told, re.MULTILINE), name
    for written in ("out.csv", "out.md"):
        text = (place / written).read_text()
        assert not CONTROL.search(text), written
        assert not re.search(r"^=", text, re.MULTILINE)
