"""What the models of Azure AI Foundry have in common: the body of a request, a table as MLflow writes one.

Map: `table`.
"""

from collections.abc import Sequence
from typing import Any


def table(columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> dict[str, Any]:
    """Return the body that Azure's models take: a table, as MLflow writes one."""
    data = {"columns": list(columns), "index": list(range(len(rows))), "data": [list(row) for row in rows]}
    return {"input_data": data, "params": {}}
