"""The reference of `polls`: a FastAPI app with one route that returns a constant, served as our API is.

`python -m bench.constant PORT`
"""

import sys

import uvicorn
from fastapi import FastAPI

app = FastAPI()


@app.get("/constant")
async def constant() -> dict[str, str]:
    """Return a constant."""
    return {"status": "completed"}


def main() -> None:
    """Serve until told to stop, with the settings of `api/__main__.py`."""
    config = uvicorn.Config(
        app,
        host="127.0.0.1",
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        log_config=None,
        access_log=False,
        server_header=False,
    )
    uvicorn.Server(config).run()


if __name__ == "__main__":
    main()
