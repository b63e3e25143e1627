"""A few predictions, some of them unread, and a judge that names their letters."""

from __future__ import annotations

import json
import shutil

from tests.judging.test_judging import lines, load
from tests.openai_server import Reply

TASK = "inst_it_video_mc"
TORN = "Either A or B, it is hard to say: number {}."
# Target, prediction, and what the judge makes of it if it is asked.
PREDICTIONS = {
    "001-01": ("B", "B", None),
    "001-02": ("C", "The answer is A.", None),
    "002-01": ("C", TORN.format(3), "C"),
    "002-02": ("B", TORN.format(4), "A"),
    "003-01": ("D", TORN.format(5), "none"),
    "003-02": ("A", "", None),
    "004-01": ("A", "<think>It is A, I", None),
}
ASKED = [name for name, (_, _, letter) in PREDICTIONS.items() if letter]


def prediction_file(tmp_path, predictions=PREDICTIONS):
    rows = [
        {
            "question_id": name,
            "question": f"What does [{index}] do?",
            "model_prediction": prediction,
            "ground_truth": target,
            "split": "video",
        }
        for index, (name, (target, prediction, _)) in enumerate(predictions.items())
    ]
    path = tmp_path / "p.json"
    path.write_text(json.dumps(rows))
    return path


def asked_about(body):
    """What the judge is shown of one sample."""
    return json.loads(body["messages"][0]["content"][1]["text"])


def letter_for(body, predictions=PREDICTIONS):
    reply = asked_about(body)["reply"]
    return next(letter for _, text, letter in predictions.values() if text == reply)


def reads(body):
    return Reply(json.dumps({"letter": letter_for(body)}))


def extract_with(server, *more, judge="openai:x"):
    return ["--extract-with", judge, "--judge-base-url", server.base_url, *map(str, more)]


def score(cli, tmp_path, *options, name="s", **env):
    return cli(
        *("score", prediction_file(tmp_path), "--task", TASK, "--name", name, *options), **env
    )


def records_of(run):
    return {record["id"]: record for record in lines(run / f"samples/{TASK}.jsonl")}


def task_of(run):
    return load(run / "results.json")["tasks"][TASK]


def copy_of(run, tmp_path):
    return shutil.copytree(run, tmp_path / "results" / run.name)
