"""What a model thinks aloud before it answers, cut off before anything else reads the answer.

Between `<think>` and `</think>`, and of Gemma's kind between `<unused94>` and `<unused95>`; the answer may
stand between `<answer>` and `</answer>`. Where the marks leave a doubt, what stands there is thought.

Map: `apart`.
"""

import re
from typing import Final

from worker_llm.vision.asking import whole_sentences

_BEGINS: Final = re.compile(r"<\s*think(?:ing)?\s*>|<unused94>", re.IGNORECASE)
_ENDS: Final = re.compile(r"<\s*/\s*think(?:ing)?\s*>|<unused95>", re.IGNORECASE)
_ANSWER: Final = re.compile(r"<\s*answer\s*>", re.IGNORECASE)
_ANSWERED: Final = re.compile(r"<\s*/\s*answer\s*>", re.IGNORECASE)


def apart(text: str) -> tuple[str, str | None]:
    """Return what a model says, empty where it only thinks, and what it thought, if it did."""
    ends = list(_ENDS.finditer(text))
    thoughts = [text[: ends[-1].start()]] if ends else []
    said = text[ends[-1].end() :] if ends else text
    if (begun := _BEGINS.search(said)) is not None:
        answer = _ANSWER.search(said, begun.end())
        thoughts.append(said[begun.end() : answer.start() if answer else len(said)])
        said = said[answer.start() :] if answer else whole_sentences(said[: begun.start()])
    if answers := list(_ANSWER.finditer(said)):
        said = said[answers[-1].end() :]
    elif any(_ANSWER.search(thought) for thought in thoughts):
        said = ""  # the answer began in what was thought: a piece of it may say the opposite
    thought = " ".join(_ENDS.sub(" ", _BEGINS.sub(" ", " ".join(thoughts))).split())
    return _ANSWERED.split(said)[0].strip(), thought or None
