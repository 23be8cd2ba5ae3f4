"""What a view is known from, and which files of a study are no images.

Locks: ACCESS EXCLUSIVE on images and studies for an instant; one column is empty, and the other's default is a
constant, so that no row is rewritten.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("images", sa.Column("view_source", sa.String(length=16), nullable=True))
    op.add_column("studies", sa.Column("set_aside", JSONB(), nullable=False, server_default=sa.text("'[]'")))


def downgrade() -> None:
    op.drop_column("studies", "set_aside")
    op.drop_column("images", "view_source")
