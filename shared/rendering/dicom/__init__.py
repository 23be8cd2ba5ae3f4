"""A report as DICOM objects: `objects.py` has what all of them begin with; then one module a format.

    measurement_report    dicom-sr: coded findings with their places and boxes
    text_report           basic-sr: the text, section by section
    encapsulated_pdf      dicom-pdf
    secondary_capture     dicom-sc: a picture for archives that show nothing else
    presentation_state    gsps: the boxes, drawn by the viewer on the radiographs themselves

The two structured reports load highdicom, which takes most of a second and 90 MB: `rendering/formats.py`
imports a module of these when its format is first asked for.
"""
