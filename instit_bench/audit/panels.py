"""An audit's results as panels: a question, its answer in words, a drawing, and how to read it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from instit_bench.audit.checks import PERMUTED_OPTIONS
from instit_bench.audit.circular import Circular
from instit_bench.audit.results import AuditResult, CheckResult, Gain, TextOnlyResult
from instit_bench.report.charts import differences, intervals
from instit_bench.report.drawing import metric_text
from instit_bench.report.paired import Paired, p_text, signed
from instit_bench.report.shapes import Chart
from instit_bench.types import Metric

_NONE = Metric(None, None, None, 0)
TEXT_ONLY = "text-only"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a check shows of one task: the figure, and the same in a sentence."""

    task: str
    figure: str
    told: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One check for a reader: ``meanings`` says what each intervention did, by name.

    ``skipped`` says by task why there is no figure.
    """

    name: str
    question: str
    answers: tuple[Answer, ...]
    charts: tuple[Chart, ...]
    reading: str
    meanings: Mapping[str, str]
    skipped: Mapping[str, str]


def panels(result: AuditResult) -> tuple[Panel, ...]:
    """Return a panel for each check, and one for the words alone."""
    return (*map(_panel, result.checks), _text_only(result.text_only))


def _panel(found: CheckResult) -> Panel:
    check = found.planned.check
    permuted = check.name == PERMUTED_OPTIONS
    if permuted:
        answers, charts = list(map(_circular_answer, found.circular)), _circular(found.circular)
    else:
        answers = [_answer(gain, check.figure) for gain in found.deciding]
        charts = [_gains(found)] if found.deciding else []
    return Panel(
        check.name,
        check.question,
        tuple(answers),
        tuple(charts),
        check.reading,
        {v.name: v.meaning for v in check.variants if v.name in found.planned.tasks},
        found.skipped,
    )


def _answer(gain: Gain, figure: str) -> Answer:
    test = gain.compared.test
    interval = "" if test.ci95 is None else f" ({_points(test.ci95[0])} to {_points(test.ci95[1])})"
    p = "" if gain.compared.p is None else f", p {p_text(gain.compared.p)}"
    said = "" if gain.compared.conclusion != "no difference shown" else ", no difference shown"
    return Answer(
        gain.task,
        f"{_points(test.difference)}",
        f"{figure} {_points(test.difference)} points{interval}{p}{said}; "
        f"{100 * test.b:.1f} % {gain.against}, {100 * test.a:.1f} % {gain.run} "
        f"({gain.compared.metric}, n {test.n})",
    )


def _points(share: float) -> str:
    return signed(100 * share)


def _gains(found: CheckResult) -> Chart:
    names = [name for name in found.planned.tasks if any(g.run == name for g in found.gains)]
    rows: dict[str, dict[int, Paired]] = {}
    for gain in found.deciding:
        rows.setdefault(gain.task, {})[names.index(gain.run)] = _paired(gain)
    return differences(
        f"{found.planned.check.figure}, in points",
        "The score of the plain run minus the altered one's, on the same samples, with its 95 % "
        "interval. A filled dot is shown to differ from zero.",
        rows,
        names,
        "",
    )


def _paired(gain: Gain) -> Paired:
    test = gain.compared.test
    interval = None if test.ci95 is None else (100 * test.ci95[0], 100 * test.ci95[1])
    return Paired(
        100 * test.difference, interval, gain.compared.p, test.n, gain.compared.conclusion
    )


def _circular_answer(found: Circular) -> Answer:
    told = [
        f"circular accuracy {metric_text(found.circular)}: right in all {found.orders} orders",
        f"{metric_text(found.plain)} in the plain one",
    ]
    liked = max(found.letters, key=lambda letter: letter.chosen.value or 0.0)
    if liked.chosen.value is not None:
        told.append(
            f"most often chosen is {liked.letter}, {metric_text(liked.chosen)}, where "
            f"{100 * found.expected:.1f} % are expected"
        )
    if found.fixed:
        told.append(f"{found.fixed} left out, whose options name others by letter or place")
    figure = "–" if found.circular.value is None else f"{100 * found.circular.value:.1f} %"
    return Answer(found.task, figure, "; ".join(told))


def _circular(found: Sequence[Circular]) -> list[Chart]:
    if not found:
        return []
    letters = list(dict.fromkeys(letter.letter for one in found for letter in one.letters))
    read = [one for one in found if any(letter.chosen.n for letter in one.letters)]
    chosen = _letters(
        "letters chosen, in percent",
        "Of all predictions with a letter. Each letter is right equally often: without a "
        f"liking, each is chosen in {_expected(read)} %.",
        {one.task: {x.letter: x.chosen for x in one.letters} for one in read},
        letters,
    )
    return [
        intervals(
            "accuracy by order, in percent",
            "Right in the plain order, on average over all orders, and in all of them at once, "
            "with 95 % intervals.",
            {one.task: (one.plain, one.mean, one.circular) for one in found},
            ("plain order", "average of all orders", "right in all orders"),
        ),
        *([chosen] if read else []),
        _letters(
            "accuracy by the letter of the right option, in percent",
            "How often the right option is chosen where it stands behind each letter.",
            {one.task: {x.letter: x.accuracy for x in one.letters} for one in found},
            letters,
        ),
    ]


def _expected(found: Sequence[Circular]) -> str:
    return " or ".join(dict.fromkeys(f"{100 * one.expected:.1f}" for one in found))


def _letters(
    title: str, text: str, of: Mapping[str, Mapping[str, Metric]], letters: Sequence[str]
) -> Chart:
    rows = {letter: [metrics.get(letter, _NONE) for metrics in of.values()] for letter in letters}
    return intervals(title, text, rows, list(of))


def _text_only(found: TextOnlyResult) -> Panel:
    charts = []
    if found.found:
        charts = [
            intervals(
                "accuracy from the words alone, in percent",
                "Each question is answered after training on those about other images and videos.",
                {task: (words.accuracy, model) for task, (words, model) in found.found.items()},
                ("words alone", "the model, plain"),
            )
        ]
    return Panel(
        TEXT_ONLY,
        "What do the words alone give away?",
        tuple(_text_answers(found)),
        tuple(charts),
        "A logistic regression on the words of each option (TF-IDF), its letter, its length and "
        "its overlap with the question. What it finds, no model needs to see.",
        {},
        found.skipped,
    )


def _text_answers(found: TextOnlyResult) -> Iterator[Answer]:
    for task, (words, model) in found.found.items():
        value = words.accuracy.value or 0.0
        yield Answer(
            task,
            f"{100 * value:.1f} %",
            f"words alone answer {metric_text(words.accuracy)}, chance {100 * words.chance:.1f} %, "
            f"the model {metric_text(model)}",
        )
