"""GPT4Tools records in the forms that models are trained on, as items with a target.

Upstream's file and its copies hold ``instruction, input, output`` without ids, or conversations:
lists of ``role, content``, or records with such a list under ``messages``, or with ``from, value``
under ``conversations``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from instit_bench.datasets.record import Doc, Record

CONVERSATION = "messages"
_LISTS = ((CONVERSATION, "role", "content"), ("conversations", "from", "value"))
_MODEL = frozenset(("assistant", "gpt", "model", "bot"))
_OTHERS = frozenset(("system", "user", "human", "tool", "observation", "function"))
_OBSERVATION = "Observation:"


def as_item(record: Record) -> Doc:
    """Return a training record as an item with ``instruction`` and ``output``.

    Of a conversation everything before the model's first turn is the prompt. The target is the
    rest: the model's turns, with the observations between them.

    Raises:
        InputError: A conversation has no such turns, or one is not valid.
    """
    for name, role, content in _LISTS:
        if (turns := record.fields.get(name)) is not None:
            item = _joined(_turns(record, name, turns, role, content), record)
            return {**record.fields, **item}
    given = record.fields.get("input")
    if isinstance(given, str) and given and isinstance(record.fields.get("instruction"), str):
        return {**record.fields, "instruction": f"{record.fields['instruction']}\n{given}"}
    return record.fields


def _turns(
    record: Record, name: str, turns: Any, role: str, content: str
) -> list[tuple[bool, str]]:
    """Return the text of each turn, with whether the model wrote it."""
    if not isinstance(turns, Sequence) or isinstance(turns, str | bytes):
        raise record.field_error(name, "must be a list of turns")
    found = []
    for number, turn in enumerate(turns, start=1):
        if not isinstance(turn, dict):
            raise record.field_error(name, f"turn {number} is not a JSON object")
        one = Record(turn, f"{record.place}: turn {number}")
        who = one.text(role).strip().lower()
        if who not in _MODEL | _OTHERS:
            raise one.field_error(role, f"must be a role such as user or assistant, found {who!r}")
        found.append((who in _MODEL, one.text(content, may_be_empty=True)))
    return found


def _joined(turns: list[tuple[bool, str]], record: Record) -> Doc:
    first = next((place for place, (by_model, _) in enumerate(turns) if by_model), 0)
    if not first:
        raise record.error("has no turn of the model after a turn of the user")
    prompt = "\n".join(text for _, text in turns[:first])
    output = ""
    for by_model, text in turns[first:]:
        if by_model:
            output += text if text.endswith("\n") else f"{text}\n"
        else:
            # A call's turn usually ends with the word that introduces its observation.
            opened = output.rstrip().endswith(_OBSERVATION) or text.startswith(_OBSERVATION)
            output += f"{text}\n" if opened else f"{_OBSERVATION} {text}\n"
    return {"instruction": prompt, "output": output}
