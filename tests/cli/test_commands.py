"""Commands that only print information."""

from __future__ import annotations

import instit_bench


def test_version_and_help(cli):
    assert cli("--version").stdout.strip() == f"instit-bench {instit_bench.__version__}"
    assert "leaderboard" in cli("--help").stdout
    assert cli().returncode == 2


def test_tasks_list_shows_tasks_and_groups(cli):
    shown = cli("tasks", "list").stdout
    for name in ("inst_it_video_oe", "gpt4tools_unseen", "inst_it_bench", "official_accuracy"):
        assert name in shown


def test_tasks_show_prints_the_first_request(cli):
    shown = cli("tasks", "show", "inst_it_video_mc", "--data", "demo").stdout
    assert shown.count("<image 360x240") == 12
    assert "A. " in shown
    assert "target: " in shown
    assert "prompts     own" in shown


def test_tasks_show_raw_prints_the_instruction_alone(cli):
    chat = cli("tasks", "show", "gpt4tools_seen", "--data", "demo").stdout
    raw = cli("tasks", "show", "gpt4tools_seen", "--data", "demo", "--prompt-style", "raw").stdout
    assert chat.count("Thought: Do I need to use a tool? \n---") == 1
    assert "Thought: Do I need to use a tool? \n---" not in raw
    assert "max_tokens=512 temperature=0.0" in raw
    assert "top_k=None" in raw


def test_tasks_show_with_official_prompts_and_an_image(cli, shared_data):
    record = shared_data / "inst_it/image_mc_record_sample.json"
    shown = cli("tasks", "show", "inst_it_image_mc", "--data", record).stdout
    assert "prompts     official" in shown
    assert "Based on the image, select the best answer" in shown
    assert "<image 960x" in shown
    assert "target: C" in shown
