"""Every kind of request through the real engine, up to a scored run directory."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import pytest

from instit_bench.resources import demo_data
from tests.finished_run import Run, read_jsonl
from tests.vllm.processes import key_of_engine

pytestmark = pytest.mark.vllm
ALL = ("inst_it_image_mc", "inst_it_image_oe", "inst_it_video_mc", "inst_it_video_oe")


@dataclass(frozen=True)
class Seen(Run):
    """A run with the engine's key and the requests that the engine received."""

    key: str
    asked: list

    def requests(self):
        """Return the images of each request."""
        bodies = (line["body"] for line in self.asked)
        contents = (m["content"] for body in bodies for m in body["messages"])
        lists = (content for content in contents if isinstance(content, list))
        return [[part for part in parts if part["type"] == "image_url"] for parts in lists]

    def urls(self):
        """Return the URLs of all images that were sent."""
        images = (image for request in self.requests() for image in request)
        return {image["image_url"]["url"] for image in images if image["image_url"]}


@pytest.fixture(scope="module")
def constrained(start, finish, models, tmp_path_factory):
    """Images and multi-frame videos, multiple choice restricted to the letters."""
    asked = tmp_path_factory.mktemp("asked") / "requests.jsonl"
    process = start(
        *(models / "vision", "--tasks", "inst_it_bench", "--constrain-choices"),
        *("--engine-arg", "middleware=tests.vllm.recorder.record"),
        name="c",
        RECORDED_REQUESTS=str(asked),
    )
    key = key_of_engine(process.pid)
    done = finish(process)
    assert done.code == 0, done.err
    return Seen(done.code, done.out, done.err, done.folder, key, read_jsonl(asked))


def test_images_and_frames_give_scored_predictions(constrained):
    for task in ALL:
        records = constrained.records(task)
        assert len(records) == 16
        assert {r["error"] for r in records} == {None}
        assert all(r["usage"]["prompt_tokens"] > 0 for r in records)
    frames = {r["cluster"]: len(r["media"]) for r in constrained.records("inst_it_video_mc")}
    assert frames["001"] == 12
    tokens = {r["cluster"]: r["usage"]["prompt_tokens"] for r in constrained.records(ALL[2])}
    pictures = {r["usage"]["prompt_tokens"] for r in constrained.records(ALL[0])}
    assert min(tokens.values()) > max(pictures), "several frames have more tokens than one image"


def test_constrained_choices_are_letters_and_marked_everywhere(constrained):
    for task in ("inst_it_image_mc", "inst_it_video_mc"):
        assert {r["prediction"] for r in constrained.records(task)} <= set("ABCD")
        assert constrained.results["tasks"][task]["coverage"] == 1.0
        assert "constrained" in constrained.results["tasks"][task]["marks"]
    assert "constrained" not in constrained.results["tasks"]["inst_it_image_oe"]["marks"]
    assert {len(r["prediction"]) for r in constrained.records("inst_it_image_oe")} != {1}
    assert constrained.load("manifest.json")["identity"]["constrain_choices"] is True
    assert "unlike the official protocol" in constrained.out


def test_each_image_is_sent_and_processed_once_for_all_its_questions(constrained):
    sent = {}
    for request in constrained.requests():
        names = tuple(image["uuid"] for image in request)
        sent.setdefault(names, []).append(sum(image["image_url"] is not None for image in request))
    assert len(sent) == 8 + 5
    assert {tuple(later) for _, *later in sent.values()} == {(0,) * 3, (0,) * 5, (0,) * 8}
    engine = constrained.results["engine"]
    assert engine["media_cache_queries"] == sum(len(names) * len(n) for names, n in sent.items())
    different = {name for names in sent for name in names}
    assert engine["media_cache_queries"] - engine["media_cache_hits"] == len(different)


def test_each_prompt_is_computed_once_up_to_where_its_question_begins(constrained):
    """Blocks of 128 tokens: what is left of the media's last block is computed again."""
    engine = constrained.results["engine"]
    for task in ALL[2:]:
        by_video = {}
        for record in constrained.records(task):
            by_video.setdefault(record["cluster"], []).append(record["usage"])
        for usages in by_video.values():
            computed = sorted(u["prompt_tokens"] - (u["cached_tokens"] or 0) for u in usages)
            assert sum(c > 300 for c in computed) <= 1, computed
    assert engine["prefix_cache_hits"] > 0.4 * engine["prefix_cache_queries"]


def test_the_last_lines_summarise_the_engine_s_work(constrained):
    engine = constrained.results["engine"]
    assert f"tokens: {engine['prompt_tokens']:,} prompt" in constrained.err
    for part in ("starting", "waiting", "working"):
        assert f"{engine[f'seconds_{part}']:.1f} {part}" in constrained.err
    assert engine["seconds_starting"] > 1
    assert engine["seconds_working"] > 0
    assert engine["starts"] == 1
    assert "engine: architecture Qwen2_5_VLForConditionalGeneration" in constrained.err


def test_the_command_and_version_are_recorded(constrained):
    settings = constrained.load("manifest.json")["settings"]["backend"]
    assert settings["command"][:2] == ["vllm", "serve"]
    assert "--limit-mm-per-prompt" in settings["command"]
    assert settings["vllm"]


def test_the_engine_s_key_authorises_every_request_and_is_never_recorded(constrained):
    assert len(constrained.key) > 30
    assert {line["authorization"] for line in constrained.asked} == {f"Bearer {constrained.key}"}
    assert constrained.key not in constrained.out + constrained.err
    files = [path for path in constrained.folder.rglob("*") if path.is_file()]
    assert len(files) > 5
    assert [path for path in files if constrained.key.encode() in path.read_bytes()] == []


def test_images_are_sent_by_path_and_only_frames_of_video_files_inline(constrained):
    media = demo_data() / "Inst-It-Bench"
    by_path = {url for url in constrained.urls() if url.startswith("file:")}
    inline = {url for url in constrained.urls() if url.startswith("data:")}
    assert by_path | inline == constrained.urls()
    assert by_path >= {path.resolve().as_uri() for path in (media / "images_vpt").iterdir()}
    assert (media / "videos_vpt/1/1.jpg").resolve().as_uri() in by_path
    files = {path.read_bytes() for path in media.rglob("*") if path.is_file()}
    assert inline, "the frames of a video file"
    assert not files & {base64.b64decode(url.partition(",")[2]) for url in inline}


def test_native_videos_from_folders_and_files(run, models):
    done = run(models / "vision", "--tasks", "inst_it_video_mc", "--video-as", "video", name="v")
    assert done.code == 0, done.err
    records = done.records("inst_it_video_mc")
    assert len(records) == 16
    assert {r["error"] for r in records} == {None}
    assert {len(r["media"]) for r in records} == {1}
    assert any(r["media"][0].endswith(".mp4") for r in records)
    command = done.load("manifest.json")["settings"]["backend"]["command"]
    limit = command[command.index("--limit-mm-per-prompt") + 1]
    assert limit == '{"image": 0, "video": 1}'
    assert done.load("manifest.json")["identity"]["video_as"] == "video"


# A random model hardly ever ends its replies.
RAW = ("--tasks", "gpt4tools", "--limit", 6, "--prompt-style", "raw", "--max-tokens", 64)


@pytest.fixture(scope="module")
def raw(run, models):
    """A base model without a chat template, completing the bare text."""
    return run(models / "base", *RAW, "--logprobs", name="raw")


def test_a_base_model_completes_plain_text(raw):
    assert raw.code == 0, raw.err
    for task in ("gpt4tools_seen", "gpt4tools_unseen"):
        assert {r["error"] for r in raw.records(task)} == {None}
        assert raw.results["tasks"][task]["coverage"] == 1.0
        for record in raw.records(task):
            tokens, count = record["tokens"], record["usage"]["completion_tokens"]
            assert len(tokens["texts"]) == len(tokens["logprobs"]) == len(tokens["ids"]) == count
            assert tokens["prompt"], "--logprobs of an engine of one's own"
    assert raw.results["engine"]["cached_tokens"] > 0, "prompts share their beginning"


def test_an_adapter_changes_the_predictions(run, models, raw):
    done = run(models / "base", *RAW, "--lora", f"gpt4tools={models / 'lora'}", name="lora")
    assert done.code == 0, done.err
    replies = [
        {r["id"]: r["prediction"] for r in which.records("gpt4tools_seen")} for which in (raw, done)
    ]
    assert replies[0].keys() == replies[1].keys()
    assert replies[0] != replies[1]
    assert done.load("manifest.json")["identity"]["lora"].startswith("gpt4tools=")
