"""Everything that can be configured: one frozen class per concern, read once in a `main.py`.

Each class reads the environment variables with its prefix (`CXR_DATABASE_URL`, ...), and for a variable
that is not set the file of its name in /run/secrets, where containers are given what must not show in
their environment. Nothing else in the project reads the environment, so this file
and `gateway_settings.py` are the whole list.
"""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final

from pydantic import AfterValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.catalogue import writers
from shared.domain.reports import Departures
from shared.setting_values import Duration, Listed, known_labels, origins

BUNDLED: Final = "bundled"
CLASSIFIER: Final = "classifier"
OFF: Final = "off"
MEDIMAGEINSIGHT: Final = "medimageinsight"
ZERO_SHOT: Final = "medimageinsight-zero-shot"
"""The values that name what ships with the project, or is known to it by name."""

_SECRETS: Final = Path("/run/secrets")
# pydantic warns of a folder that does not exist, which outside a container is the ordinary case.
SECRETS: Final = _SECRETS if _SECRETS.is_dir() else None
"""Where a file may stand in for an environment variable."""


class DatabaseSettings(BaseSettings):
    """Where the truth is kept. Environment: CXR_DATABASE_*."""

    model_config = SettingsConfigDict(env_prefix="CXR_DATABASE_", frozen=True, secrets_dir=SECRETS)

    url: SecretStr = Field(
        default=SecretStr("postgresql+psycopg2://cxr@127.0.0.1:5432/cxr"),
        description="SQLAlchemy URL of PostgreSQL 14 or later.",
    )
    pool_size: int = Field(default=20, ge=1, description="Most connections of a process (the API: twice).")
    connect_timeout: Duration = Field(
        default=timedelta(seconds=5), description="How long to wait for a connection."
    )


class StorageSettings(BaseSettings):
    """Where originals and artefacts are kept. Environment: CXR_STORAGE_*."""

    model_config = SettingsConfigDict(env_prefix="CXR_STORAGE_", frozen=True, secrets_dir=SECRETS)

    endpoint: str | None = Field(
        default=None, description="URL of an S3-compatible server; unset means AWS itself."
    )
    region: str = Field(default="us-east-1", description="Region, as the server names it.")
    bucket: str = Field(default="cxr-reporter", description="Bucket; made when it is missing.")
    access_key: SecretStr | None = Field(
        default=None, description="Access key; unset means boto3's own chain (IAM role, profile)."
    )
    secret_key: SecretStr | None = Field(default=None, description="Secret of the access key.")


class QueueSettings(BaseSettings):
    """How work is handed out and held. Environment: CXR_QUEUE_*."""

    model_config = SettingsConfigDict(env_prefix="CXR_QUEUE_", frozen=True, secrets_dir=SECRETS)

    url: SecretStr = Field(default=SecretStr("redis://127.0.0.1:6379/0"), description="Redis or Valkey URL.")
    lease: Duration = Field(
        default=timedelta(seconds=20), description="How long a claim holds without a heartbeat."
    )
    heartbeat: Duration = Field(
        default=timedelta(seconds=5), description="How often a worker renews its leases."
    )
    sweep: Duration = Field(
        default=timedelta(seconds=1), description="How often the sweeper looks for lost work."
    )
    drain: Duration = Field(
        default=timedelta(seconds=20),
        description="How long a worker goes on with what it holds after SIGTERM; then it gives it back.",
    )
    max_failures: int = Field(
        default=3, ge=1, description="Failures of the work itself after which a study is FAILED."
    )


class ModelSettings(BaseSettings):
    """Which classifier runs, where and how. Environment: CXR_MODEL_*."""

    model_config = SettingsConfigDict(env_prefix="CXR_MODEL_", frozen=True, secrets_dir=SECRETS)

    bundle: str = Field(
        default=BUNDLED,
        description="Folder of a model bundle, 'bundled' for the one that ships, or"
        " 'medimageinsight-zero-shot', which is asked at an endpoint in Azure.",
    )
    gate: str = Field(
        default=BUNDLED, description="Folder of a gate's bundle, or 'bundled' for the one that ships."
    )
    encoder: str = Field(
        default=CLASSIFIER,
        description="What finds similar studies: vectors of the 'classifier' (its feature map), of an "
        "encoder bundle's folder, of 'medimageinsight' at an endpoint in Azure, or of none: 'off'.",
    )
    server_url: str = Field(
        default="", description="The endpoint of a classifier or an encoder that runs elsewhere."
    )
    server_key: SecretStr | None = Field(
        default=None,
        description="Its API key; or file: and a path, of a token that something renews.",
    )
    server_timeout: Duration = Field(
        default=timedelta(seconds=30), description="Longest wait for one answer."
    )
    device: str = Field(default="cpu", description="cpu, cuda or cuda:N.")
    threads: int = Field(default=0, ge=0, description="CPU threads of the model; 0 means all cores.")
    batch_size: int = Field(default=16, ge=1, description="Most images in one device batch.")
    batch_wait: Duration = Field(
        default=timedelta(milliseconds=10),
        description="Longest that an image waits for its batch to fill.",
    )
    concurrency: int = Field(default=8, ge=1, description="Studies fetched and decoded at once.")
    decoders: int = Field(
        default=2, ge=1, description="Processes that decode images; one more is kept for urgent studies."
    )
    file_budget: Duration = Field(
        default=timedelta(seconds=30),
        ge=timedelta(seconds=1),
        description="Most processor time that decoding one file may take.",
    )
    study_budget: Duration = Field(
        default=timedelta(minutes=2),
        ge=timedelta(seconds=1),
        description="Most processor time that decoding a study's files may take; then it is REJECTED.",
    )


class CriticalSettings(BaseSettings):
    """Which findings are critical. Environment: CXR_CRITICAL_*."""

    model_config = SettingsConfigDict(env_prefix="CXR_CRITICAL_", frozen=True, secrets_dir=SECRETS)

    findings: Annotated[Listed, AfterValidator(known_labels)] = Field(
        default=("Pneumothorax",),
        description="Labels, with commas between, the gravest first: a study that has one is flagged, goes"
        " before all others, and its timeline says so. Empty means none.",
    )


class WriterKind(StrEnum):
    """The report writers that are no model of the catalogue."""

    TEMPLATE = "template"
    LLAMA_CPP = "llama-cpp"
    TRANSFORMERS = "transformers"
    OPENAI = "openai"


def _writer(name: str, setting: str = "CXR_REPORT_WRITER") -> str:
    known = (*WriterKind, *writers())
    if name not in known:
        message = f"{setting}={name} is no writer; it is one of {', '.join(known)}"
        raise ValueError(message)
    return name


def _shadow(name: str) -> str:
    return name and _writer(name, "CXR_REPORT_SHADOW")


class ReportSettings(BaseSettings):
    """Who writes reports, and how. Environment: CXR_REPORT_*."""

    model_config = SettingsConfigDict(env_prefix="CXR_REPORT_", frozen=True, secrets_dir=SECRETS)

    writer: Annotated[str, AfterValidator(_writer)] = Field(
        default=WriterKind.LLAMA_CPP,
        description="template (rules), llama-cpp or transformers (a model in this process), openai (a"
        " server), or a model that sees, by its name in `cxr models list`.",
    )
    model: str = Field(
        default=BUNDLED,
        description="'bundled'; or a .gguf file for llama-cpp, a folder or Hugging Face id for transformers,"
        " the server's model name for openai. Of a model that sees 'bundled' means its own weights in Hugging"
        " Face's cache; a folder, those in it.",
    )
    shadow: Annotated[str, AfterValidator(_shadow)] = Field(
        default="",
        description="A second writer, by the same names, whose reports are compared with the first one's and"
        " shown to nobody; its other settings are the first one's. Empty means none.",
    )
    shadow_model: str = Field(default=BUNDLED, description="As CXR_REPORT_MODEL, of the shadow.")
    device: str = Field(default="cpu", description="cpu, cuda or cuda:N; transformers alone runs on a GPU.")
    threads: int = Field(
        default=0, ge=0, description="CPU threads of the model; 0 means the cores that the process may use."
    )
    attempts: int = Field(default=3, ge=1, description="Texts tried before the template's report is used.")
    departures: Departures = Field(
        default=Departures.REFUSE,
        description="A report by a writer that saw the image, where it departs from the findings: refuse"
        " (written again, at last by rule), ask (written again, at last delivered and marked), or mark"
        " (delivered and marked at once).",
    )
    recommendations: bool = Field(
        default=True, description="Whether reports end with what may follow, of a fixed list (CT, a view)."
    )
    batch_size: int = Field(default=8, ge=1, description="Most reports written in one batch.")
    batch_wait: Duration = Field(
        default=timedelta(milliseconds=50),
        description="Longest that a study waits for its batch to fill.",
    )
    concurrency: int = Field(default=16, ge=1, description="Studies that wait for the writer at once.")
    images: bool = Field(
        default=False, description="Whether openai's server is shown the radiographs: its model must see."
    )
    server_url: str = Field(
        default="http://127.0.0.1:8001/v1",
        description="Base URL of an OpenAI-compatible server; URL of a side-car or of an Azure endpoint.",
    )
    server_key: SecretStr | None = Field(
        default=None,
        description="Its API key, if it wants one; or file: and a path, of a token that something renews.",
    )
    server_timeout: Duration = Field(
        default=timedelta(seconds=90), description="Longest wait for one answer."
    )
    cache: Path | None = Field(
        default=None, description="Where converted weights are kept; unset means the user's cache."
    )


class AuthMode(StrEnum):
    """Whether clients need a key."""

    REQUIRED = "required"
    OFF = "off"


class ApiSettings(BaseSettings):
    """How the API listens and what it takes. Environment: CXR_API_*."""

    model_config = SettingsConfigDict(env_prefix="CXR_API_", frozen=True, secrets_dir=SECRETS)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on.")
    auth: AuthMode = Field(
        default=AuthMode.REQUIRED,
        description="'required', or 'off', which is refused on any address but loopback.",
    )
    admin_key: SecretStr | None = Field(
        default=None, description="A key with every scope, to make the first real keys with."
    )
    max_request_bytes: int = Field(default=1_000_000_000, ge=1, description="Most bytes of one request.")
    max_file_bytes: int = Field(default=300_000_000, ge=1, description="Most bytes of one file.")
    max_files: int = Field(default=16, ge=1, description="Most images of one study.")
    max_pixels: int = Field(default=100_000_000, ge=1, description="Most pixels of one image.")
    max_zip_ratio: int = Field(
        default=200, ge=1, description="Most unpacked bytes for one packed byte of a zip member."
    )
    close_after: Duration = Field(
        default=timedelta(seconds=30),
        ge=timedelta(seconds=1),
        description="Time without a new image that closes an open study, where its sender names none.",
    )
    max_connections: int = Field(
        default=4096,
        ge=1,
        description="Most connections of one process; past it the longest idle one is closed. Fewer where the"
        " process may not open so many files.",
    )
    max_request_rate: int = Field(
        default=2000,
        ge=0,
        description="Most requests a second of one key, and of one address without a key, over 10 seconds and"
        " for each process; probes are not counted; 0 means any number.",
    )
    max_failed_keys: int = Field(
        default=60,
        ge=0,
        description="Unknown keys that one address may try in a minute, in each process; 0 means any number.",
    )
    viewer_origins: Annotated[Listed, AfterValidator(origins)] = Field(
        default=(),
        description="Origins, with commas between, whose pages may call /dicomweb: a viewer's, as"
        " https://viewer.hospital.example. Empty means none but the server's own.",
    )
    trusted_proxies: str = Field(
        default="",
        description="Addresses or networks, with commas between, whose X-Forwarded-For says who calls;"
        " '*' means everybody's, and nothing nobody's.",
    )


class TelemetrySettings(BaseSettings):
    """What a process tells its operators. Environment: CXR_TELEMETRY_*."""

    model_config = SettingsConfigDict(env_prefix="CXR_TELEMETRY_", frozen=True, secrets_dir=SECRETS)

    log_level: str = Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR.")
    log_format: str = Field(default="json", description="json, or console for people.")
    otlp_endpoint: str | None = Field(
        default=None,
        description="Base URL of an OpenTelemetry collector (OTLP over HTTP); unset means no traces.",
    )
    metrics_port: int = Field(
        default=0, ge=0, le=65535, description="Port of a process's /metrics; 0 means none."
    )
