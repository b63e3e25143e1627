"""``judge sheet`` and ``judge calibrate``, with scripted judges and scripted human scores."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import shutil
import statistics
from collections import Counter

import pytest

from tests.command_line import cli_in
from tests.judging.test_judging import TASK, judge_options, load
from tests.openai_server import Reply, openai_server

BIAS = 0.2


def human_score(prediction):
    """What humans would say: 0, 0.1 … 1, by the prediction alone."""
    return int(hashlib.sha256(prediction.encode()).hexdigest(), 16) % 11 / 10


def biased(prediction):
    """What the judge says: too much by ``BIAS``, and never more than 1."""
    return min(1.0, round(human_score(prediction) + BIAS, 1))


def judging(score):
    def answer(body):
        item = json.loads(body["messages"][0]["content"][1]["text"])
        return Reply(json.dumps({"sample_score": score(item["tester_response"])}))

    return answer


def predictions(path, count=120):
    rows = [
        {
            "question_id": f"{i // 3:03}-{i % 3:02}",
            "question": f"What does [{i}] do?",
            "model_prediction": f"It runs {i} times.",
            "ground_truth": f"[{i}] runs.",
            "split": "video",
        }
        for i in range(count)
    ]
    path.write_text(json.dumps(rows))
    return path


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """A run whose judge is biased."""
    folder = tmp_path_factory.mktemp("judged")
    file = predictions(folder / "p.json")
    with openai_server(judging(biased)) as server:
        done = cli_in(folder)("score", file, "--task", TASK, "--name", "r", *judge_options(server))
    assert done.returncode == 0, done.stderr
    return folder / "results/r"


@pytest.fixture
def run(judged, tmp_path):
    shutil.copytree(judged, tmp_path / "results/r")
    return tmp_path / "results/r"


def rows_of(path):
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8-sig"), newline="")))


def fill(path, rows=None, out="gold.csv", score=human_score):
    """Score the sheet as humans would."""
    rows = rows_of(path) if rows is None else rows
    for row in rows:
        row["score"] = row["score"] or str(score(row["prediction"]))
    gold = path.with_name(out)
    with gold.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return gold


@pytest.fixture
def sheet(cli, run):
    done = cli("judge", "sheet", run, "--n", "40", "--stratify", "--seed", "3")
    assert done.returncode == 0, done.stderr
    return run / "sheet.csv"


@pytest.fixture
def calibrated(cli, run, sheet):
    done = cli("judge", "calibrate", run, "--gold", fill(sheet))
    assert done.returncode == 0, done.stderr
    return done


class TestTheSheet:
    def test_it_is_blind_and_its_plan_has_the_probabilities(self, run, sheet):
        rows = rows_of(sheet)
        assert len(rows) == 40
        assert {row["score"] for row in rows} == {""}
        assert set(rows[0]) == {
            *("sample", "task", "question", "image", "target", "prediction", "score", "sheet")
        }
        (path,) = (run / "calibration/sheets").glob("*.json")
        plan = load(path)
        assert (path.stem, plan["seed"]) == (rows[0]["sheet"], 3)
        task = plan["tasks"][TASK]
        assert [drawn["id"] for drawn in task["drawn"]] == [
            row["sample"].removeprefix("'") for row in rows
        ]
        drawn = Counter(one["stratum"] for one in task["drawn"])
        for one in task["drawn"]:
            size = len(task["strata"][one["stratum"]])
            assert one["probability"] == pytest.approx(drawn[one["stratum"]] / size)
        assert len(task["strata"]) == 3

    def test_the_same_command_draws_the_same_sheet(self, cli, run, sheet):
        again = ("judge", "sheet", run, "--n", "40", "--stratify", "--seed", "3")
        assert cli(*again, "--output", "again.csv").returncode == 0
        assert (run.parents[1] / "again.csv").read_bytes() == sheet.read_bytes()

    def test_a_sheet_that_exists_is_not_overwritten(self, cli, run, sheet):
        before = sheet.read_bytes()
        done = cli("judge", "sheet", run)
        assert done.returncode == 2
        assert "may have human scores" in done.stderr
        assert sheet.read_bytes() == before

    @pytest.mark.parametrize(
        ("options", "told"),
        [(("--tasks", "gpt4*"), "no judged task has this name"), (("--n", "1"), "--n")],
        ids=str,
    )
    def test_what_cannot_be_drawn_is_refused(self, cli, run, options, told):
        done = cli("judge", "sheet", run, *options)
        assert done.returncode == 2
        assert told in done.stderr

    def test_a_run_without_a_judge_has_nothing_to_draw(self, cli, tmp_path):
        file = predictions(tmp_path / "p.json", 3)
        cli("score", file, "--task", TASK, "--name", "n")
        done = cli("judge", "sheet", "results/n")
        assert done.returncode == 2
        assert "judge the run first" in done.stderr


class TestTheCard:
    def test_it_finds_the_bias_and_the_score_that_humans_would_give(self, run, calibrated):
        card = load(run / f"calibration/{TASK}.json")
        texts = [f"It runs {i} times." for i in range(120)]
        bias = statistics.fmean(biased(text) - human_score(text) for text in texts)
        truth = statistics.fmean(map(human_score, texts))
        assert (card["n"], card["n_judged"], card["judge"]) == (40, 120, "openai:j")
        assert card["bias"]["ci95"][0] <= bias <= card["bias"]["ci95"][1]
        assert card["error"]["value"] == pytest.approx(card["bias"]["value"])
        assert card["corrected"]["ci95"][0] <= truth <= card["corrected"]["ci95"][1]
        assert card["corrected"]["value"] == pytest.approx(card["score"] - card["bias"]["value"])
        assert abs(card["corrected"]["value"] - truth) < abs(card["score"] - truth) / 3
        assert f"{100 * card['corrected']['value']:.1f} (" in calibrated.stdout

    def test_leaderboard_and_report_show_it(self, cli, run, calibrated):
        card = load(run / f"calibration/{TASK}.json")
        corrected = f"{100 * card['corrected']['value']:.1f}"
        board = cli("leaderboard", run, "--html", "b.html", "--markdown", "b.md", "--csv", "b.csv")
        cli("report", run, "--output", "r.html")
        assert f"{corrected} FH" in board.stdout
        assert f"bias {100 * card['bias']['value']:+.1f}" in " ".join(board.stdout.split())
        for name in ("b.html", "r.html", "b.md"):
            assert f"corrected {corrected}" in (run.parents[1] / name).read_text()
        (row,) = csv.DictReader((run.parents[1] / "b.csv").open())
        assert float(row[f"{TASK}_corrected"]) == pytest.approx(100 * card["corrected"]["value"])

    def test_another_judge_makes_it_not_applicable_until_calibrated_again(
        self, cli, run, calibrated
    ):
        with openai_server(judging(human_score)) as server:
            options = ("--judge", "openai:b", "--judge-base-url", server.base_url)
            assert cli("judge", run, *options).returncode == 0
        board = cli("leaderboard", run)
        told = " ".join(board.stdout.split())
        assert "does not apply: it is about openai:j, and openai:b gave the scores" in told
        assert "FH" not in board.stdout
        again = cli("judge", "calibrate", run, "--gold", run / "gold.csv")
        assert again.returncode == 0, again.stderr
        card = load(run / f"calibration/{TASK}.json")
        assert (card["judge"], card["bias"]["value"], card["kappa"]) == ("openai:b", 0, 1)
        assert "FH" in cli("leaderboard", run).stdout

    def test_a_sheet_of_a_half_judged_run_does_not_speak_for_what_was_judged_later(
        self, cli, tmp_path
    ):
        def half(body):
            text = json.loads(body["messages"][0]["content"][1]["text"])["tester_response"]
            return Reply("no") if "3 times" in text else judging(biased)(body)

        file = predictions(tmp_path / "p.json", 60)
        with openai_server(half) as server:
            options = judge_options(server, "--judge-attempts", 1)
            cli("score", file, "--task", TASK, "--name", "h", *options)
        cli("judge", "sheet", "results/h", "--n", "40")
        gold = fill(tmp_path / "results/h/sheet.csv")
        with openai_server(judging(biased)) as server:
            assert cli("judge", "results/h", *judge_options(server)).returncode == 0
        done = cli("judge", "calibrate", "results/h", "--gold", gold)
        assert "it is about 54 of the 60 samples that are judged now" in done.stderr
        assert "FH" not in cli("leaderboard", "results/h").stdout

    def test_runs_merged_keep_sheets_and_cards(self, cli, run, calibrated):
        shutil.copytree(run, run.with_name("s"))
        part = run / f"samples/{TASK}.jsonl"
        other = run.with_name("s") / part.relative_to(run)
        rows = part.read_text().splitlines(keepends=True)
        part.write_text("".join(rows[:60]))
        other.write_text("".join(rows[60:]))
        assert cli("runs", "merge", run, run.with_name("s"), "--name", "m").returncode == 0
        again = cli("judge", "calibrate", "results/m", "--gold", run / "gold.csv")
        assert again.returncode == 0, again.stderr
        assert again.stdout == calibrated.stdout

    def test_a_broken_card_is_one_error(self, cli, run, calibrated):
        (run / f"calibration/{TASK}.json").write_text("{}")
        done = cli("leaderboard", run)
        assert done.returncode == 2
        assert "is not a valid judge card" in done.stderr

    def test_a_partly_filled_sheet_counts_what_is_filled(self, cli, run, sheet):
        gold = fill(sheet, rows_of(sheet)[:25])
        assert cli("judge", "calibrate", run, "--gold", gold).returncode == 0
        assert load(run / f"calibration/{TASK}.json")["n"] == 25

    def test_right_or_wrong_verdicts_get_rogan_and_gladens_share(self, cli, tmp_path):
        def right(text):
            return float(human_score(text) >= 0.5)

        def lenient(text):
            return float(human_score(text) >= 0.3)

        file = predictions(tmp_path / "p.json")
        with openai_server(judging(lenient)) as server:
            cli("score", file, "--task", TASK, "--name", "b", *judge_options(server))
        cli("judge", "sheet", "results/b", "--n", "50", "--stratify")
        gold = fill(tmp_path / "results/b/sheet.csv", score=right)
        done = cli("judge", "calibrate", "results/b", "--gold", gold, "--tune")
        assert done.returncode == 0, done.stderr
        card = load(tmp_path / f"results/b/calibration/{TASK}.json")
        truth = statistics.fmean(right(f"It runs {i} times.") for i in range(120))
        low, high = card["binary"]["corrected"]["ci95"]
        assert low <= truth <= high
        assert card["binary"]["sensitivity"] == 1
        assert "Rogan-Gladen" in done.stdout


def unknown(rows):
    rows[4]["sample"] = "999-01"


def another_prediction(rows):
    rows[4]["prediction"] = "Nothing like it."


def another_sheet(rows):
    rows[4]["sheet"] = "00000000"


def another_task(rows):
    rows[4]["task"] = "inst_it_image_oe"


def twice(rows):
    rows.append(dict(rows[4]))


def too_large(rows):
    rows[4]["score"] = "7"


def only_one(rows):
    del rows[1:]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (unknown, "row 6: field 'sample': '999-01' is not a sample"),
        (another_prediction, "row 6: field 'prediction': is not the prediction for sample"),
        (another_sheet, "row 6: field 'sheet': 00000000 was not drawn from"),
        (another_task, "row 6: field 'task': 'inst_it_image_oe' is not a task of the sheet"),
        (twice, "row 42: sample"),
        (too_large, "field 'score' must be a number from 0 to 1, not '7'"),
        (only_one, "1 human scores are too few; score more of the sheet, among others"),
    ],
)
def test_a_sheet_that_does_not_fit_is_refused_and_no_card_is_written(cli, run, sheet, change, told):
    rows = rows_of(sheet)
    change(rows)
    done = cli("judge", "calibrate", run, "--gold", fill(sheet, rows))
    assert done.returncode == 2
    assert done.stderr.count("instit-bench: error:") == 1
    assert told in done.stderr
    assert not (run / f"calibration/{TASK}.json").exists()


def test_a_prediction_that_has_changed_since_is_refused(cli, run, sheet):
    gold = fill(sheet)
    sample = rows_of(sheet)[0]["sample"].removeprefix("'")
    journal = run / f"samples/{TASK}.jsonl"
    lines = journal.read_text().splitlines()
    changed = [
        line.replace("It runs", "It walks") if json.loads(line)["id"] == sample else line
        for line in lines
    ]
    assert changed != lines
    journal.write_text("\n".join(changed) + "\n")
    done = cli("judge", "calibrate", run, "--gold", gold)
    assert done.returncode == 2
    assert f"prediction for {sample} (or its question or target) has changed" in done.stderr


def test_a_tuned_weight_takes_fifty_human_scores(cli, run, sheet):
    done = cli("judge", "calibrate", run, "--gold", fill(sheet), "--tune")
    assert done.returncode == 2
    assert "has 40 human scores; it takes 50" in done.stderr


def policy(tmp_path, rules):
    path = tmp_path / "checks.yaml"
    path.write_text(
        "defaults: {max_drop: null}\n"
        f"tasks: {{{TASK}: {{metrics: {{official_score: {{corrected: true, {rules}}}}}}}}}\n"
    )
    return ("--policy", path)


class TestChecks:
    @pytest.mark.parametrize(
        ("rules", "code", "told"),
        [
            ("min_value: 0.3", 0, "40 human scores: 0."),
            # The judge's own mean is above it, and the corrected score below.
            ("min_value: 0.63, gate: mean", 1, "40 human scores: 0."),
            ("max_value: 0.3", 1, "40 human scores: 0."),
        ],
    )
    def test_bounds_apply_to_the_corrected_score(
        self, cli, tmp_path, run, calibrated, rules, code, told
    ):
        done = cli("check", run, *policy(tmp_path, rules))
        assert done.returncode == code, done.stdout
        assert told in done.stdout

    def test_without_a_card_the_rule_is_undecided(self, cli, tmp_path, run):
        done = cli("check", run, *policy(tmp_path, "min_value: 0.3"))
        assert done.returncode == 3
        assert "no judge card" in done.stdout

    def test_a_drop_is_that_of_the_corrected_scores_also_from_a_baseline_file(
        self, cli, tmp_path, run, calibrated
    ):
        worse = tmp_path / "results/worse"
        shutil.copytree(run, worse)
        cli("baseline", "save", run)
        assert "corrected" in load(tmp_path / "results/baselines/r.json")["tasks"][TASK]
        rows = [row | {"score": ""} for row in rows_of(run / "gold.csv")]
        gold = fill(worse / "sheet.csv", rows, score=lambda _: 0.1)
        cli("judge", "calibrate", worse, "--gold", gold)
        against = ("--baseline", "results/baselines/r.json")
        done = cli("check", worse, *against, *policy(tmp_path, "max_drop: 0.02"))
        assert done.returncode == 1, done.stdout
        done = cli("check", run, *against, *policy(tmp_path, "max_drop: 0.02"))
        assert done.returncode == 0, done.stdout


def test_real_predictions_are_corrected_to_what_humans_would_say(cli, tmp_path, shared_data):
    file = shared_data / "inst_it/video_oe_inference.json"
    with openai_server(judging(biased)) as server:
        cli("score", file, "--task", TASK, "--name", "s", *judge_options(server))
    done = cli("judge", "sheet", "results/s", "--n", "60", "--stratify")
    assert done.returncode == 0, done.stderr
    gold = fill(tmp_path / "results/s/sheet.csv")
    done = cli("judge", "calibrate", "results/s", "--gold", gold)
    assert done.returncode == 0, done.stderr
    card = load(tmp_path / f"results/s/calibration/{TASK}.json")
    texts = [row["model_prediction"] for row in json.loads(file.read_text())]
    truth = statistics.fmean(map(human_score, texts))
    bias = statistics.fmean(biased(text) - human_score(text) for text in texts)
    assert (card["n"], card["n_judged"]) == (60, 1001)
    assert card["corrected"]["ci95"][0] <= truth <= card["corrected"]["ci95"][1]
    assert not card["corrected"]["ci95"][0] <= card["score"] <= card["corrected"]["ci95"][1]
    assert card["bias"]["ci95"][0] <= bias <= card["bias"]["ci95"][1]
