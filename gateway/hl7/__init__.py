"""HL7 v2 in, over MLLP: the hospital's orders and what changes of its patients.

listener.py   connections -> frames.py   their messages, one by one
receiving.py  one message -> messages.py, orders.py, patients.py   what it says -> the database
              -> acknowledgements.py   what its sender is told, after the commit
"""
