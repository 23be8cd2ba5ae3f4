"""DICOM by DIMSE: what modalities and a PACS send us, ask us and tell us over an association.

part.py        the part of the gateway: both ports, opened and drained
  server.py      connections: how many, TLS, the time that an association may take to begin
  sockets.py     one PDU at a time, of bounded length and in bounded time
  messages.py    one DIMSE message at a time; data sets go to a file as they come
  door.py        who calls: AE title and host -> the tenant, or a rejection
  tls.py         certificates, of both directions
  contexts.py    what is negotiated: SOP classes and transfer syntaxes
  store.py       C-STORE: in, set aside, or refused with a reason
  commitment.py  N-ACTION and N-EVENT-REPORT: what we are answerable for
  procedure_steps.py  N-CREATE and N-SET: how many images a study is to have
  worklist.py    C-FIND: what is to be taken
"""
