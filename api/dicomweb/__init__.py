"""DICOMweb (PS3.18): what its routes share. Studies are named by their DICOM UIDs here, never by our ids."""
