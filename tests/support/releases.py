"""The release after this one, as far as the schema goes: our migrations as they stand, and one more.

release = next_release(folder)
run(release, database)                      # its Job
take_back(release, database, to=HEAD)       # what no release does by itself
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from shared.records.database import Database
from tests.support.services import ROOT

HEAD = ScriptDirectory(str(ROOT / "migrations")).get_current_head() or ""
"""The last migration of ours."""

NEXT = '''"""What a release may add: columns, a table, an index, a wider column, a value of an enum.

Locks: ACCESS EXCLUSIVE on studies for an instant, SHARE for the index.
"""

import sqlalchemy as sa
from alembic import op

revision = "next"
down_revision = {head!r}
branch_labels = None
depends_on = None

LANGUAGES = "'en', 'es'"


def upgrade() -> None:
    op.add_column("studies", sa.Column("accession_number", sa.Text(), nullable=True))
    op.add_column("studies", sa.Column("reviewed", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_index("ix_studies_accession_number", "studies", ["tenant_id", "accession_number"])
    op.alter_column("studies", "item_key", type_=sa.String(512))
    allow_languages(f"{{LANGUAGES}}, 'fr'")
    op.create_table(
        "reviews",
        sa.Column("id", sa.BigInteger(), sa.Identity(), primary_key=True),
        sa.Column("study_id", sa.UUID(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id", "version"], ["reports.study_id", "reports.version"], ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    op.drop_table("reviews")
    allow_languages(LANGUAGES)
    op.alter_column("studies", "item_key", type_=sa.String(255))
    op.drop_index("ix_studies_accession_number")
    op.drop_column("studies", "reviewed")
    op.drop_column("studies", "accession_number")


def allow_languages(allowed: str) -> None:
    rule = f"CHECK (language IN ({{allowed}}))"
    op.drop_constraint("ck_studies_language", "studies")
    op.execute(f"ALTER TABLE studies ADD CONSTRAINT ck_studies_language {{rule}}")
'''


def next_release(folder: Path, migration: str = NEXT) -> Path:
    """Make the folder of a release whose schema is one migration ahead of ours, and return it."""
    shutil.copytree(ROOT / "migrations", folder / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "migrations" / "versions" / "next.py").write_text(migration.format(head=HEAD))
    return folder


def configuration(release: Path, connection: Connection) -> Config:
    """Return Alembic's configuration of a release, bound to a connection."""
    config = Config(release / "migrations" / "alembic.ini")
    config.attributes["connection"] = connection
    return config


def start(release: Path, database: Database, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a release's `python -m migrations`; ours is the release at ROOT."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("CXR_")}
    return subprocess.Popen(
        [sys.executable, "-m", "migrations", *arguments],
        cwd=release,
        env={
            **inherited,
            "PYTHONPATH": os.pathsep.join([str(release), str(ROOT)]),
            "CXR_DATABASE_URL": database.engine.url.render_as_string(hide_password=False),
        },
    )


def run(release: Path, database: Database, *arguments: str) -> None:
    """Run a release's `python -m migrations` to its good end."""
    assert start(release, database, *arguments).wait(60) == 0


def take_back(release: Path, database: Database, *, to: str) -> None:
    """Downgrade the schema to an older revision."""
    with database.session() as session:
        command.downgrade(configuration(release, session.connection()), to)
