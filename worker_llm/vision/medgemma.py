"""MedGemma 1.5: Gemma 3 with eyes for medical pictures; it takes several, and an earlier one beside them.

It chats, with a line before the chat that says who it is. No boxes are asked of it: the form in which it
gives them is not published, and what is guessed would lie in the wrong place.

Map: `MedGemma`.
"""

from dataclasses import replace
from typing import Final

from typing_extensions import override

from shared.reporting.request import ReportRequest, Sight
from worker_llm.vision.asking import Question
from worker_llm.vision.chat import ChatModel

_SYSTEM: Final = "You are an expert radiologist."


class MedGemma(ChatModel):
    """How MedGemma is asked; it is read as any model that chats."""

    @override
    def ask(self, request: ReportRequest, sight: Sight) -> Question:
        asked = super().ask(request, sight)
        system = {"role": "system", "content": [{"type": "text", "text": _SYSTEM}]}
        return replace(asked, chat=[system, *asked.chat])
