"""The hospital's side: DICOM and HL7 in, results out."""
