"""A patient's sex and age and the date of the study, beside the patient's id.

Locks: ACCESS EXCLUSIVE on studies for an instant; the columns are empty, so that no row is rewritten.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("studies", sa.Column("patient_sex", sa.String(length=1), nullable=True))
    op.add_column("studies", sa.Column("patient_age_years", sa.Double(), nullable=True))
    op.add_column("studies", sa.Column("study_date", sa.Date(), nullable=True))


def downgrade() -> None:
    op.drop_column("studies", "study_date")
    op.drop_column("studies", "patient_age_years")
    op.drop_column("studies", "patient_sex")
