"""From records to samples and requests, with the benchmark's own message formats."""

from __future__ import annotations

from pathlib import Path

import pytest

from instit_bench.datasets.prompts import PromptPair
from instit_bench.errors import InputError
from instit_bench.tasks.registry import load_registry
from instit_bench.types import GenerationParams, ImagePart, TextPart, VideoPart

ROOT = Path("/data")
MC = {
    "question_id": "007-02",
    "question": "What is [3] holding?",
    "answer": "C",
    "media_id": "007",
    "choice_a": "a cup",
    "choice_b": "a bag",
    "choice_c": "a ball",
    "choice_d": "nothing",
    "image": "images_vpt/007.jpg",
}
TOOL = {"id": 17, "instruction": "Use tools.\nNew input: go.", "output": "Thought: …"}


def task(name):
    return load_registry().tasks[name].with_official_prompt(PromptPair("PRE", "POST"))


def request_of(name, doc, style="chat"):
    chosen = task(name)
    (sample,) = chosen.samples([doc])
    return chosen.request(sample, GenerationParams(), style, ROOT)


def test_multiple_choice_puts_media_first_and_prompts_around_question_and_options():
    (message,) = request_of("inst_it_image_mc", MC).messages
    assert message.role == "user"
    assert message.parts == (
        ImagePart(path=ROOT / "images_vpt/007.jpg"),
        TextPart("PRE\nWhat is [3] holding?\nA. a cup\nB. a bag\nC. a ball\nD. nothing\nPOST"),
    )


def test_open_ended_puts_both_prompts_before_the_question():
    doc = {k: v for k, v in MC.items() if k != "image"} | {"video_path": "videos_vpt/7"}
    (message,) = request_of("inst_it_video_oe", doc).messages
    assert message.parts == (
        VideoPart(ROOT / "videos_vpt/7"),
        TextPart("PRE\nPOST\nWhat is [3] holding?"),
    )


def test_a_tool_prompt_starts_the_first_thought_for_chat_models_only():
    (chat,) = request_of("gpt4tools_seen", TOOL).messages
    assert (chat.role, chat.text) == (
        "system",
        "Use tools.\nNew input: go.\nThought: Do I need to use a tool? ",
    )
    raw = request_of("gpt4tools_seen", TOOL, "raw")
    assert raw.form == "raw"
    assert raw.messages[0].text == TOOL["instruction"]


def test_sampling_settings_follow_the_benchmark():
    inst_it, tools = task("inst_it_image_mc"), task("gpt4tools_unseen")
    assert inst_it.generation_params("chat") == GenerationParams(max_tokens=128, temperature=0.0)
    assert tools.generation_params("chat") == GenerationParams(max_tokens=None, temperature=0.0)
    limits = {"turbo": None, "raw": 512, "davinci": 400, "lora-v1": 512, "lora-v1.5": 512}
    for style, limit in limits.items():  # all of them greedy
        expected = GenerationParams(max_tokens=limit, temperature=0.0)
        assert tools.generation_params(style) == expected, style


def test_the_styles_of_a_task_are_checked_when_its_file_is_read(tmp_path):
    def styles(text):
        (tmp_path / "t.yaml").write_text(
            "task: t\ndataset_path: json\ndoc_to_target: answer\nmetric_list: [{metric: m}]\n"
            f"metadata: {{{text}}}\n"
        )
        return load_registry([tmp_path]).tasks["t"]

    own = styles("chat_style: terse, prompt_styles: {terse: {template: 'Q: {text}'}}")
    assert own.style_name("chat") == "terse"
    broken = {
        "{template: 'Q'}": r"prompt_styles.*must hold \{text\} once",
        "{form: chat, template: 'Q {text}'}": "takes no template",
        "{template: 'Q {text}', reply_start: 'A:'}": "must be the end of the template",
        "{templat: 'x'}": "prompt_styles.terse.templat' is not known",
    }
    for text, told in broken.items():
        with pytest.raises(InputError, match=told):
            styles(f"prompt_styles: {{terse: {text}}}")
    with pytest.raises(InputError, match="chat_style 'terse' is not one of prompt_styles"):
        styles("chat_style: terse")


def test_a_sample_keeps_the_benchmark_s_id_and_is_clustered_by_image():
    (sample,) = task("inst_it_image_mc").samples([MC])
    assert (sample.id, sample.cluster, sample.target) == ("007-02", "007", "C")
    assert sample.choices == ("a cup", "a bag", "a ball", "nothing")
    (tool,) = task("gpt4tools_seen").samples([TOOL])
    assert (tool.id, tool.target) == ("17", "Thought: …")


def test_our_wording_is_used_if_the_official_one_is_missing():
    own = load_registry().tasks["inst_it_video_mc"]
    assert own.prompt_origin == "own"
    assert own.with_official_prompt(PromptPair("a", "b")).prompt_origin == "official"
    assert load_registry().tasks["gpt4tools_seen"].prompt_origin == "dataset"


def test_a_missing_field_is_an_error_that_names_record_and_field():
    broken = {**MC, "question_id": "8"}
    del broken["choice_b"]
    with pytest.raises(InputError, match=r"record 2 \(id 8\): field 'choice_b' is missing"):
        list(task("inst_it_image_mc").samples([MC, broken]))


def test_a_duplicate_id_is_refused():
    with pytest.raises(InputError, match="id '007-02' is not unique"):
        list(task("inst_it_image_mc").samples([MC, MC]))


def test_a_plugin_may_return_images_in_other_forms(tmp_path):
    (tmp_path / "t.yaml").write_text(
        "task: t\ndataset_path: json\ndoc_to_visual: !function utils.visual\n"
        "doc_to_text: !function utils.text\ndoc_to_target: answer\n"
        "process_results: !function utils.score\n"
        "metric_list: [{metric: m}]\nlmms_eval_specific_kwargs: {default: {post: ' END'}}\n"
    )
    (tmp_path / "utils.py").write_text(
        "from PIL import Image\n"
        "def visual(doc):\n"
        "    return [Image.new('RGB', (2, 2)), 'x.png', b'raw', {'bytes': b'b'}, 'clip']\n"
        "def text(doc, lmms_eval_specific_kwargs=None):\n"
        "    return doc['question'] + lmms_eval_specific_kwargs['post']\n"
    )
    plugin = load_registry([tmp_path]).tasks["t"]
    (sample,) = plugin.samples([{"id": 1, "question": "Q", "answer": "A"}])
    parts = plugin.request(sample, GenerationParams(), "chat", ROOT).messages[0].parts
    assert parts[0].data.startswith(b"\x89PNG")
    assert parts[1:] == (
        ImagePart(path=ROOT / "x.png"),
        ImagePart(data=b"raw"),
        ImagePart(data=b"b"),
        VideoPart(ROOT / "clip"),
        TextPart("Q END"),
    )
