"""The benchmarks' own metrics, from real-world files and endpoints.

The expected values for whole files come from the benchmarks' own evaluators on the same files.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.openai_server import Reply, openai_server

THOUGHT = "Thought: Do I need to use a tool? "
PERFECT = 0.995398773006135
OFFICIAL = ("sr_thought", "sr_action", "sr_args", "sr", "iou")
DEMO = ("--backend", "openai", "--data", "demo", "--model", "m", "--name", "r")


@dataclass(frozen=True)
class Split:
    """Real records and their file."""

    path: Path
    records: list[dict[str, Any]]


@pytest.fixture
def unseen(shared_data):
    path = shared_data / "gpt4tools/gpt4tools_test_unseen.json"
    return Split(path, json.loads(path.read_text()))


@pytest.fixture
def part(unseen, tmp_path):
    """111 records: every sixth, and the three with an empty input."""
    records = [r for i, r in enumerate(unseen.records) if i % 6 == 0 or r["id"] in (52, 191, 402)]
    path = tmp_path / "part.json"
    path.write_text(json.dumps(records))
    return Split(path, records)


@pytest.fixture
def scored(cli, tmp_path):
    """Return a function that scores records as a file and returns the task's results."""

    def score(rows, task, *options):
        file = tmp_path / "p.json"
        file.write_text(json.dumps(rows))
        done = cli("score", file, "--task", task, "--name", "s", *options)
        assert done.returncode == 0, done.stderr
        result = json.loads((tmp_path / "results/s/results.json").read_text())["tasks"][task]
        assert all(note in done.stdout.replace("\n", " ") for note in result["notes"])
        return result

    return score


def values(result):
    return {name: metric["value"] for name, metric in result["metrics"].items()}


ECHOES = {
    "exact": lambda p, reply: p + reply,
    "a first token": lambda p, reply: "<s>" + p + reply,
    "a first token and a space": lambda p, reply: "<s> " + p + reply,
    "a leading space": lambda p, reply: " " + p + reply,
    "a role": lambda p, reply: "USER: " + p + reply,
    "CRLF": lambda p, reply: (p + reply).replace("\n", "\r\n"),
    "CRLF in the prompt alone": lambda p, reply: p.replace("\n", "\r\n") + reply,
    "the v1 template": lambda p, reply: f"{p}\n### ASSISTANT:\n{reply}",
    "the v1 template with tokens": lambda p, reply: f"<s> {p}\n### ASSISTANT:\n{reply}</s>",
    "the v1.5 template": lambda p, reply: f"USER: {p}ASSISTANT: {reply}",
    "a system message": lambda p, reply: f"A chat. USER: {p} ASSISTANT: {reply}</s>",
    "a stripped prompt": lambda p, reply: f"{p.strip()}\n{reply}",
    "several outputs": lambda p, reply: [p + reply, "another"],
}


CUT = (
    "the prompt's length was cut off the front of every output, as the evaluator for open models "
    "does"
)


def echoing(split, echo):
    return [{"id": r["id"], "output": echo(r["instruction"], r["output"])} for r in split.records]


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
def test_outputs_that_repeat_the_prompt_score_as_upstream(scored, part, echo):
    result = scored(echoing(part, echo), "gpt4tools_unseen", "--data", part.path)
    found = values(result)
    assert [found[name] for name in OFFICIAL] == pytest.approx(
        [1, 1, 0.9729729728432576, 108 / 111, 0.9909909909477526], abs=1e-12
    )
    assert (found["strict_sr"], found["format_error_rate"]) == (1.0, 0.0)
    assert result["notes"] == [f"111 of 111 outputs repeat their prompt: {CUT}"]


def test_the_whole_split_gives_the_reference_figures(scored, unseen):
    rows = echoing(unseen, ECHOES["a first token"])
    result = scored(rows, "gpt4tools_unseen", "--data", unseen.path)
    assert [values(result)[name] for name in OFFICIAL] == pytest.approx(
        [1, 1, 0.995398772834773, PERFECT, 0.998466257611591], abs=1e-12
    )
    assert result["notes"] == [f"652 of 652 outputs repeat their prompt: {CUT}"]


@pytest.mark.parametrize(
    ("repeats", "figures", "said"),
    [
        (
            lambda _: False,
            [1, 1, 0.9729729728432576, 0.972972972972973, 0.9909909909477526],
            "0 of 111 outputs repeat their prompt: no prompt was cut off the outputs, as in the "
            "evaluator for GPT",
        ),
        # Outputs without a prompt are also cut by the prompt's length, which leaves nothing.
        (
            lambda i: i % 3 > 0,
            [0.6666666666666666, 0.6666666666666666, 0.6666666665865008, 0.6666666666666666,
             0.6666666666399448],
            f"74 of 111 outputs repeat their prompt: {CUT}",
        ),
        # If nothing is cut, the repeated prompts are read as part of the replies.
        (
            lambda i: i % 3 == 0,
            [0.7454954954954955, 0.6666666666666666, 0.6666666665865008, 0.6666666666666666,
             0.7717717717450497],
            "37 of 111 outputs repeat their prompt: no prompt was cut off",
        ),
        (
            lambda i: i % 2 == 1,
            [0.6193693693693694, 0.5045045045045045, 0.5045045044264265, 0.5045045045045045,
             0.6576576576316315],
            "55 of 111 outputs repeat their prompt: no prompt was cut off",
        ),
    ],
    ids=["none", "most", "few", "not quite half"],
)  # fmt: skip
def test_one_rule_applies_to_the_whole_file(scored, part, repeats, figures, said):
    rows = [
        {"id": r["id"], "output": (r["instruction"] if repeats(i) else "") + r["output"]}
        for i, r in enumerate(part.records)
    ]
    result = scored(rows, "gpt4tools_unseen", "--data", part.path)
    found = values(result)
    assert [found[name] for name in OFFICIAL] == pytest.approx(figures, abs=1e-12)
    assert found["strict_sr"] == 1.0  # a repeated prompt is not part of the reply
    assert result["notes"][0].startswith(said)


def test_a_prompt_without_its_first_character_cuts_one_off_the_reply_officially(scored, part):
    rows = echoing(part, lambda p, reply: p.strip() + reply)
    found = values(scored(rows, "gpt4tools_unseen", "--data", part.path))
    assert [found[name] for name in OFFICIAL] == pytest.approx(
        [0, 0.9279279279279279, 0.9009009007711855, 0, 0.6096096095663711], abs=1e-12
    )
    assert found["strict_sr"] == 1.0


def test_numbers_survive_the_journal_and_the_export(cli, scored, part, tmp_path):
    rows = [
        {"id": r["id"], "output": "<s>" * (i % 2) + r["instruction"] * (i % 5 > 0) + r["output"]}
        for i, r in enumerate(part.records)
    ]
    data = ("--task", "gpt4tools_unseen", "--data", part.path)
    first = values(scored(rows, "gpt4tools_unseen", "--data", part.path))
    cli("export", "results/s", "--format", "official", "--output", "out")
    cli("score", "results/s/samples/gpt4tools_unseen.jsonl", *data, "--name", "journal")
    cli("score", "out/gpt4tools_unseen/gpt4tools_unseen_0.json", *data, "--name", "export")
    assert values(load_task(tmp_path / "results/journal", "gpt4tools_unseen")) == first
    exported = values(load_task(tmp_path / "results/export", "gpt4tools_unseen"))
    assert {name: exported[name] for name in OFFICIAL} == {name: first[name] for name in OFFICIAL}


def load_task(run, task):
    return json.loads((run / "results.json").read_text())["tasks"][task]


def test_every_record_of_a_duplicate_question_counts_officially(cli, scored, shared_data, tmp_path):
    rows = json.loads((shared_data / "inst_it/video_mc_inference.json").read_text())
    right = [r for r in rows if r["model_prediction"].strip() == r["ground_truth"]][:4]
    other = [r | {"model_prediction": "D", "ground_truth": "D"} for r in rows[:4]]
    result = scored([*right, *rows, *other], "inst_it_video_mc")
    metrics = result["metrics"]
    assert metrics["official_accuracy"]["n"] == 1009
    assert metrics["official_accuracy"]["value"] == pytest.approx(0.4331020812685827, abs=1e-12)
    assert metrics["accuracy"]["n"] == 1001  # in strict scoring a question counts once
    assert "officially every one" in result["notes"][0]
    assert (result["n_total"], result["coverage"]) == (1009, 1.0)
    cli("export", "results/s", "--format", "official", "--output", "out")
    for file in ("out/video_mc_inference.json", "results/s/samples/inst_it_video_mc.jsonl"):
        done = cli("score", file, "--task", "inst_it_video_mc", "--name", "again")
        assert done.returncode == 0, done.stderr
        again = load_task(tmp_path / "results/again", "inst_it_video_mc")["metrics"]
        assert again["official_accuracy"]["value"] == metrics["official_accuracy"]["value"]
        assert again["accuracy"] == metrics["accuracy"]


def test_duplicate_tool_replies_count_as_in_the_matching_evaluator(scored, part):
    wrong = [{"id": r["id"], "output": "Thought: ?"} for r in part.records[:20]]
    for_gpt = [*wrong, *echoing(part, lambda _, reply: reply)]
    for_open = [*wrong, *echoing(part, ECHOES["exact"])]
    data = ("gpt4tools_unseen", "--data", part.path)
    for rows, n, sr in ((for_gpt, 131, 0.8244274809160306), (for_open, 111, 0.972972972972973)):
        metric = scored(rows, *data)["metrics"]["sr"]
        assert metric["n"] == n
        assert metric["value"] == pytest.approx(sr, abs=1e-12)


def test_trailing_nul_characters_are_ignored_as_upstream_does(scored, part):
    def spoilt(old, new):
        rows = echoing(part, lambda _, reply: reply.replace(old, new))
        found = values(scored(rows, "gpt4tools_unseen", "--data", part.path))
        return [found[name] for name in OFFICIAL]

    perfect = [1, 1, 0.9729729728432576, 0.972972972972973, 0.9909909909477526]
    assert spoilt("Yes\n", "Yes\0\n") == pytest.approx(perfect, abs=1e-12)
    assert spoilt("\nAction Input", "\0\0\nAction Input") == pytest.approx(perfect, abs=1e-12)
    # Upstream compares "No" in plain Python, which does not ignore NULs.
    assert spoilt("No\n", "No\0\n") == pytest.approx(
        [0.46396396396396394, 0.9279279279279279, 0.9009009007711855, 0, 0.9909909909477526],
        abs=1e-12,
    )


STYLES = {
    "chat": ("chat/completions", {"temperature": 0.0}, "{}\n" + THOUGHT),
    "turbo": ("chat/completions", {"temperature": 0.0}, "{}\n" + THOUGHT),
    "raw": ("completions", {"temperature": 0.0, "max_tokens": 512}, "{}"),
    "davinci": ("completions", {"temperature": 0.0, "max_tokens": 400}, "{}\n" + THOUGHT),
    "lora-v1": ("completions", {"temperature": 0.0, "max_tokens": 512}, "{}\n### ASSISTANT:\n"),
    "lora-v1.5": ("completions", {"temperature": 0.0, "max_tokens": 512}, "USER: {}ASSISTANT: "),
}


@pytest.mark.parametrize("style", STYLES)
def test_each_prompt_style_sends_what_upstream_sends(cli, tmp_path, style):
    path, settings, prompt = STYLES[style]
    with openai_server(lambda _: Reply("No\nAI: hi")) as server:
        done = cli(
            "run", *DEMO, "--tasks", "gpt4tools_unseen", "--base-url", server.base_url,
            "--prompt-style", style, "--limit", 1,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (record,) = read_journal(tmp_path / "results/r")
    text = prompt.replace("{}", record["question"])
    asked = (
        {"messages": [{"role": "system", "content": text}]}
        if path.startswith("chat")
        else {"prompt": text}
    )
    assert server.paths == [f"/v1/{path}"]
    assert server.requests == [{"model": "m", "seed": 0} | settings | asked]
    manifest = json.loads((tmp_path / "results/r/manifest.json").read_text())
    assert manifest["identity"]["prompt_style"] == style
    task = manifest["tasks"]["gpt4tools_unseen"]
    assert task["style"] == ("turbo" if style == "chat" else style)
    assert task["generation"]["max_tokens"] == settings.get("max_tokens")
    marks = {"raw": "text-prompt", "davinci": "text-prompt", "chat": None, "turbo": None}
    expected = {marks.get(style, "lora-template")} - {None}
    found = set(load_task(tmp_path / "results/r", "gpt4tools_unseen")["marks"])
    assert found == expected | {"demo", "limited"}


def read_journal(run, task="gpt4tools_unseen"):
    return [json.loads(line) for line in (run / f"samples/{task}.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("style", [style for style in STYLES if style != "chat"])
def test_correct_continuations_score_like_the_targets(cli, unseen, tmp_path, style):
    targets = {r["instruction"].strip(): r["output"] for r in unseen.records}
    before, after = STYLES[style][2].split("{}")

    def answer(body):
        asked = body["messages"][0]["content"] if "messages" in body else body["prompt"]
        assert asked.startswith(before)
        assert asked.endswith(after)
        prompt = asked[len(before) : len(asked) - len(after)]
        target = targets[prompt.strip()]
        if style == "davinci":
            return Reply(" " + target.removeprefix(THOUGHT))  # continues, and is stripped
        if style.startswith("lora-"):
            return Reply(target + "</s>")
        return Reply(target)

    with openai_server(answer) as server:
        done = cli(
            "run", "--backend", "openai", "--model", "m", "--name", "r", "--data", unseen.path,
            "--tasks", "gpt4tools_unseen", "--base-url", server.base_url,
            "--prompt-style", style,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = values(load_task(tmp_path / "results/r", "gpt4tools_unseen"))
    assert found["sr"] == pytest.approx(PERFECT, abs=1e-12)
    assert found["strict_sr"] == 1.0
    assert all(
        record["prediction"].strip() == record["target"].strip()
        for record in read_journal(tmp_path / "results/r")
    )


def test_a_repeated_opening_thought_fails_as_upstream(cli, tmp_path):
    gold = THOUGHT + "No\nAI: hi"
    with openai_server(lambda _: Reply(gold)) as server:
        cli("run", *DEMO, "--tasks", "gpt4tools_unseen", "--base-url", server.base_url,
            "--prompt-style", "davinci", "--limit", 1)  # fmt: skip
    (record,) = read_journal(tmp_path / "results/r")
    assert record["prediction"] == THOUGHT + gold
    assert record["scores"]["sr"] == 0.0


def test_the_targets_score_the_same_in_every_style(cli, tmp_path):
    for style in ("turbo", "davinci", "lora-v1.5"):
        done = cli("run", "--model", "echo-gold", "--backend", "baseline", "--data", "demo",
                   "--tasks", "gpt4tools_unseen", "--prompt-style", style,
                   "--name", style)  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = values(load_task(tmp_path / f"results/{style}", "gpt4tools_unseen"))
        # One target has an empty input, which no reply can match officially.
        assert (found["sr"], found["strict_sr"]) == (pytest.approx(23 / 24), 1.0), style


def test_settings_are_marked_unless_they_are_the_benchmark_s(cli, tmp_path):
    options = ("run", "--model", "first", "--backend", "baseline", "--data", "demo", "--limit", 1)
    tasks = ("--tasks", "gpt4tools_unseen,inst_it_image_mc")
    cli(*options, *tasks, "--temperature", 0, "--name", "same")
    cli(*options, *tasks, "--max-tokens", 128, "--name", "other")
    marks = {
        (run, task): "own-settings" in load_task(tmp_path / f"results/{run}", task)["marks"]
        for run in ("same", "other")
        for task in ("gpt4tools_unseen", "inst_it_image_mc")
    }
    assert [name for name, marked in marks.items() if marked] == [("other", "gpt4tools_unseen")]


@pytest.mark.parametrize("style", ["turbo", "davinci", "lora-v1.5", "xml"])
def test_a_style_that_the_task_lacks_is_refused(cli, style):
    done = cli("run", *DEMO, "--tasks", "inst_it_image_mc", "--prompt-style", style)
    assert done.returncode == 2
    assert f"--prompt-style {style}: task inst_it_image_mc has no such style" in done.stderr
    assert "choose chat, or name other tasks with --tasks" in done.stderr


def test_lmms_eval_models_use_only_their_own_templates(cli):
    done = cli("run", "--backend", "lmms-eval", "--model", "llava", "--data", "demo",
               "--tasks", "gpt4tools_unseen", "--prompt-style", "lora-v1")  # fmt: skip
    assert done.returncode == 2
    assert "--prompt-style lora-v1" in done.stderr
