"""Small, readable prediction files and baseline files to compare."""

from __future__ import annotations

import json

TASK = "inst_it_video_mc"
QUESTIONS = ("What does [1] do at <2>?", "Who is behind [1] and [2]?", "What happens first?")


def predictions(videos=40, questions=10):
    """Return multiple-choice predictions in the upstream format, half of them right."""
    return [
        {
            "question_id": f"{video:03}-{number:02}",
            "question": QUESTIONS[number % 3],
            "model_prediction": "A" if number % 2 else "B",
            "ground_truth": "A",
            "split": "video",
        }
        for video in range(1, videos + 1)
        for number in range(1, questions + 1)
    ]


def worsened(rows, count):
    """Make the first right predictions wrong; return the rows and the changed ids."""
    right = [row["question_id"] for row in rows if row["model_prediction"] == row["ground_truth"]]
    changed = set(right[:count])
    wrong = {"A": "D", "B": "A", "C": "A", "D": "A"}
    return [
        row | {"model_prediction": wrong[row["ground_truth"]]}
        if row["question_id"] in changed
        else row
        for row in rows
    ], right[:count]


def score(cli, tmp_path, rows, name, *options):
    """Score predictions on the command line into ``results/<name>``."""
    file = tmp_path / f"{name}.json"
    file.write_text(json.dumps(rows))
    done = cli("score", file, "--task", TASK, "--name", name, *options)
    assert done.returncode == 0, done.stderr
    return f"results/{name}"


def task_scores(right, *, of=40, per_cluster=4, **changes):
    """Return one task of a baseline file, with the first ``right`` samples right."""
    samples = {
        f"{n // per_cluster:03}-{n % per_cluster:02}": {
            "cluster": f"{n // per_cluster:03}",
            "kind": "one object",
            "item": "0" * 12,
            "state": "scored",
            "scores": {"official_accuracy": float(n < right), "accuracy": float(n < right)},
        }
        for n in range(of)
    }
    return {
        "scorer": "choice",
        "metrics": ["official_accuracy", "accuracy"],
        "data_digest": "d",
        "prompt_digest": "p",
        "prompts": "official",
        "protocol": {"prompt_style": "chat", "temperature": 0.0, "max_frames": 32},
        "n_total": of,
        "samples": samples,
    } | changes


def write_run(tmp_path, name, **tasks):
    """Write a baseline file with these tasks."""
    values = {
        "format": "instit-bench scores 1",
        "name": name,
        "model": name,
        "backend": "openai",
        "data": "hub",
        "created": "2026-01-01T00:00:00+00:00",
        "tasks": tasks,
    }
    (tmp_path / f"{name}.json").write_text(json.dumps(values))
    return f"{name}.json"
