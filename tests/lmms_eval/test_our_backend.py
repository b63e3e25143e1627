"""Our backends as models of lmms-eval, with its real command line and a real server."""

from __future__ import annotations

import base64
import json
from collections import Counter
from pathlib import Path
from shutil import copy
from types import SimpleNamespace

import pytest

from tests.command_line import REPOSITORY
from tests.lmms_eval.conftest import TASKS, LmmsRun
from tests.openai_server import Reply, openai_server

pytestmark = pytest.mark.lmms_eval

DEMO = REPOSITORY / "instit_bench/datasets/demo/Inst-It-Bench"
KEY = "sk-nobody-may-read-this"
N_REQUESTS = 112


@pytest.fixture(scope="module")
def asked(lmms_eval, replies):
    """A run of all six tasks with ``instit_bench_openai``, and the server."""
    by_prompt = json.loads(replies.file.read_text())

    def answer(body):
        return Reply(by_prompt[text_of(body["messages"])], delay_s=0.05)

    with openai_server(answer) as server:
        run = lmms_eval(
            *("--model_args", f"model=m,base_url={server.base_url},concurrency=8"),
            model="instit_bench_openai",
            INSTIT_BENCH_JUDGE="lexical",
            OPENAI_API_KEY=KEY,
        )
    assert run.code == 0, run.err
    return run, server


def text_of(messages):
    (message,) = messages
    if isinstance(message["content"], str):
        return message["content"]
    return "\n".join(part["text"] for part in message["content"] if part["type"] == "text")


@pytest.mark.parametrize("task", TASKS)
def test_every_metric_is_the_same_to_1e_9(asked, ours, task):
    run, _ = asked
    for name, metric in ours[task]["metrics"].items():
        if metric["n"]:
            assert run.metrics(task)[name] == pytest.approx(metric["value"], abs=1e-9), name


def test_every_request_arrives_and_many_are_in_flight(asked):
    _, server = asked
    assert len(server.requests) == N_REQUESTS
    assert 4 < server.most_in_flight <= 8
    settings = {body["max_tokens"]: body["temperature"] for body in server.requests}
    assert settings == {128: 0.0, 512: 0.0}


def test_images_are_sent_in_the_bytes_of_their_files(asked):
    _, server = asked
    files = {path.read_bytes() for path in (DEMO / "images_vpt").iterdir()}
    sent = Counter(picture for body in server.requests for picture in pictures(body))
    assert files <= set(sent)
    assert all(sent[file] == 4 for file in files)  # two questions of each kind


def test_frames_are_sent_in_order(asked):
    _, server = asked
    frames = [(DEMO / f"videos_vpt/2/{number}.jpg").read_bytes() for number in range(1, 9)]
    assert sum(pictures(body) == frames for body in server.requests) > 0


def pictures(body):
    parts = [p for m in body["messages"] if isinstance(m["content"], list) for p in m["content"]]
    urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
    return [base64.b64decode(url.partition(",")[2]) for url in urls]


def test_the_key_is_sent_and_never_shown(asked):
    run, server = asked
    assert set(server.keys) == {f"Bearer {KEY}"}
    assert KEY not in run.out + run.err
    for path in run.folder.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes()


def test_a_failed_request_ends_the_evaluation_without_scores(lmms_eval):
    def answer(body):
        broken = "red car" in text_of(body["messages"])
        return Reply("too long", status=400) if broken else Reply("A")

    with openai_server(answer) as server:
        run = lmms_eval(
            *("--model_args", f"model=m,base_url={server.base_url}"),
            model="instit_bench_openai",
            tasks="inst_it_image_mc",
        )
    assert run.code == 1
    error = run.err.splitlines()[-1]
    assert error.startswith("instit-bench: error: inst_it_image_mc: record 3: ")
    assert "too long" in error
    assert list(run.folder.rglob("*_results.json")) == []


def test_answers_in_the_reasoning_only_are_warned_about(tmp_path, monkeypatch):
    from loguru import logger

    from instit_bench.integrations.lmms_eval.models import OpenAIModel

    monkeypatch.chdir(tmp_path)
    told: list[str] = []
    sink = logger.add(lambda message: told.append(message.record["message"]), level="WARNING")
    message = {"content": None, "reasoning_content": "B"}
    body = json.dumps({"choices": [{"finish_reason": "stop", "message": message}]}).encode()
    asked = [{"role": "user", "content": [{"type": "text", "text": "Which?"}]}]
    with openai_server(lambda _: Reply(body=body)) as server:
        model = OpenAIModel(model="m", base_url=server.base_url, concurrency=1)
        model.task_dict = {"t": {"test": [{}, {}, {}]}}
        arguments = [("", lambda _: asked, {}, number, "t", "test") for number in range(3)]
        replies = model.generate_until([SimpleNamespace(args=args) for args in arguments])
        model.clean()
    logger.remove(sink)
    assert [reply.text for reply in replies] == ["", "", ""]
    assert len(told) == 2
    assert told[0].startswith("t 0: text in the reasoning field only")
    assert told[1].startswith("3 samples: text in the reasoning field only")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            "model=m,api_key=sk-1",
            "--model_args api_key: no such option; choose from model",
        ),
        ("model=m,concurrency=0", "--concurrency: "),
        ("base_url=http://127.0.0.1:9/v1", "--model: "),
    ],
)
def test_arguments_are_checked(lmms_eval, arguments, said):
    run = lmms_eval(
        *("--model_args", arguments), model="instit_bench_openai", tasks="inst_it_image_mc"
    )
    assert run.code == 2
    assert run.err.splitlines()[-1].startswith(f"instit-bench: error: {said}")
    assert list(run.folder.rglob("*_results.json")) == []


@pytest.fixture(scope="module")
def engine(tmp_path_factory) -> Path:
    """A folder for PYTHONPATH in which ``vllm serve`` is the stand-in from the engine tests."""
    folder = tmp_path_factory.mktemp("engine")
    command = folder / "vllm/entrypoints/cli"
    command.mkdir(parents=True)
    copy(REPOSITORY / "tests/backends/fake_engine.py", command / "main.py")
    metadata = folder / "vllm-0.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: vllm\nVersion: 0.0\n")
    (folder / "fake.json").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def with_engine(lmms_eval_process, environment, engine) -> LmmsRun:
    """A run of all Inst-IT tasks with ``instit_bench_vllm``."""
    env = environment(engine / "tiny.jsonl", INSTIT_BENCH_DATA="demo")
    arguments = [
        *("--model", "instit_bench_vllm"),
        *("--model_args", f"model=m,concurrency=4,max_model_len=4096,fake={engine / 'fake.json'}"),
        *("--include_path", str(REPOSITORY / "tasks"), "--tasks", "inst_it_bench"),
        *("--output_path", str(engine / "out")),
    ]
    env |= {"PYTHONPATH": f"{env['PYTHONPATH']}:{engine}"}
    done = lmms_eval_process.run(arguments, engine, env)
    assert done.returncode == 0, done.stderr
    return LmmsRun(done.returncode, done.stdout, done.stderr, engine)


def test_an_engine_is_started_gets_media_by_path_and_is_stopped(with_engine, engine):
    asked = [json.loads(line) for line in (engine / "fake.asked").read_text().splitlines()]
    assert len(asked) == 64 + 1  # the longest request is sent once more at the start
    assert all(request["authorised"] for request in asked)
    urls = [
        part["image_url"]["url"]
        for request in asked
        for part in request["body"]["messages"][0]["content"]
        if part["type"] == "image_url"
    ]
    assert (DEMO / "images_vpt/001.jpg").as_uri() in urls
    assert (DEMO / "videos_vpt/2/1.jpg").as_uri() in urls
    for pid in json.loads((engine / "fake.processes").read_text()):
        assert not Path(f"/proc/{pid}").exists()


def test_the_engine_writes_a_log_and_its_replies_count(with_engine):
    assert (with_engine.folder / "logs/engine.log").exists()
    assert with_engine.metrics("inst_it_image_mc")["official_accuracy"] == pytest.approx(0.25)
