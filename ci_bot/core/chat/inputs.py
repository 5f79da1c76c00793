"""`key=value…` of `/run` and the inputs that the file declares → their values, or in words what is wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from ci_bot.core.inputs import MAX_INPUT, defaults, is_value
from ci_bot.core.markdown import code, escaped
from ci_bot.core.planned import Input
from ci_bot.core.suggest import did_you_mean

MOST_NAMES: Final = 10


def values_of(words: Sequence[str], inputs: Sequence[Input]) -> Mapping[str, str]:
    """A value for every input. Call `wrong_inputs` first."""
    return {**defaults(inputs), **dict(_pair(word) for word in words)}


def wrong_inputs(words: Sequence[str], inputs: Sequence[Input]) -> str:
    """Everything that is wrong, in Markdown; "" if nothing is."""
    malformed = [word for word in words if "=" not in word or word.startswith("=")]
    if malformed:
        example = code("key=value")
        return f"{code(malformed[0])} is not an input: inputs are written like {example}."
    if words and not inputs:
        return f"This `.ci.yaml` declares no inputs, so {code(words[0])} would reach nothing."
    given = [_pair(word) for word in words]
    return " ".join([*_wrong_names(given, inputs), *_wrong_values(given, inputs)])


def _pair(word: str) -> tuple[str, str]:
    name, _, value = word.partition("=")
    return name, value


def _wrong_names(given: Sequence[tuple[str, str]], inputs: Sequence[Input]) -> Iterator[str]:
    known = [each.name for each in inputs]
    names = [name for name, _ in given]
    wrong = [name for name in dict.fromkeys(names) if name not in known]
    for name in wrong[:3]:
        hint = did_you_mean(name, known)
        yield f"There is no input {code(name)}" + (f"; {escaped(hint)}" if hint else ".")
    if wrong:
        yield f"The inputs here: {_listed(known)}."
    for name in dict.fromkeys(name for name in names if names.count(name) > 1 and name in known):
        yield f"{code(name)} is given twice; keep one of them."


def _wrong_values(given: Sequence[tuple[str, str]], inputs: Sequence[Input]) -> Iterator[str]:
    values = dict(given)
    for each in inputs:
        value = values.get(each.name, each.default)
        if value is None:
            yield f"{code(each.name)} must be given, like {code(each.name + '=' + _example(each))}."
        elif not is_value(value):
            yield f"The value of {code(each.name)} must be one line of at most {MAX_INPUT} bytes."
        elif each.options and value not in each.options:
            yield f"{code(value)} is not a value of {code(each.name)}, which is {_choice(each.options)}."


def _example(each: Input) -> str:
    return each.options[0] if each.options else "value"


def _choice(options: Sequence[str]) -> str:
    return _listed(options) if len(options) == 1 else f"one of {_listed(options)}"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(code(name) for name in names[:MOST_NAMES]) + more
