"""Which findings are critical: nobody should wait for their turn to hear of them; see docs/decisions/0030."""

from collections.abc import Collection, Iterable

from shared.domain.findings import Finding, FindingStatus


def critical_labels(findings: Iterable[Finding], configured: Collection[str]) -> tuple[str, ...]:
    """Return the configured labels that are present, in the order in which they are configured.

    What is uncertain is not: a flag on every second study would be looked at by nobody.

    Args:
        findings: one for each label, as of a study.
    """
    present = {finding.label for finding in findings if finding.status is FindingStatus.PRESENT}
    return tuple(label for label in configured if label in present)
