"""De-identification: a DICOM file of a radiograph without what says whose it is (PS3.15 annex E).

table         what the standard says of each attribute (table E.1-1), and the options that we claim
pseudonyms    what stands in for ids, names, UIDs and dates: by a key, the same for the same patient
descriptors   the words of a description that say nothing of anybody
values        what may stay of a value, and what takes its place
header        a data set's attributes, one after the other, sequences too
pixels        the picture: decoded, letters blanked, unused bits cleared
files         bytes in, bytes out, or a reason
folders       files and folders, each file in a process that may crash: `python -m shared.dicom.deidentify`
"""
