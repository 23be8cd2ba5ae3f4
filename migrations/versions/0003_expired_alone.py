"""A count of the leases that ran out while a study was tried alone.

Locks: ACCESS EXCLUSIVE on studies for an instant; the default is constant, so that no row is rewritten.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "studies", sa.Column("expired_alone", sa.Integer(), server_default=sa.text("0"), nullable=False)
    )


def downgrade() -> None:
    op.drop_column("studies", "expired_alone")
