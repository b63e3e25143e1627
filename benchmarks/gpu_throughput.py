"""Measure throughput on a GPU without weights: a real architecture with dummy values.

    python benchmarks/gpu_throughput.py [engine-arg…]

Runs the configuration of Qwen2.5-VL-7B with dummy weights (load-format=dummy) on data shaped like
Inst-IT Bench's videos, at their real image size. Prints samples per second, GPU utilisation, the
prefix comparison of vllm_prefix.py and the client comparison of vllm_overhead.py.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import instit_bench

sys.path.insert(0, str(Path(__file__).resolve().parent))
import vllm_overhead
import vllm_prefix
from instit_shape import make_data
from tiny_models import make_vision

SCALE, FRAMES, SIZE = 0.1, 16, (1280, 720)
SEVEN_B = {
    "text_config": {
        "vocab_size": 152064,
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "max_position_embeddings": 128000,
        "rope_parameters": {
            "rope_type": "default",
            "mrope_section": [16, 24, 24],
            "rope_theta": 1e6,
        },
    },
    "vision_config": {
        "depth": 32,
        "hidden_size": 1280,
        "intermediate_size": 3420,
        "num_heads": 16,
        "out_hidden_size": 3584,
        "fullatt_block_indexes": [7, 15, 23, 31],
    },
}
_QUERY = ("nvidia-smi", "--query-gpu=name,utilization.gpu", "--format=csv,noheader,nounits")


class BusyShare:
    """Samples each GPU's utilisation twice per second inside a ``with`` block."""

    def __enter__(self) -> BusyShare:
        self.shares: list[float] = []
        self.name = ""
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(0.5):
            done = subprocess.run(_QUERY, capture_output=True, text=True, check=True)
            lines = [line.rsplit(",", 1) for line in done.stdout.splitlines()]
            self.name = f"{len(lines)} x {lines[0][0]}"
            self.shares.append(sum(float(share) for _, share in lines) / len(lines))


def make_model(folder: Path) -> Path:
    """Make a model folder like one from the hub, but without weights."""
    make_vision(folder)
    (folder / "model.safetensors").unlink()
    config = json.loads((folder / "config.json").read_text())
    for part, values in SEVEN_B.items():
        config[part] |= values
        config[part].pop("layer_types", None)
    config |= {"dtype": "bfloat16", "vocab_size": SEVEN_B["text_config"]["vocab_size"]}
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("preprocessor_config.json", "video_preprocessor_config.json"):
        file = folder / name
        pixels = {"size": {"shortest_edge": 56 * 56, "longest_edge": 28 * 28 * 1280}}
        file.write_text(json.dumps(json.loads(file.read_text()) | pixels))
    return folder


def throughput(model: Path, folder: Path, engine_arg: tuple[str, ...]) -> None:
    """Run the whole set once while sampling the GPU's utilisation."""
    data = make_data(folder / "data", SCALE, FRAMES, SIZE)
    with BusyShare() as busy:
        frames = instit_bench.run(
            model=str(model),
            data=str(data),
            tasks=list(vllm_prefix.TASKS),
            output=folder / "runs",
            engine_arg=engine_arg,
        )
    engine = frames.results.engine
    assert engine is not None
    working = round(2 * engine.seconds_working)
    shares = busy.shares[-working - 6 : -6] or [0.0]
    print(f"{busy.name}: {len(frames.samples)} samples, {engine.model_dump()}")
    print(
        f"{len(frames.samples) / engine.seconds_working:.1f} samples/s, "
        f"GPU utilisation {sum(shares) / len(shares):.0f} % of the working time"
    )


def main(arguments: Sequence[str]) -> None:
    """Make the model and run the three measurements."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = make_model(folder / "model")
        extra = ("load-format=dummy", *arguments)
        throughput(model, folder, extra)
        # Blocks of 16 tokens: room for the frames of about fifteen requests.
        vllm_prefix.main([str(model), *extra, "num-gpu-blocks-override=900"])
        vllm_overhead.main([str(model), *extra])


if __name__ == "__main__":
    main(sys.argv[1:])
