"""The rows: one class a table.

studies 1─1 orders                     studies 1─n analyses 1─n findings
studies 1─n images, study_events       studies 1─n reports (versions), each of one analysis 1─n report_drafts
                                       reports 1─1 shadow_reports
images 1─n embeddings n─1 encoders
batches 1─n studies                    tenants 1─n studies, batches, api_keys, idempotency_keys, destinations,
                                                    retention, dicom_peers, dicom_procedure_steps
studies 1─n deliveries n─1 destinations, deliveries 1─n delivery_attempts
studies 1─1 workitem_claims
expected_orders become studies' orders; hl7_senders n─1 tenants
pull_rules n─1 tenants, dicom_peers
discarded_…, hl7_messages, pulled_studies stand alone
"""

from shared.records.tables.callers import ApiKeyRow, DicomPeerRow, IdempotencyRow, TenantRow
from shared.records.tables.deliveries import DeliveryAttemptRow, DeliveryRow, DestinationRow
from shared.records.tables.discarded import DiscardedOriginalRow, DiscardedStudyRow
from shared.records.tables.embeddings import EmbeddingRow, EncoderRow
from shared.records.tables.expected import ExpectedOrderRow, Hl7MessageRow, Hl7SenderRow
from shared.records.tables.pulling import PulledStudyRow, PullRuleRow
from shared.records.tables.reports import ReportDraftRow, ReportRow, ShadowReportRow
from shared.records.tables.retention import RetentionRow
from shared.records.tables.studies import (
    AnalysisRow,
    BatchRow,
    FindingRow,
    ImageRow,
    OrderRow,
    ProcedureStepRow,
    StudyEventRow,
    StudyRow,
    WorkitemClaimRow,
)

__all__ = [
    "AnalysisRow",
    "ApiKeyRow",
    "BatchRow",
    "DeliveryAttemptRow",
    "DeliveryRow",
    "DestinationRow",
    "DicomPeerRow",
    "DiscardedOriginalRow",
    "DiscardedStudyRow",
    "EmbeddingRow",
    "EncoderRow",
    "ExpectedOrderRow",
    "FindingRow",
    "Hl7MessageRow",
    "Hl7SenderRow",
    "IdempotencyRow",
    "ImageRow",
    "OrderRow",
    "ProcedureStepRow",
    "PullRuleRow",
    "PulledStudyRow",
    "ReportDraftRow",
    "ReportRow",
    "RetentionRow",
    "ShadowReportRow",
    "StudyEventRow",
    "StudyRow",
    "TenantRow",
    "WorkitemClaimRow",
]
