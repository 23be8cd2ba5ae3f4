"""The embedded local stack: every part of the product as processes of this machine.

home.py        where everything is kept: CXR_HOME and the names in it
state.py       what is chosen once: ports, credentials
part.py        what a part is: command, environment, when it is ready
account.py     the user that Postgres runs as when we are root
postgres.py  broker.py  storage.py     the three servers, from pip packages
services.py    the API, the workers, the sweeper and the migrations
processes.py   starting a part so that nothing leaks, stopping it, finding what was left behind
supervisor.py  the process that keeps the parts running
stack.py       what `cxr up`, `cxr down` and `cxr status` call
"""
