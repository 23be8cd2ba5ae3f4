"""A report as a FHIR R4 document: one Bundle in the shape of HL7 Europe's imaging report.

    bundle.py         `render`: all of it, in order, and what is absent left out
    composition.py    Composition: the report as it is read, a section a LOINC code
    report.py         DiagnosticReport: the report as it is filed
    findings.py       Observation, one for each finding that the report states
    imaging.py        ImagingStudy, and ServiceRequest for the accession number
    people.py         Patient; Practitioner and PractitionerRole of who changed or signed it
    devices.py        Device: the software that wrote, the classifier that found
    provenance.py     Provenance: who drafted, who signed, when
    narrative.py      the report as XHTML and as plain text
    elements.py       the pieces that resources are made of: references, codes, the marks of an AI
    codes.py          the codes

Source: FHIR R4 (4.0.1); hl7.fhir.eu.imaging-r4, 1.0.0-ballot, BundleReportEuImaging.
"""
