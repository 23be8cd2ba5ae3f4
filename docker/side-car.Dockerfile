# A side-car: a model that brings its own code, with the versions that this wants, behind docs/reference/writer-protocol.md.
#
#   docker build -f docker/side-car.Dockerfile -t cxr-reporter-side-car-chexagent:0.1.0 --build-arg MODEL=chexagent .
#   docker run --gpus all --network inside --volume ./models:/models:ro cxr-reporter-side-car-chexagent:0.1.0 \
#     python -m docker.side_cars chexagent --weights /models/chexagent --host 0.0.0.0
#
# MODEL is a name in docker/side_cars/requirements/. The weights are not in the image: their licences are the operator's to accept.
# PYTHON_IMAGE and INDEX_URL: see api.Dockerfile.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS packages
ARG INDEX_URL
ENV PIP_INDEX_URL=${INDEX_URL} UV_DEFAULT_INDEX=${INDEX_URL} UV_PYTHON_DOWNLOADS=never UV_COMPILE_BYTECODE=1 \
    PIP_CERT=/etc/ssl/certs/ca-certificates.crt UV_SYSTEM_CERTS=1 UV_LINK_MODE=copy
# A site's own authorities, before anything is fetched.
COPY docker/certificates/ /usr/local/share/ca-certificates/
# What is downloaded is kept by the engine for the next build, outside the image.
RUN --mount=type=cache,target=/root/.cache,id=cxr-packages,sharing=locked \
    update-ca-certificates && pip install --no-cache-dir uv==0.13.9 && uv venv /opt/venv
WORKDIR /build
COPY docker/side_cars/requirements/ requirements/
ARG MODEL=chexagent
# Where the model's code is a package, its own wishes for others are not heard: the first file has them, as far as they are needed.
RUN --mount=type=cache,target=/root/.cache,id=cxr-packages,sharing=locked \
    uv pip install --python /opt/venv --requirement "requirements/$MODEL.txt" \
    && if [ -f "requirements/$MODEL.code.txt" ]; then \
    uv pip install --python /opt/venv --no-deps --requirement "requirements/$MODEL.code.txt"; fi

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 cxr \
    && useradd --uid 10001 --gid cxr --no-create-home --home-dir /tmp --shell /usr/sbin/nologin cxr
COPY --from=packages /opt/venv /opt/venv
COPY --from=packages /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
WORKDIR /app
COPY LICENSE ./
# All that it has of ours.
COPY worker_llm/vision/protocol.py worker_llm/vision/slots.py worker_llm/vision/
COPY docker/side_cars/ docker/side_cars/
# The root file system may be read-only: only /tmp is written to, where a model's code lies while it runs, and the pictures of a
# request while it is answered. Nothing is fetched from a hub.
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp \
    HF_HUB_OFFLINE=1 HF_HUB_DISABLE_TELEMETRY=1 HF_HOME=/tmp/huggingface
# The user cannot keep what Python compiles: without this every process would compile the code anew.
RUN python -m compileall -q /app
# What every release changes comes last: the large layers above stay the same, here and where an upgrade is pulled.
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="CXR Reporter: side-car" \
      org.opencontainers.image.description="Serves a vision-language model that brings its own code, by the writer protocol" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 10001:10001
EXPOSE 8100
# It answers while its model is still being loaded; one that cannot load it ends.
HEALTHCHECK --interval=10s --timeout=10s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8100/health').read()"]
# No shell in between: SIGTERM reaches Python, which answers what it has begun. Which model, and where its weights are, is said when it is started.
CMD ["python", "-m", "docker.side_cars", "--help"]
