"""Where in its archive an item of a batch lies: a column of the results, to be joined to other tables.

Locks: ACCESS EXCLUSIVE on studies for an instant; the column has no default, so that no row is rewritten.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("studies", sa.Column("item_path", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("studies", "item_path")
