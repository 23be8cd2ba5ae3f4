"""The timeline is written in one place."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[3]
FOLDERS = ("api", "bench", "cxr", "migrations", "shared", "worker_cnn", "worker_llm")
ONLY = Path("shared/records/events.py")


def test_only_one_module_writes_the_events_table():
    writers = {
        path.relative_to(ROOT)
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if writes_events(path.read_text())
    }
    assert writers == {ONLY}


def test_a_row_an_insert_and_plain_sql_are_all_seen():
    assert writes_events("session.add(tables.StudyEventRow(id=1))")
    assert writes_events("session.execute(postgresql.insert(StudyEventRow), rows)")
    assert writes_events("text('INSERT  INTO study_events VALUES (1)')")
    assert not writes_events("select(StudyEventRow)")


def writes_events(source: str) -> bool:
    """Whether a module makes an event's row, or inserts into their table."""
    if "StudyEventRow" not in source and "study_events" not in source:
        return False
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            called = _name(node.func)
            if called == "StudyEventRow" or (called == "insert" and "StudyEventRow" in map(_name, node.args)):
                return True
        if isinstance(node, ast.Constant) and "insert into study_events" in " ".join(
            str(node.value).lower().split()
        ):
            return True
    return False


def _name(node: ast.expr) -> str | None:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else None
