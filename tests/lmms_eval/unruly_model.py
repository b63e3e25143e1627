"""A model for lmms-eval that misbehaves as its arguments demand and otherwise answers ``A``.

Each call is written to ``log`` as one JSON line: the process and, per request, text and media
kinds.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from lmms_eval.api.model import lmms
from lmms_eval.models.registry_v2 import ModelManifest
from loguru import logger

MANIFEST = ModelManifest("unruly", simple_class_path=f"{__name__}.Unruly")
SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]


class Unruly(lmms):
    # ``fail``, ``swallow``, ``short``, ``none`` and ``die`` are words of the question that meets
    # the fault; the file ``once`` disarms the last. No argument may be named like a secret.
    def __init__(
        self,
        log,
        batch_size=1,
        fail="",
        swallow="",
        die="",
        once="",
        noise="",
        short="",
        none="",
        odd="",
        linger=False,
        load="",
    ):
        super().__init__()
        if load == "memory":
            raise RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB")
        self.batch_size = batch_size
        self.log, self.once = Path(log), Path(once) if once else None
        self.fail, self.swallow, self.die, self.noise = fail, swallow, die, noise
        self.short, self.none, self.odd, self.linger = short, none, odd, linger
        if odd == "daemon":  # in a separate session, so that it survives every signal to our group
            daemon = subprocess.Popen(SLEEPER, start_new_session=True)
            self.write({"pid": os.getpid(), "asked": [], "left": daemon.pid})
        self.sleeper = subprocess.Popen(SLEEPER) if linger else None

    def loglikelihood(self, requests):
        raise NotImplementedError

    def generate_until_multi_round(self, requests):
        raise NotImplementedError

    def generate_until(self, requests):
        asked = [self.describe(request) for request in requests]
        line = {"pid": os.getpid(), "asked": asked}
        if self.sleeper:
            line["children"] = [self.sleeper.pid]
        self.write(line)
        if self.noise:
            self.be_noisy()
        if self.linger:
            time.sleep(600)
        texts = [request["text"] for request in asked]
        if self.fail and any(self.fail in text for text in texts):
            raise ValueError("this picture is more than I can take")
        if self.die and any(self.die in text for text in texts) and self.armed():
            print("MemoryError: the last thing that I say", flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        if self.swallow and any(self.swallow in text for text in texts):
            logger.error("Error size mismatch in generating")
            return ["" if self.swallow in text else "A" for text in texts]
        if self.odd:
            return self.be_odd(len(requests))
        if self.none and any(self.none in text for text in texts):
            return [None if self.none in text else "A" for text in texts]
        return ["A" for text in texts if not (self.short and self.short in text)]

    def be_odd(self, n):
        match self.odd:
            case "huge":
                return ["A" * (65 * 2**20)] * n
            case "over":  # into every open pipe
                for descriptor in range(3, 32):
                    with suppress(OSError):
                        os.write(descriptor, b"loading\n")
            case "reads":
                return [sys.stdin.readline() or "A"] * n
            case "interrupt":
                raise KeyboardInterrupt
            case "daemon":
                os._exit(3)
        return ["A"] * n

    def write(self, line):
        with self.log.open("a") as log:
            log.write(json.dumps(line) + "\n")

    def armed(self):
        if self.once.exists():
            return False
        self.once.touch()
        return True

    def describe(self, request):
        text, _, doc_to_visual, doc_id, task, split = request.args
        visuals = doc_to_visual(self.task_dict[task][split][doc_id])
        return {"text": text, "media": sorted({type(visual).__name__ for visual in visuals})}

    def be_noisy(self):
        print("to standard output")
        print("to standard error", file=sys.stderr)
        os.write(1, b"past every buffer\n")
        logger.warning("to the logger")
        subprocess.run(["echo", "from a child"], check=True)
        print("a key:", os.environ.get("OPENAI_API_KEY"))
