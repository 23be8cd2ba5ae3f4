# The gateway: DICOM and HL7 from the hospital's systems, results to them.
#
#   docker build -f docker/gateway.Dockerfile -t cxr-reporter-gateway:0.1.0 .
#
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
# Before the code: a change of code leaves this layer, the large one, as it is.
COPY constraints.txt ./
COPY --from=project /project/pyproject.toml ./
RUN --mount=type=cache,target=/root/.cache,id=cxr-packages,sharing=locked \
    uv pip install --python /opt/venv --constraint constraints.txt --requirement pyproject.toml --extra gateway \
    && uv pip uninstall --python /opt/venv typer rich pygments

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 cxr \
    && useradd --uid 10001 --gid cxr --no-create-home --home-dir /tmp --shell /usr/sbin/nologin cxr
COPY --from=packages /opt/venv /opt/venv
COPY --from=packages /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
WORKDIR /app
COPY LICENSE ./
COPY shared/ shared/
COPY gateway/ gateway/
# The root file system may be read-only: only /tmp, where instances are spooled, is written to.
ENV PATH=/opt/venv/bin:$PATH PYTHONPATH=/app PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HOME=/tmp \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt \
    REQUESTS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt \
    CXR_GATEWAY_HOST=0.0.0.0 CXR_TELEMETRY_METRICS_PORT=9100
# The user cannot keep what Python compiles: without this every process would compile the code anew.
RUN python -m compileall -q /app
# What every release changes comes last: the large layers above stay the same, here and where an upgrade is pulled.
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="CXR Reporter: gateway" \
      org.opencontainers.image.description="Takes radiographs and orders by DICOM and HL7, sends results to hospital systems" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
# The project itself is not installed, it is copied above; this is how it knows its version all the same.
RUN metadata="/opt/venv/lib/python3.11/site-packages/cxr_reporter-${VERSION}.dist-info" && mkdir "$metadata" \
    && printf 'Metadata-Version: 2.1\nName: cxr-reporter\nVersion: %s\n' "$VERSION" > "$metadata/METADATA"
USER 10001:10001
EXPOSE 11112 2575 9100
# A peer that is away, or a database, is no reason to replace it.
HEALTHCHECK --interval=10s --timeout=10s --start-period=60s \
    CMD ["python", "-m", "shared.operations.probe", "9100", "/metrics"]
# No shell in between: SIGTERM reaches Python, which finishes the associations that it has.
CMD ["python", "-m", "gateway"]
