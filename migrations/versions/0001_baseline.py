"""The tables as they begin. Until the first release this file changes with them; then each change is a file.

Locks: none that matter, every table is new.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from shared.domain.studies import DEFAULT_TENANT, DEFAULT_TENANT_NAME

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _make_callers()
    _make_studies()
    _expect_orders()
    _pull_studies()
    _expect_images()
    _make_outbox()


def _make_callers() -> None:
    tenants = op.create_table(
        "tenants",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenants")),
        sa.UniqueConstraint("name", name=op.f("uq_tenants_name")),
    )
    op.bulk_insert(tenants, [{"id": DEFAULT_TENANT, "name": DEFAULT_TENANT_NAME}])
    op.create_table(
        "api_keys",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("tenant_id", sa.UUID(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.String(length=16)), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "tenant_id IS NOT NULL OR 'admin' = ANY (scopes)", name=op.f("ck_api_keys_tenant")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_api_keys_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("digest", name=op.f("uq_api_keys_digest")),
    )
    op.create_table(
        "dicom_peers",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("ae_title", sa.String(length=16), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=True),
        sa.Column("port", sa.Integer(), nullable=True),
        sa.Column("tls", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("may_store", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_dicom_peers_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dicom_peers")),
    )
    op.create_index(
        "ux_dicom_peers_ae_title_host",
        "dicom_peers",
        ["ae_title", sa.literal_column("coalesce(host, '')")],
        unique=True,
    )


def _expect_images() -> None:
    op.create_table(
        "dicom_procedure_steps",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("uid", sa.String(length=64), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("study_id", sa.UUID(), nullable=True),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"],
            ["studies.id"],
            name=op.f("fk_dicom_procedure_steps_study_id_studies"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_dicom_procedure_steps_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "uid", name=op.f("pk_dicom_procedure_steps")),
    )
    for name, columns in (
        ("study_instance_uid", ["tenant_id", "study_instance_uid"]),
        ("study_id", ["study_id"]),
        ("updated_at", ["updated_at"]),
    ):
        op.create_index(f"ix_dicom_procedure_steps_{name}", "dicom_procedure_steps", columns, unique=False)


def _make_studies() -> None:
    op.create_table(
        "batches",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_batches_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batches")),
    )
    op.create_index("ix_batches_tenant_id", "batches", ["tenant_id", "id"], unique=False)
    op.create_table(
        "discarded_originals",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("collect_from", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_discarded_originals")),
    )
    op.create_index(
        "ix_discarded_originals_collect_from", "discarded_originals", ["collect_from"], unique=False
    )
    op.create_table(
        "discarded_studies",
        sa.Column("study_id", sa.UUID(), nullable=False),
        sa.Column("collect_from", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("study_id", name=op.f("pk_discarded_studies")),
    )
    op.create_index("ix_discarded_studies_collect_from", "discarded_studies", ["collect_from"], unique=False)
    op.create_table(
        "studies",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("batch_id", sa.UUID(), nullable=True),
        sa.Column("item_key", sa.String(length=255), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "queued",
                "classifying",
                "classified",
                "reporting",
                "completed",
                "rejected",
                "failed",
                "cancelled",
                name="studystatus",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column(
            "priority",
            sa.Enum(
                "urgent",
                "routine",
                "archive",
                name="priority",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column(
            "language",
            sa.Enum("en", "es", name="language", native_enum=False, create_constraint=True, length=16),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("erased_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_token", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("claims", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("expired_alone", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("turned_away", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("alone", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("not_before", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("closes_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("close_after", sa.Interval(), nullable=True),
        sa.Column("expected_images", sa.Integer(), nullable=True),
        sa.Column("error_type", sa.String(length=64), nullable=True),
        sa.Column("error_detail", sa.Text(), nullable=True),
        sa.Column("error_file", sa.Text(), nullable=True),
        sa.Column(
            "report_status",
            sa.Enum(
                "preliminary",
                "final",
                "amended",
                "entered-in-error",
                name="reportstatus",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=True,
        ),
        sa.CheckConstraint(
            "(lease_expires_at IS NOT NULL) = (status IN ('classifying', 'reporting'))",
            name=op.f("ck_studies_lease"),
        ),
        sa.CheckConstraint(
            "status <> 'open' OR (close_after IS NOT NULL AND closes_at IS NOT NULL)",
            name=op.f("ck_studies_open"),
        ),
        sa.ForeignKeyConstraint(["batch_id"], ["batches.id"], name=op.f("fk_studies_batch_id_batches")),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_studies_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_studies")),
    )
    op.create_index("ix_studies_batch_id_id", "studies", ["batch_id", "id"], unique=False)
    op.create_index(
        "ix_studies_batch_status",
        "studies",
        ["batch_id", "status"],
        unique=False,
        postgresql_where=sa.text("batch_id IS NOT NULL"),
    )
    op.create_index(
        "ix_studies_closes_at",
        "studies",
        ["closes_at"],
        unique=False,
        postgresql_where=sa.text("status = 'open'"),
    )
    op.create_index(
        "ix_studies_lease",
        "studies",
        ["lease_expires_at"],
        unique=False,
        postgresql_where=sa.text("lease_expires_at IS NOT NULL"),
    )
    op.create_index(
        "ix_studies_next",
        "studies",
        ["status", "priority", "id"],
        unique=False,
        postgresql_where=sa.text("status IN ('queued', 'classified')"),
    )
    op.create_index("ix_studies_tenant_id", "studies", ["tenant_id", "id"], unique=False)
    op.create_index("ix_studies_tenant_priority_id", "studies", ["tenant_id", "priority", "id"], unique=False)
    op.create_index("ix_studies_tenant_status_id", "studies", ["tenant_id", "status", "id"], unique=False)
    op.create_index("ix_studies_priority_id", "studies", ["priority", "id"], unique=False)
    op.create_index("ix_studies_status_id", "studies", ["status", "id"], unique=False)
    op.create_index(
        "ix_studies_tenant_report_status_id", "studies", ["tenant_id", "report_status", "id"], unique=False
    )
    op.create_index("ix_studies_report_status_id", "studies", ["report_status", "id"], unique=False)
    unsigned = sa.text("report_status = 'preliminary' AND status = 'completed'")
    op.create_index(
        "ix_studies_tenant_unsigned",
        "studies",
        ["tenant_id", "priority", "id"],
        unique=False,
        postgresql_where=unsigned,
    )
    op.create_index(
        "ix_studies_unsigned", "studies", ["priority", "id"], unique=False, postgresql_where=unsigned
    )
    op.create_index(
        "ix_studies_tenant_updated_at",
        "studies",
        ["tenant_id", "updated_at"],
        unique=False,
        postgresql_where=sa.text(
            "erased_at IS NULL AND status IN ('completed', 'rejected', 'failed', 'cancelled')"
        ),
    )
    op.create_table(
        "retention",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("completed_days", sa.Integer(), nullable=True),
        sa.Column("unfinished_days", sa.Integer(), nullable=True),
        sa.Column("signed_days", sa.Integer(), nullable=True),
        sa.Column("set_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "least(completed_days, unfinished_days, signed_days) >= 1", name=op.f("ck_retention_days")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_retention_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_retention")),
    )
    op.create_table(
        "orders",
        sa.Column("study_id", sa.UUID(), nullable=False),
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("accession_number", sa.Text(), nullable=True),
        sa.Column("patient_id", sa.Text(), nullable=True),
        sa.Column("patient_id_issuer", sa.Text(), nullable=True),
        sa.Column("patient_name", sa.Text(), nullable=True),
        sa.Column("patient_birth_date", sa.Date(), nullable=True),
        sa.Column("patient_sex", sa.String(length=1), nullable=True),
        sa.Column("patient_age_years", sa.Double(), nullable=True),
        sa.Column("referring_physician", sa.Text(), nullable=True),
        sa.Column("study_instance_uid", sa.Text(), nullable=True),
        sa.Column("study_date", sa.Date(), nullable=True),
        sa.Column("study_time", sa.Time(), nullable=True),
        sa.Column("body_part", sa.Text(), nullable=True),
        sa.Column("laterality", sa.String(length=1), nullable=True),
        sa.Column("institution", sa.Text(), nullable=True),
        sa.Column("indication", sa.Text(), nullable=True),
        sa.Column("item_path", sa.Text(), nullable=True),
        sa.Column(
            "set_aside",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.id"], name=op.f("fk_orders_study_id_studies"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_orders_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("study_id", name=op.f("pk_orders")),
    )
    op.create_index(
        "ix_orders_patient", "orders", ["tenant_id", sa.text("left(patient_id, 64)")], unique=False
    )
    op.create_index(
        "ix_orders_study_instance_uid",
        "orders",
        ["tenant_id", sa.text("left(study_instance_uid, 64)")],
        unique=False,
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("scope", sa.String(length=64), server_default=sa.text("''"), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=True),
        sa.Column("token", sa.UUID(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("body", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("study_id", sa.UUID(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.id"], name=op.f("fk_idempotency_keys_study_id_studies")
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_idempotency_keys_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "key", "scope", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(
        "ix_idempotency_keys_created_at",
        "idempotency_keys",
        ["created_at"],
        unique=False,
        postgresql_where=sa.text("scope = ''"),
    )
    op.create_index("ix_idempotency_keys_study_id", "idempotency_keys", ["study_id"], unique=False)
    op.create_table(
        "images",
        sa.Column("study_id", sa.UUID(), nullable=False),
        sa.Column("index", sa.Integer(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=32), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("sop_class_uid", sa.String(length=64), nullable=True),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=True),
        sa.Column("series_instance_uid", sa.String(length=64), nullable=True),
        sa.Column("transfer_syntax_uid", sa.String(length=64), nullable=True),
        sa.Column(
            "header",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("used", sa.Boolean(), nullable=True),
        sa.Column(
            "view",
            sa.Enum(
                "PA",
                "AP",
                "LATERAL",
                "UNKNOWN",
                name="viewposition",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=True,
        ),
        sa.Column(
            "view_source",
            sa.Enum("file", "image", name="viewsource", native_enum=False, create_constraint=True, length=16),
            nullable=True,
        ),
        sa.Column("error_type", sa.String(length=64), nullable=True),
        sa.Column("error_detail", sa.Text(), nullable=True),
        sa.Column("warnings", postgresql.ARRAY(sa.String()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "attributes",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.id"], name=op.f("fk_images_study_id_studies"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("study_id", "index", name=op.f("pk_images")),
    )
    _serve_dicomweb()
    op.create_table(
        "analyses",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("study_id", sa.UUID(), nullable=False),
        sa.Column("model_id", sa.String(length=128), nullable=False),
        sa.Column("model_version", sa.String(length=64), nullable=False),
        sa.Column("model_digest", sa.String(length=64), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "primary",
                "superseded",
                "shadow",
                name="analysisrole",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("critical", postgresql.ARRAY(sa.String()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.id"], name=op.f("fk_analyses_study_id_studies"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_analyses")),
        sa.UniqueConstraint(
            "study_id", "model_digest", "images", name=op.f("uq_analyses_study_id_model_digest_images")
        ),
    )
    op.create_index(
        "ix_analyses_critical",
        "analyses",
        ["study_id"],
        unique=False,
        postgresql_where=sa.text("role = 'primary' AND critical <> '{}'"),
    )
    op.create_index(
        "ux_analyses_primary",
        "analyses",
        ["study_id"],
        unique=True,
        postgresql_where=sa.text("role = 'primary'"),
    )
    _make_vectors_searchable(op.get_bind())
    op.create_table(
        "encoders",
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("id", sa.String(length=128), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("dimensions", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_encoders")),
    )
    op.create_table(
        "embeddings",
        sa.Column("study_id", sa.UUID(), nullable=False),
        sa.Column("image_index", sa.Integer(), nullable=False),
        sa.Column("encoder_digest", sa.String(length=64), nullable=False),
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("vector", postgresql.ARRAY(sa.REAL()), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("indexed", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.id"], name=op.f("fk_embeddings_study_id_studies"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["encoder_digest"], ["encoders.digest"], name=op.f("fk_embeddings_encoder_digest_encoders")
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_embeddings_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("study_id", "image_index", "encoder_digest", name=op.f("pk_embeddings")),
    )
    # Numbers like noise: compressing them takes longer than it saves.
    op.execute("ALTER TABLE embeddings ALTER COLUMN vector SET STORAGE EXTERNAL")
    op.create_index(
        "ix_embeddings_encoder_digest_tenant_id", "embeddings", ["encoder_digest", "tenant_id"], unique=False
    )
    op.create_index(
        "ix_embeddings_waiting",
        "embeddings",
        ["encoder_digest", "tenant_id"],
        unique=False,
        postgresql_where=sa.text("NOT indexed"),
    )
    op.create_table(
        "reports",
        sa.Column("study_id", sa.UUID(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("made_from", sa.Integer(), nullable=True),
        sa.Column(
            "act",
            sa.Enum(
                "written",
                "edited",
                "signed",
                "amended",
                "addendum",
                "entered-in-error",
                name="act",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("analysis_id", sa.UUID(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "preliminary",
                "final",
                "amended",
                "entered-in-error",
                name="reportstatus",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column(
            "language",
            sa.Enum("en", "es", name="language", native_enum=False, create_constraint=True, length=16),
            nullable=False,
        ),
        sa.Column("warnings", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("indication", sa.Text(), nullable=True),
        sa.Column("technique", sa.Text(), nullable=False),
        sa.Column("comparison", sa.Text(), server_default=sa.text("''"), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("impression", sa.Text(), nullable=False),
        sa.Column(
            "author_kind",
            sa.Enum(
                "writer", "person", name="authorkind", native_enum=False, create_constraint=True, length=16
            ),
            nullable=False,
        ),
        sa.Column("author_name", sa.Text(), nullable=True),
        sa.Column("writer_id", sa.String(length=128), nullable=True),
        sa.Column("writer_version", sa.String(length=64), nullable=True),
        sa.Column("verdict", sa.String(length=16), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=True),
        sa.Column("fallback", sa.Boolean(), nullable=True),
        sa.Column("failures", postgresql.ARRAY(sa.String()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column(
            "policy",
            sa.Enum(
                "strict", "grounded", name="policy", native_enum=False, create_constraint=True, length=16
            ),
            nullable=True,
        ),
        sa.Column("sentences", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("addendum", sa.Text(), nullable=True),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "lines", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'[]'"), nullable=False
        ),
        sa.Column("changed_words", sa.Integer(), nullable=True),
        sa.Column("changed_labels", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.id"], name=op.f("fk_reports_study_id_studies"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["analysis_id"], ["analyses.id"], name=op.f("fk_reports_analysis_id_analyses")
        ),
        sa.ForeignKeyConstraint(
            ["study_id", "made_from"],
            ["reports.study_id", "reports.version"],
            name=op.f("fk_reports_study_id_reports"),
        ),
        sa.CheckConstraint("made_from < version", name=op.f("ck_reports_made_from")),
        sa.CheckConstraint(
            "(author_kind = 'person') = (author_name IS NOT NULL) AND num_nonnulls(writer_id, writer_version,"
            " verdict, attempts, fallback, policy) = CASE author_kind WHEN 'writer' THEN 6 ELSE 0 END",
            name=op.f("ck_reports_author"),
        ),
        sa.CheckConstraint(
            "(author_kind = 'writer') = (act = 'written') AND (act = 'written') = (made_from IS NULL)"
            " AND status = CASE act WHEN 'signed' THEN 'final' WHEN 'amended' THEN 'amended'"
            " WHEN 'addendum' THEN 'amended' WHEN 'entered-in-error' THEN 'entered-in-error'"
            " ELSE 'preliminary' END AND (act = 'addendum') = (addendum IS NOT NULL)"
            " AND (act NOT IN ('amended', 'entered-in-error') OR reason IS NOT NULL)",
            name=op.f("ck_reports_deed"),
        ),
        sa.CheckConstraint(
            "num_nonnulls(changed_words, changed_labels)"
            " = CASE WHEN status IN ('final', 'amended') THEN 2 ELSE 0 END",
            name=op.f("ck_reports_changes"),
        ),
        sa.PrimaryKeyConstraint("study_id", "version", name=op.f("pk_reports")),
    )
    op.create_index("ix_reports_analysis_id", "reports", ["analysis_id"], unique=False)
    op.create_table(
        "report_drafts",
        sa.Column("study_id", sa.UUID(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("base_version", sa.Integer(), nullable=False),
        sa.Column("lines", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("revision", sa.UUID(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.id"], name=op.f("fk_report_drafts_study_id_studies"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["study_id", "base_version"],
            ["reports.study_id", "reports.version"],
            name=op.f("fk_report_drafts_study_id_reports"),
        ),
        sa.PrimaryKeyConstraint("study_id", "person", name=op.f("pk_report_drafts")),
    )
    op.create_table(
        "shadow_reports",
        sa.Column("study_id", sa.UUID(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("writer_id", sa.String(length=128), nullable=False),
        sa.Column("writer_version", sa.String(length=64), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fallback", sa.Boolean(), nullable=False),
        sa.Column("failures", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column(
            "policy",
            sa.Enum(
                "strict", "grounded", name="policy", native_enum=False, create_constraint=True, length=16
            ),
            nullable=False,
        ),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("impression", sa.Text(), nullable=False),
        sa.Column("sentences", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("compared", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.id"], name=op.f("fk_shadow_reports_study_id_studies"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["study_id", "version"],
            ["reports.study_id", "reports.version"],
            name=op.f("fk_shadow_reports_study_id_reports"),
        ),
        sa.PrimaryKeyConstraint("study_id", "version", name=op.f("pk_shadow_reports")),
    )
    op.create_table(
        "study_events",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("study_id", sa.UUID(), nullable=False),
        sa.Column(
            "event",
            sa.Enum(
                "received",
                "images-added",
                "ordered",
                "order-mismatch",
                "reopened",
                "closed",
                "claimed",
                "classified",
                "critical",
                "reported",
                "rejected",
                "lease-expired",
                "released",
                "attempt-failed",
                "gave-up",
                "cancelled",
                "retried",
                "reread",
                "edited",
                "signed",
                "amended",
                "addendum",
                "entered-in-error",
                "erased",
                name="studyevent",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "open",
                "queued",
                "classifying",
                "classified",
                "reporting",
                "completed",
                "rejected",
                "failed",
                "cancelled",
                name="studystatus",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column(
            "actor_kind",
            sa.Enum(
                "key",
                "person",
                "service",
                name="actorkind",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("actor_id", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["study_id"], ["studies.id"], name=op.f("fk_study_events_study_id_studies")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_study_events")),
    )
    op.create_index("ix_study_events_study_id_id", "study_events", ["study_id", "id"], unique=False)
    op.create_table(
        "findings",
        sa.Column("analysis_id", sa.UUID(), nullable=False),
        sa.Column("image_index", sa.Integer(), nullable=False),
        sa.Column("label", sa.String(length=64), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.Column("threshold", sa.Double(), nullable=False),
        sa.Column("uncertain_from", sa.Double(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "present",
                "absent",
                "uncertain",
                name="findingstatus",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("box", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("place", postgresql.JSONB(none_as_null=True, astext_type=sa.Text()), nullable=True),
        sa.Column("heatmap", sa.Boolean(), nullable=False),
        sa.CheckConstraint("probability BETWEEN 0 AND 1", name=op.f("ck_findings_probability")),
        sa.ForeignKeyConstraint(
            ["analysis_id"],
            ["analyses.id"],
            name=op.f("fk_findings_analysis_id_analyses"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("analysis_id", "image_index", "label", name=op.f("pk_findings")),
    )


def _expect_orders() -> None:
    """Make what a hospital announces by HL7 before its studies come."""
    op.create_table(
        "expected_orders",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accession_number", sa.Text(), nullable=True),
        sa.Column("placer_number", sa.Text(), nullable=True),
        sa.Column("filler_number", sa.Text(), nullable=True),
        sa.Column("study_instance_uid", sa.Text(), nullable=True),
        sa.Column("patient_id", sa.Text(), nullable=True),
        sa.Column("patient_id_issuer", sa.Text(), nullable=True),
        sa.Column(
            "other_patient_ids", postgresql.ARRAY(sa.String()), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column("patient_name", sa.Text(), nullable=True),
        sa.Column("patient_birth_date", sa.Date(), nullable=True),
        sa.Column("patient_sex", sa.String(length=1), nullable=True),
        sa.Column("indication", sa.Text(), nullable=True),
        sa.Column("referring_physician", sa.Text(), nullable=True),
        sa.Column(
            "priority",
            sa.Enum(
                "urgent",
                "routine",
                "archive",
                name="priority",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=True,
        ),
        sa.Column("procedure_code", sa.Text(), nullable=True),
        sa.Column("procedure", sa.Text(), nullable=True),
        sa.Column("requested_procedure_id", sa.Text(), nullable=True),
        sa.Column("procedure_step_id", sa.Text(), nullable=True),
        sa.Column("modality", sa.Text(), nullable=True),
        sa.Column("station_ae_title", sa.Text(), nullable=True),
        sa.Column("scheduled_date", sa.Date(), nullable=True),
        sa.Column("scheduled_time", sa.Time(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "scheduled",
                "completed",
                "cancelled",
                name="orderstatus",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_expected_orders_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expected_orders")),
    )
    number = "left(coalesce(accession_number, filler_number, placer_number), 64)"
    for name, indexed in (
        ("ix_expected_orders_number", number),
        ("ix_expected_orders_study", "left(study_instance_uid, 64)"),
        ("ix_expected_orders_filler", "left(filler_number, 64)"),
        ("ix_expected_orders_placer", "left(placer_number, 64)"),
        ("ix_expected_orders_patient", "left(patient_id, 64)"),
        ("ix_expected_orders_scheduled", "scheduled_date"),
    ):
        op.create_index(name, "expected_orders", ["tenant_id", sa.text(indexed)], unique=False)
    op.create_index("ix_expected_orders_expires_at", "expected_orders", ["expires_at"], unique=False)
    # Serves an order that comes after its study.
    op.create_index(
        "ix_orders_accession_number",
        "orders",
        ["tenant_id", sa.text("left(accession_number, 64)")],
        unique=False,
    )
    op.create_table(
        "hl7_senders",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("application", sa.Text(), nullable=False),
        sa.Column("facility", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_hl7_senders_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hl7_senders")),
        sa.UniqueConstraint("application", "facility", name=op.f("uq_hl7_senders_application_facility")),
    )
    op.create_table(
        "hl7_messages",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_hl7_messages_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "digest", name=op.f("pk_hl7_messages")),
    )
    op.create_index("ix_hl7_messages_received_at", "hl7_messages", ["received_at"], unique=False)


def _pull_studies() -> None:
    """Make the rules by which studies are fetched from other archives, and the note of what was."""
    op.create_table(
        "pull_rules",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "method",
            sa.Enum(
                "move",
                "get",
                "web",
                name="pullmethod",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("peer_id", sa.UUID(), nullable=True),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("key", sa.Text(), nullable=True),
        sa.Column("modalities", postgresql.ARRAY(sa.String(length=16)), nullable=False),
        sa.Column("body_parts", postgresql.ARRAY(sa.String(length=64)), nullable=False),
        sa.Column("descriptions", postgresql.ARRAY(sa.String(length=64)), nullable=False),
        sa.Column("window", sa.Interval(), nullable=False),
        sa.Column("every", sa.Interval(), nullable=False),
        sa.Column("per_minute", sa.Integer(), nullable=False),
        sa.Column("priors", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("token", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("ran_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fetched", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("(method = 'web') = (url IS NOT NULL)", name=op.f("ck_pull_rules_place")),
        sa.CheckConstraint("(method <> 'web') = (peer_id IS NOT NULL)", name=op.f("ck_pull_rules_peer")),
        sa.ForeignKeyConstraint(
            ["peer_id"],
            ["dicom_peers.id"],
            name=op.f("fk_pull_rules_peer_id_dicom_peers"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_pull_rules_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_pull_rules")),
    )
    op.create_table(
        "pulled_studies",
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column("instances", sa.Integer(), nullable=False),
        sa.Column("prior", sa.Boolean(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_pulled_studies_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("tenant_id", "digest", name=op.f("pk_pulled_studies")),
    )
    op.create_index("ix_pulled_studies_seen_at", "pulled_studies", ["seen_at"], unique=False)


def _make_outbox() -> None:
    """Make the destinations, what they are owed, and each attempt."""
    op.create_table(
        "destinations",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "dicom",
                "dicomweb",
                "hl7",
                "fhir",
                "webhook",
                name="destinationkind",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=False,
        ),
        sa.Column("url", sa.Text(), nullable=True),
        sa.Column("host", sa.Text(), nullable=True),
        sa.Column("port", sa.Integer(), nullable=True),
        sa.Column("tls", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("ae_title", sa.String(length=16), nullable=True),
        sa.Column("application", sa.Text(), nullable=True),
        sa.Column("facility", sa.Text(), nullable=True),
        sa.Column("username", sa.Text(), nullable=True),
        sa.Column("secret", sa.Text(), nullable=True),
        sa.Column("formats", postgresql.ARRAY(sa.String(length=16)), nullable=False),
        sa.Column("events", postgresql.ARRAY(sa.String(length=16)), nullable=False),
        sa.Column(
            "labels", postgresql.ARRAY(sa.String(length=64)), server_default=sa.text("'{}'"), nullable=False
        ),
        sa.Column(
            "priorities",
            postgresql.ARRAY(sa.String(length=16)),
            server_default=sa.text("'{}'"),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("hold_until", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("test_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("test_passed", sa.Boolean(), nullable=True),
        sa.Column("test_answer", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "CASE WHEN kind IN ('dicom', 'hl7') THEN host IS NOT NULL AND port IS NOT NULL AND url IS NULL"
            " ELSE url IS NOT NULL AND host IS NULL AND port IS NULL END",
            name=op.f("ck_destinations_address"),
        ),
        sa.CheckConstraint("kind <> 'dicom' OR ae_title IS NOT NULL", name=op.f("ck_destinations_ae_title")),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenants.id"], name=op.f("fk_destinations_tenant_id_tenants")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_destinations")),
    )
    op.create_index(
        "ux_destinations_tenant_id_name",
        "destinations",
        ["tenant_id", "name"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("study_id", sa.UUID(), nullable=False),
        sa.Column("tenant_id", sa.UUID(), nullable=False),
        sa.Column("destination_id", sa.UUID(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        sa.Column("event", sa.String(length=16), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "sending",
                "delivered",
                "dead",
                "skipped",
                name="deliverystate",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            server_default=sa.text("'waiting'"),
            nullable=False,
        ),
        sa.Column("lease_token", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("give_up_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(lease_expires_at IS NOT NULL) = (state = 'sending')", name=op.f("ck_deliveries_lease")
        ),
        sa.ForeignKeyConstraint(
            ["destination_id"], ["destinations.id"], name=op.f("fk_deliveries_destination_id_destinations")
        ),
        sa.ForeignKeyConstraint(
            ["event_id"], ["study_events.id"], name=op.f("fk_deliveries_event_id_study_events")
        ),
        sa.ForeignKeyConstraint(
            ["study_id"], ["studies.id"], name=op.f("fk_deliveries_study_id_studies"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenants.id"], name=op.f("fk_deliveries_tenant_id_tenants")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deliveries")),
        sa.UniqueConstraint("destination_id", "event_id", name=op.f("uq_deliveries_destination_id_event_id")),
    )
    op.create_index(
        "ix_deliveries_destination_state_id", "deliveries", ["destination_id", "state", "id"], unique=False
    )
    op.create_index(
        "ix_deliveries_due",
        "deliveries",
        ["destination_id", "study_id", "event_id"],
        unique=False,
        postgresql_where=sa.text("state IN ('waiting', 'sending')"),
    )
    op.create_index("ix_deliveries_state_id", "deliveries", ["state", "id"], unique=False)
    op.create_index("ix_deliveries_study_id", "deliveries", ["study_id", "id"], unique=False)
    op.create_index("ix_deliveries_tenant_id", "deliveries", ["tenant_id", "id"], unique=False)
    op.create_index("ix_deliveries_tenant_state_id", "deliveries", ["tenant_id", "state", "id"], unique=False)
    op.create_table(
        "delivery_attempts",
        sa.Column("delivery_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("began_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "outcome",
            sa.Enum(
                "delivered",
                "refused",
                "away",
                "failed",
                "skipped",
                name="attemptoutcome",
                native_enum=False,
                create_constraint=True,
                length=16,
            ),
            nullable=True,
        ),
        sa.Column("answer", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["delivery_id"],
            ["deliveries.id"],
            name=op.f("fk_delivery_attempts_delivery_id_deliveries"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("delivery_id", "number", name=op.f("pk_delivery_attempts")),
    )


def _make_vectors_searchable(connection: sa.Connection) -> None:
    """Make pgvector's extension where the server has it and we may; made later, it loses nothing."""
    offered = sa.text("SELECT 1 FROM pg_available_extensions WHERE name = 'vector'")
    if not connection.scalar(offered):
        return
    try:
        with connection.begin_nested():
            connection.execute(sa.text("CREATE EXTENSION IF NOT EXISTS vector"))
    except (sa.exc.ProgrammingError, sa.exc.NotSupportedError):
        pass  # not a superuser, or not on the list of what a managed Postgres allows


def _serve_dicomweb() -> None:
    op.create_table(
        "workitem_claims",
        sa.Column("study_id", sa.UUID(), nullable=False),
        sa.Column("lease_token", sa.BigInteger(), nullable=False),
        sa.Column("transaction_uid", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["study_id"],
            ["studies.id"],
            name=op.f("fk_workitem_claims_study_id_studies"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("study_id", name=op.f("pk_workitem_claims")),
    )
    op.create_index("ix_images_sha256", "images", ["sha256"], unique=False)
    op.create_index("ix_images_sop_instance_uid", "images", ["sop_instance_uid"], unique=False)
    op.create_index("ix_images_series_instance_uid", "images", ["series_instance_uid"], unique=False)
    op.create_index("ix_orders_tenant_id_study_id", "orders", ["tenant_id", "study_id"], unique=False)
    op.create_index("ix_orders_study_date", "orders", ["tenant_id", "study_date", "study_id"], unique=False)
    op.create_index(
        "ix_orders_patient_name",
        "orders",
        ["tenant_id", sa.text("left(upper(patient_name), 64) text_pattern_ops")],
        unique=False,
    )


def downgrade() -> None:
    op.drop_table("pulled_studies")
    op.drop_table("pull_rules")
    op.drop_table("workitem_claims")
    op.drop_table("dicom_procedure_steps")
    op.drop_table("hl7_messages")
    op.drop_table("hl7_senders")
    op.drop_table("expected_orders")
    op.drop_table("embeddings")
    op.drop_table("encoders")
    op.drop_table("findings")
    op.drop_table("delivery_attempts")
    op.drop_table("deliveries")
    op.drop_table("destinations")
    op.drop_table("study_events")
    op.drop_table("shadow_reports")
    op.drop_table("report_drafts")
    op.drop_table("reports")
    op.drop_table("analyses")
    op.drop_table("orders")
    op.drop_table("retention")
    op.drop_table("images")
    op.drop_table("idempotency_keys")
    op.drop_table("studies")
    op.drop_table("discarded_studies")
    op.drop_table("discarded_originals")
    op.drop_table("dicom_peers")
    op.drop_table("batches")
    op.drop_table("api_keys")
    op.drop_table("tenants")
