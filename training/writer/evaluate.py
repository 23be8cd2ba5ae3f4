"""Judge the bundled writer on held-out sets of findings: how many of its first texts pass the verifier?

Map: `evaluate` -> `write_card`.
"""

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

from shared.domain.reports import Language
from shared.reporting.policies import strict
from shared.reporting.request import Prose, ReportRequest
from shared.reporting.verifier import grade
from training.writer.examples import draw_request
from worker_llm.writers.base import Draft, NoReport
from worker_llm.writers.llama import LlamaWriter

_SEED = 2026
_BATCH = 100
_SLOTS = 16


def held_out_requests(sets: int) -> list[ReportRequest]:
    """Draw different held-out sets, as they come."""
    random = Random(_SEED)
    drawn: dict[str, ReportRequest] = {}
    while len(drawn) < sets:
        request = draw_request(random, held_out=True)
        drawn.setdefault(repr((request.language, sorted(request.certainties().items()))), request)
    return list(drawn.values())


def evaluate(adapter: Path, *, sets: int) -> dict[str, Any]:
    """Let the bundled model write each set once and count what the verifier says of the first texts."""
    writer = LlamaWriter.bundled(adapter=adapter, slots=_SLOTS)
    requests = held_out_requests(sets)
    passed: Counter[str] = Counter()
    total: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    texts: set[str] = set()
    for start in range(0, len(requests), _BATCH):
        batch = requests[start : start + _BATCH]
        for request, draft in zip(batch, writer.write(batch, attempt=1), strict=True):
            failures = _failures(draft, request)
            language = Language(request.language).value
            for key in ("all", language, f"{len(request.detected())} detected"):
                total[key] += 1
                passed[key] += not failures
            reasons.update(failures[:1])
            if isinstance(draft, Prose):
                texts.add(draft.findings + draft.impression)
        print(f"{passed['all']}/{total['all']} passed", flush=True)
    return {
        "sets": sets,
        "passed_at_the_first_try": {key: f"{passed[key]}/{total[key]}" for key in sorted(total)},
        "different_texts": len(texts),
        "refusals": dict(reasons.most_common(12)),
    }


def _failures(draft: Draft, request: ReportRequest) -> tuple[str, ...]:
    return (draft.reason,) if isinstance(draft, NoReport) else tuple(strict(grade(draft, request)))


def write_card(folder: Path, figures: Mapping[str, Any], *, recipe: Mapping[str, Any]) -> None:
    """Put the figures into the adapter's card, beside what it says already."""
    path = folder / "card.json"
    card = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    card |= {"recipe": dict(recipe), "evaluation": dict(figures)}
    path.write_text(json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
