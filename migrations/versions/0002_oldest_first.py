"""A worker takes the study that has waited longest: from when on it may be taken, and an index to find it.

studies.hints and studies.next_hint_at are written by releases before this one alone.

Locks: ACCESS EXCLUSIVE on studies for an instant, SHARE while the index is built.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

WAITS = sa.text("status IN ('queued', 'classified')")


def upgrade() -> None:
    op.add_column(
        "studies",
        sa.Column("not_before", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.create_index("ix_studies_next", "studies", ["status", "priority", "id"], postgresql_where=WAITS)
    op.drop_index("ix_studies_waiting", "studies")


def downgrade() -> None:
    op.create_index(
        "ix_studies_waiting", "studies", ["status", "priority", "next_hint_at"], postgresql_where=WAITS
    )
    op.drop_index("ix_studies_next", "studies")
    op.drop_column("studies", "not_before")
