"""Studies fetched from other archives by rules, with the patient's earlier ones.

puller.py   the threads: a rule that is due -> running.py   what is new there, and what is to be fetched
archives.py what an archive is asked -> dimse.py (C-FIND, C-GET, C-MOVE), web.py (QIDO-RS, WADO-RS)
taking.py   an instance that came -> shared/intake/instances.py
"""
