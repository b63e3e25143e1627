"""What ``tasks show`` prints of a task."""

from __future__ import annotations

from collections.abc import Iterator

from instit_bench.evaluation.plan import TaskPlan
from instit_bench.media import MediaError, load_image, resolve_media
from instit_bench.types import ImagePart, Part, Request, TextPart


def task_page(plan: TaskPlan) -> str:
    """Configuration, the first sample's messages with their media, and its target."""
    return "\n".join([*_configuration(plan), "", *_first_sample(plan)])


def _configuration(plan: TaskPlan) -> Iterator[str]:
    task, params = plan.task, plan.params
    yield f"task        {task.name}: {task.config.metadata.description}"
    yield f"file        {task.path}"
    yield f"data        {', '.join(str(file) for file in plan.dataset.files)}"
    yield f"samples     {len(plan.samples)}"
    yield f"scorer      {task.config.metadata.scorer}"
    yield f"metrics     {', '.join(task.metric_names)}"
    yield f"prompts     {task.prompt_origin}"
    yield f"style       {plan.style}"
    yield (
        f"generation  max_tokens={params.max_tokens} temperature={params.temperature} "
        f"top_p={params.top_p} top_k={params.top_k}"
    )


def _first_sample(plan: TaskPlan) -> Iterator[str]:
    sample = plan.samples[0]
    request = plan.request(sample)
    yield f"first sample: {sample.id} (cluster {sample.cluster})"
    try:
        request = resolve_media(request, max_frames=32)
    except MediaError as error:
        yield f"MEDIA BROKEN: {error}"
    yield from _messages(request)
    yield f"target: {sample.target}"


def _messages(request: Request) -> Iterator[str]:
    for message in request.messages:
        yield f"--- {message.role} ({request.form}) ---"
        for part in message.parts:
            yield _part(part)
    yield "---"


def _part(part: Part) -> str:
    if isinstance(part, TextPart):
        return part.text
    if not isinstance(part, ImagePart):
        return f"<video {part.path}>"
    try:
        image = load_image(part)
    except MediaError:
        return f"<image {part.path}: broken>"
    origin = str(part.path) if part.path else "in the dataset"
    return f"<image {image.width}x{image.height} {image.mime}, {len(image.data)} bytes, {origin}>"
