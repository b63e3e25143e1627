"""Inject faults between two runs, and count how many flips ``explain`` classes right.

    python scripts/explain_faults.py [FOLDER]

starts the tiny vision model (benchmarks/tiny_models.py) in real vLLM engines on a CPU and prints
the table of docs/explain.md; it needs the environment of ``.ci/vllm-env``. tests/comparison has
the same faults with a scripted endpoint.

Each fault is injected into every sample of a run, and into nothing else. ``hidden`` faults show in
no setting of the run: a proxy's rewriting of requests, another precision, other weights.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic, sleep
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[1]
MODEL = "tiny"
TASKS = ("faults_image", "faults_video")
FRAMES = 4
QUESTIONS = 4
PORT = 8731
HEADER = "X-Fault"
TEMPLATE = (
    "{% for message in messages %}<|im_start|>person\n{% if message['content'] is string %}"
    "{{ message['content'] }}{% else %}{% for part in message['content'] %}"
    "{% if part['type'] in ('image', 'image_url') %}<|vision_start|><|image_pad|><|vision_end|>"
    "{% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# What a proxy in between makes of a request's body, by the header that asks for it.
REWRITES: Mapping[str, Mapping[str, Any]] = {
    "template": {"chat_template": TEMPLATE},
    "pixels": {"mm_processor_kwargs": {"max_pixels": 56 * 56}},
}
TASK = """
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {data}/{name}.json}}
doc_to_visual: !function utils.doc_to_visual
doc_to_text: !function utils.doc_to_text
doc_to_target: answer
process_results: !function utils.process_results
cluster_key: medium
generation_kwargs: {{max_new_tokens: 24, temperature: 0, until: []}}
metric_list:
  - {{metric: even, aggregation: mean, higher_is_better: true}}
metadata: {{version: 1.0, media: {media}}}
"""
# Any change of a tiny model's reply changes such a score with probability 1/2.
UTILS = """
from zlib import crc32

def doc_to_visual(doc):
    return [doc["medium"]]

def doc_to_text(doc):
    return {wording!r}.format(doc["question"])

def process_results(doc, results):
    return {{"even": float(crc32(results[0].strip(){reading}.encode()) % 2)}}
"""
PLAIN, OTHER_WORDING = "{}\nAnswer:", "Question: {}\nThe answer is"

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@dataclass(frozen=True)
class Fault:
    """A change of the second run: options of ``run``, and the class that its flips should have.

    ``plugin`` and ``data`` name folders, ``server`` the one that answers, ``tasks`` where it acts.
    """

    name: str
    cause: str
    options: tuple[str, ...] = ()
    plugin: str = "plain"
    data: str = "plain"
    server: str = "plain"
    tasks: tuple[str, ...] = TASKS


FAULTS = (
    Fault("another wording", "prompt", plugin="wording"),
    Fault("another chat template (hidden)", "prompt", ("--header", f"{HEADER}=template")),
    Fault("a resized image or frame", "media", data="resized"),
    Fault("an image or frame saved again", "media", data="saved"),
    Fault("one frame fewer", "media", ("--max-frames", str(FRAMES - 1)), tasks=TASKS[1:]),
    Fault("another image size in the engine (hidden)", "media", ("--header", f"{HEADER}=pixels")),
    Fault("another stop text", "settings", ("--extra-body", "STOP")),
    Fault("another temperature", "settings", ("--temperature", "0.8")),
    Fault("another token limit", "truncation", ("--max-tokens", "9")),
    Fault("another extraction", "parsing", plugin="reading"),
    Fault("another precision (hidden)", "numerics", server="noisy"),
    Fault("other weights (hidden)", "unknown", server="other"),
)


@dataclass(frozen=True)
class Row:
    """How the flips of one fault were classed."""

    fault: Fault
    classed: Mapping[str, int]

    @property
    def flips(self) -> int:
        """The number of samples whose score changed."""
        return sum(self.classed.values())

    @property
    def right(self) -> int:
        """How many of them have the fault's class, and no other."""
        return self.classed.get(self.fault.cause, 0)


def begin(cli: Cli, folder: Path, base_url: str, media: int, seed: int = 0) -> None:
    """Write the data, ``media`` images and as many videos, and run what all others are held to."""
    prepare(folder, media, seed)
    _run(cli, folder, "plain", Fault("none", ""), base_url)


def measure(cli: Cli, folder: Path, server: str, base_url: str) -> Iterator[Row]:
    """Yield a row per fault that this server answers; the plain run is there."""
    stop = json.dumps({"stop": [_frequent(folder / "results/plain")]})
    for number, fault in enumerate(FAULTS):
        if fault.server == server:
            _run(cli, folder, str(number), fault, base_url, stop)
            yield Row(fault, _classed(cli, folder, str(number)))


def _run(cli: Cli, folder: Path, name: str, fault: Fault, base_url: str, stop: str = "") -> None:
    options = [stop if option == "STOP" else option for option in fault.options]
    done = cli(
        *("run", "--backend", "openai", "--model", MODEL, "--base-url", base_url, "--logprobs"),
        *("--name", name, "--tasks", ",".join(fault.tasks), "--output", folder / "results"),
        *("--include-path", folder / f"{fault.plugin}-{fault.data}", "--seed", "1", *options),
    )
    if done.returncode:
        raise RuntimeError(f"{fault.name}: {done.stderr}")


def _classed(cli: Cli, folder: Path, name: str) -> dict[str, int]:
    """Explain a run against the plain one, and count its changed samples by cause."""
    file = folder / f"{name}.json"
    done = cli("explain", folder / "results/plain", folder / "results" / name, "--json", file)
    if done.returncode:
        raise RuntimeError(done.stderr)
    tasks = json.loads(file.read_text())["tasks"].values()
    causes = (" and ".join(s["causes"]) for task in tasks for s in task["samples"])
    return dict(Counter(causes).most_common())


def _frequent(run: Path) -> str:
    """Return a text inside many predictions, which will stop them early."""
    texts = [
        json.loads(line)["prediction"]
        for task in TASKS
        for line in (run / f"samples/{task}.jsonl").read_text().splitlines()
    ]
    counts = Counter(
        part
        for text in texts
        for part in {text[n : n + 2] for n in range(4, len(text) - 4)}
        if part.isascii() and part.isalnum() and part not in text[:4]
    )
    return counts.most_common(1)[0][0]


def prepare(folder: Path, media: int, seed: int) -> None:
    """Write images, videos, their changed copies, and a plugin for each."""
    for data in ("plain", "resized", "saved"):
        _write_media(folder / f"data-{data}", data, media, random.Random(seed))
    for plugin, data, wording, reading in (
        ("plain", "plain", PLAIN, ""),
        ("plain", "resized", PLAIN, ""),
        ("plain", "saved", PLAIN, ""),
        ("wording", "plain", OTHER_WORDING, ""),
        ("reading", "plain", PLAIN, "[::-1]"),
    ):
        target = folder / f"{plugin}-{data}"
        target.mkdir(parents=True, exist_ok=True)
        (target / "utils.py").write_text(UTILS.format(wording=wording, reading=reading))
        for name in TASKS:
            text = TASK.format(name=name, data=folder / f"data-{data}", media=name[7:])
            (target / f"{name}.yaml").write_text(text)


def _write_media(folder: Path, change: str, media: int, dice: random.Random) -> None:
    from PIL import Image

    records: dict[str, list[dict[str, str]]] = {task: [] for task in TASKS}
    for number in range(media):
        frames = [_coloured(Image, dice) for _ in range(FRAMES + 1)]
        names = [f"videos/{number}/{n}.jpg" for n in range(1, FRAMES + 1)] + [
            f"images/{number}.jpg"
        ]
        for name, image in zip(names, frames, strict=True):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            changed = name == names[1] or name == names[-1]  # the second frame, and the image
            if changed and change == "resized":
                image = image.resize((84, 56))  # noqa: PLW2901
            quality = 30 if changed and change == "saved" else 90
            image.save(folder / name, quality=quality)
        for task, medium in zip(TASKS, (names[-1], f"videos/{number}"), strict=True):
            records[task] += [
                {"id": f"{number}-{n}", "question": f"What is object {n}?", "answer": "A"}
                | {"medium": str(folder / medium)}
                for n in range(QUESTIONS)
            ]
    for task, docs in records.items():
        (folder / f"{task}.json").write_text(json.dumps(docs))


def _coloured(image: Any, dice: random.Random) -> Any:
    """Return an image of a few random rectangles."""
    drawn = image.new("RGB", (112, 84), tuple(dice.randrange(256) for _ in range(3)))
    for _ in range(6):
        left, top = dice.randrange(100), dice.randrange(70)
        box = (left, top, left + dice.randrange(4, 60), top + dice.randrange(4, 40))
        drawn.paste(tuple(dice.randrange(256) for _ in range(3)), box)
    return drawn


def table(rows: Sequence[Row]) -> str:
    """Return the rows in Markdown, with a sum."""
    lines = ["| fault | class | flips | right | classed as |", "|---|---|---:|---:|---|"]
    for row in rows:
        share = f"{row.right / row.flips:.1%}" if row.flips else "-"
        told = ", ".join(f"{name} {count}" for name, count in row.classed.items())
        lines.append(f"| {row.fault.name} | {row.fault.cause} | {row.flips} | {share} | {told} |")
    right, flips = sum(row.right for row in rows), sum(row.flips for row in rows)
    lines.append(f"| all | | {flips} | {right / flips:.1%} | |")
    return "\n".join(lines)


async def rewrite(request: Any, call_next: Callable[[Any], Any]) -> Any:
    """Middleware of the engine: what a proxy in between would do, told by a header."""
    if name := request.headers.get(HEADER):
        body = json.loads(await request.body()) | REWRITES[name]
        request._body = json.dumps(body).encode()
    return await call_next(request)


@contextmanager
def engine(model: Path, port: int, dtype: str) -> Iterator[str]:
    """Serve a model until the block ends; yield the base URL."""
    command = [
        *(str(Path(sys.executable).parent / "vllm"), "serve", str(model), "--port", str(port)),
        *("--served-model-name", MODEL, "--dtype", dtype, "--enforce-eager", "--max-num-seqs", "8"),
        *(
            "--trust-request-chat-template",
            "--trust-request-mm-kwargs",
            "--middleware",
            "scripts.explain_faults.rewrite",
        ),
        *("--limit-mm-per-prompt", '{"image": 8, "video": 0}', "--max-model-len", "4096"),
    ]
    small = {"OMP_NUM_THREADS": "1", "VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1"}
    alone = {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "PYTHONPATH": str(REPOSITORY)}
    with tempfile.NamedTemporaryFile("w+", suffix=".log") as log:
        process = subprocess.Popen(
            command, env=os.environ | small | alone, stdout=log, stderr=subprocess.STDOUT
        )
        try:
            _wait(process, f"http://127.0.0.1:{port}/health", Path(log.name))
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            process.terminate()
            process.wait(60)


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = monotonic() + 1500
    while monotonic() < deadline and process.poll() is None:
        try:
            urllib.request.urlopen(address, timeout=5).close()
        except OSError:
            sleep(1)
        else:
            return
    raise RuntimeError(f"the engine did not start:\n{log.read_text()[-4000:]}")


def _process(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "instit_bench", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _models(folder: Path) -> dict[str, Path]:
    """Make the tiny vision model twice, with other random weights the second time."""
    from benchmarks import tiny_models

    made = {}
    for seed, name in enumerate(("tiny", "other")):
        tiny_models.SEED = seed
        made[name] = folder / name
        if not made[name].exists():
            tiny_models.make_vision(made[name])
    return made


def main() -> None:
    """Run all faults, with one engine at a time."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else temporary).resolve()
        models = _models(folder)
        rows = []
        for server, model, dtype in (
            ("plain", "tiny", "float32"),
            ("noisy", "tiny", "bfloat16"),
            ("other", "other", "float32"),
        ):
            with engine(models[model], PORT, dtype) as base_url:
                if server == "plain":
                    begin(_process, folder, base_url, media=10)
                for row in measure(_process, folder, server, base_url):
                    print(f"{row.fault.name}: {row.right} of {row.flips}", flush=True)
                    rows.append(row)
        print(table(rows))


if __name__ == "__main__":
    sys.path.insert(0, str(REPOSITORY))
    main()
