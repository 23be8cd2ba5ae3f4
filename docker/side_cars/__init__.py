"""The servers of models that bring their own code: docs/reference/writer-protocol.md, one adapter a model.

Each runs in an environment with its model's packages (`requirements/`), where nothing of ours is but this
package and `worker_llm/vision/{protocol,slots}.py`: Python 3.10 and its own library are enough for them.
Only here a model's own code may be run (`trust_remote_code`).
"""
