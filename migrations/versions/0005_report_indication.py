"""What the sender said of why the radiograph was taken: a section of the report of its own.

Locks: ACCESS EXCLUSIVE on reports for an instant.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("reports", sa.Column("indication", sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column("reports", "indication")
