"""Processes killed by SIGKILL at random moments: no finished sample is lost or done twice."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.command_line import cli_in
from tests.evaluation.test_resume import letter_for, text_of
from tests.judging.test_judging import TASK as JUDGED
from tests.judging.test_judging import by_rule, judge_options, predictions
from tests.openai_server import OpenAIServer, Reply, openai_server
from tests.reliability.processes import begun, killed, moment, start
from tests.reliability.sizes import sizes

TASKS = "gpt4tools_unseen,inst_it_image_mc"
TASK = "gpt4tools_unseen"
OF_A_RUN = ("--backend", "baseline", "--data", "demo", "--tasks", TASK, "--name", "r")
OLD = ("run", "--model", "echo-gold", *OF_A_RUN)
NEW = ("run", "--model", "first", *OF_A_RUN)
IN_FLIGHT = 4
FEW = {"run": 6, "fresh": 4, "score": 4, "judge": 4}
MANY = {"run": 50, "fresh": 30, "score": 30, "judge": 40}


@dataclass
class Tally:
    """What came of the kills."""

    kills: int = 0
    lost: int = 0
    doubled: int = 0

    def told(self) -> str:
        """The figures in words."""
        return f"{self.kills} kills, {self.lost} lost, {self.doubled} doubled"


@pytest.fixture
def tally(request, figure):
    """Counts for one kind of command, kept as a figure."""
    counts = Tally()
    yield counts
    figure(f"processes killed, {request.node.originalname.split('_')[-1]}", counts.told())


def journal(folder: Path, name: str) -> dict[str, list[tuple[str, object]]]:
    """The whole lines of each journal of a run: ids and predictions."""
    return {
        path.stem: [
            (record["id"], record["prediction"])
            for record in map(json.loads, path.read_text().split("\n")[:-1])
        ]
        for path in (folder / "results" / name / "samples").glob("*.jsonl")
    }


def until_finished(
    folder: Path,
    server: OpenAIServer,
    words: tuple[object, ...],
    more: Callable[[], int],
    most: int,
) -> int:
    """Run a command and kill it after ``more`` requests, at most so often; return the kills."""
    kills = 0
    while kills < most:
        target = len(server.requests) + more()
        process = start(folder, *words)
        if not killed(process, lambda target=target: len(server.requests) >= target):
            assert process.exitcode == 0, (folder / "told").read_text()[-2000:]
            return kills
        kills += 1
    process = start(folder, *words)
    process.join()
    assert process.exitcode == 0, (folder / "told").read_text()[-2000:]
    return kills


@sizes(FEW, MANY)
def test_killed_while_it_runs_or_resumes_run(tmp_path, size, tally):
    random_ = random.Random(size["run"])
    whole = {}
    for number in range(1000):
        folder = tmp_path / str(number)
        folder.mkdir()
        kept: dict[tuple[str, str], object] = {}

        def more(folder=folder, kept=kept) -> int:
            """Look at what the last kill has left, and choose the next."""
            for task, lines in journal(folder, "m-demo").items():
                now = {(task, one): said for one, said in lines}
                tally.lost += sum(now.get(key) != kept[key] for key in kept if key[0] == task)
                kept.update(now)
            return random_.randint(1, 12)

        with openai_server(lambda body: Reply(letter_for(body).text, delay_s=0.004)) as server:
            words = (
                *("run", "--model", "m", "--backend", "openai", "--base-url", server.base_url),
                *("--data", "demo", "--tasks", TASKS, "--concurrency", IN_FLIGHT),
            )
            before = tally.kills
            left = size["run"] - tally.kills
            tally.kills += until_finished(folder, server, words, more, left)
            asked = Counter(map(text_of, server.requests))
        lines = journal(folder, "m-demo")
        whole = whole or {task: dict(those) for task, those in lines.items()}
        for task, those in lines.items():
            tally.doubled += len(those) - len(dict(those))
            tally.lost += len(whole[task].items() - dict(those).items())
        samples = sum(map(len, lines.values()))
        # At most the requests in flight at each kill are sent a second time.
        assert sum(asked.values()) <= samples + IN_FLIGHT * (tally.kills - before)
        if tally.kills >= size["run"]:
            break
        shutil.rmtree(folder)
    assert (tally.lost, tally.doubled) == (0, 0)
    assert tally.kills >= size["run"]


def values(folder: Path) -> dict[str, object]:
    results = json.loads((folder / "results/r/results.json").read_text())
    return results["tasks"][TASK]["metrics"]


@pytest.fixture(scope="module")
def old(tmp_path_factory) -> Path:
    """A folder with a finished run, and a file of predictions."""
    folder = tmp_path_factory.mktemp("old")
    assert cli_in(folder)(*OLD).returncode == 0
    ids = [one for one, _ in journal(folder, "r")[TASK]]
    (folder / "p.json").write_text(json.dumps([{"id": one, "output": "No."} for one in ids]))
    return folder


def kills_over(old: Path, folder: Path, words: tuple[object, ...], kills: int):
    """Yield copies of the old folder in which a command over its run was killed."""
    random_ = random.Random(kills)
    done = 0
    for number in range(20 * kills):
        place = folder / str(number)
        shutil.copytree(old, place)
        if killed(start(place, *words), begun(place / "results"), moment(random_)):
            done += 1
            yield place
        if done == kills:
            return
        shutil.rmtree(place)
    raise AssertionError("the command is hardly ever killed")


@sizes(FEW, MANY)
def test_killed_while_it_starts_over_run_fresh(old, tmp_path, size, tally):
    new = tmp_path / "new"
    new.mkdir()
    assert cli_in(new)(*NEW).returncode == 0
    for place in kills_over(old, tmp_path, (*NEW, "--fresh"), size["fresh"]):
        tally.kills += 1
        done = cli_in(place)(*NEW)
        if done.returncode == 3:  # the old run is still there, whole
            assert cli_in(place)(*OLD).returncode == 0
            tally.lost += values(place) != values(old)
        else:
            assert done.returncode == 0, done.stderr
            tally.lost += values(place) != values(new)
        lines = journal(place, "r")[TASK]
        tally.doubled += len(lines) - len(dict(lines))
    assert (tally.lost, tally.doubled) == (0, 0)


@sizes(FEW, MANY)
def test_killed_while_it_scores_over_a_run_score(old, tmp_path, size, tally):
    words = ("score", "p.json", "--task", TASK, "--data", "demo", "--name", "r")
    whole = tmp_path / "whole"
    shutil.copytree(old, whole)
    assert cli_in(whole)(*words).returncode == 0
    for place in kills_over(old, tmp_path, words, size["score"]):
        tally.kills += 1
        board = cli_in(place)("leaderboard", "results/r")
        assert board.returncode in (0, 2), board.stderr
        done = cli_in(place)(*words)
        assert done.returncode == 0, done.stderr
        tally.lost += values(place) != values(whole)
        lines = journal(place, "r")[TASK]
        tally.doubled += len(lines) - len(dict(lines))
    assert (tally.lost, tally.doubled) == (0, 0)


@sizes(FEW, MANY)
def test_killed_while_it_judges_judge(tmp_path, size, tally):
    random_ = random.Random(size["judge"])
    file, expected = predictions(tmp_path, 60)
    while tally.kills < size["judge"]:
        folder = tmp_path / str(tally.kills)
        folder.mkdir()
        scored = cli_in(folder)("score", file, "--task", JUDGED, "--name", "s", "--judge", "none")
        assert scored.returncode == 0, scored.stderr
        verdicts = folder / f"results/s/judgements/{JUDGED}.jsonl"
        heard: set[str] = set()

        def more(verdicts=verdicts, heard=heard) -> int:
            if verdicts.is_file():
                now = [json.loads(line)["id"] for line in verdicts.read_text().split("\n")[:-1]]
                tally.lost += len(heard - set(now))
                heard.update(now)
            return random_.randint(1, 10)

        with openai_server(lambda body: Reply(by_rule(body).text, delay_s=0.004)) as server:
            options = judge_options(server, "--judge-concurrency", IN_FLIGHT)
            before = tally.kills
            words = ("judge", "results/s", *options)
            left = size["judge"] - tally.kills
            tally.kills += until_finished(folder, server, words, more, left)
            asked = len(server.requests)
        given = [json.loads(line)["id"] for line in verdicts.read_text().splitlines()]
        tally.doubled += len(given) - len(set(given))
        tally.lost += len(expected.keys() - set(given))
        # Only calls in flight at a kill can have been repeated.
        assert asked <= len(expected) + IN_FLIGHT * (tally.kills - before)
    assert (tally.lost, tally.doubled) == (0, 0)
