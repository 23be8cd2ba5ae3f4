"""Results out: what each destination is owed, sent by what it speaks.

part.py        the part of the gateway: takes from the outbox, a few deliveries a destination at a time
  delivery.py    one delivery: look, render, send, write down what came of it
  parcels.py     what is sent: the report in force in its formats, or a notice
  senders.py     which kind is sent how; below it one file a kind, and the test of a destination
  outcomes.py    what a destination may do with it
  web.py         HTTP to addresses that are allowed (addresses.py), each request within its time
"""
