"""The requests of a benchmark as a task of inspect_ai; run in its own environment."""

import json
from pathlib import Path

from inspect_ai import Task, task
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import ChatMessageUser, ContentImage, ContentText
from inspect_ai.solver import generate


@task
def asked(file: str) -> Task:
    """Ask each text with its images; nothing is scored."""
    samples = [
        Sample(
            input=[
                ChatMessageUser(
                    content=[ContentText(text=text), *(ContentImage(image=i) for i in images)]
                )
            ],
            target="A",
        )
        for text, *images in json.loads(Path(file).read_text())
    ]
    return Task(dataset=MemoryDataset(samples), solver=generate())
