"""The gateway's settings, as `shared/settings.py` has the others."""

from datetime import timedelta
from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.setting_values import Duration
from shared.settings import SECRETS


class GatewaySettings(BaseSettings):
    """How the hospital's systems reach us: DICOM and HL7. Environment: CXR_GATEWAY_*.

    How much is taken of a study is the same at every door: CXR_API_MAX_*.
    """

    model_config = SettingsConfigDict(env_prefix="CXR_GATEWAY_", frozen=True, secrets_dir=SECRETS)

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    ae_title: str = Field(
        default="CXR", pattern=r"^[ -\[\]-~]{1,16}$", description="What DICOM peers call us: our AE title."
    )
    dicom_port: int = Field(default=11112, ge=0, le=65535, description="Port for DICOM; 0: any free one.")
    tls_port: int = Field(
        default=2762, ge=0, le=65535, description="Port for DICOM over TLS, where there is a certificate."
    )
    tls_certificate: Path | None = Field(
        default=None,
        description="File (PEM) of our certificate and what stands above it; unset means no TLS.",
    )
    tls_key: Path | None = Field(default=None, description="File (PEM) of its private key.")
    tls_ca: Path | None = Field(
        default=None,
        description="File (PEM) of the authorities whose certificates peers show; there is no TLS without.",
    )
    max_associations: int = Field(
        default=50, ge=1, description="Most DICOM associations at a time; the next one is told to come again."
    )
    hl7_port: int = Field(default=2575, ge=0, le=65535, description="Port for HL7 (MLLP); 0: any free one.")
    close_after: Duration = Field(
        default=timedelta(seconds=30),
        ge=timedelta(seconds=1),
        description="Time without a new instance that closes a study.",
    )
    keep_orders: Duration = Field(
        default=timedelta(days=30),
        ge=timedelta(hours=1),
        description="How long an order is kept, from when it comes or is scheduled.",
    )


class DeliverySettings(BaseSettings):
    """How results are sent to destinations. Environment: CXR_DELIVERY_*."""

    model_config = SettingsConfigDict(env_prefix="CXR_DELIVERY_", frozen=True, secrets_dir=SECRETS)

    timeout: Duration = Field(
        default=timedelta(seconds=30),
        ge=timedelta(seconds=1),
        description="Longest that a destination may take over one attempt; over C-STORE, to answer once.",
    )
    private_webhooks: bool = Field(
        default=False,
        description="Whether webhooks may go to private networks and to this machine; the other kinds may.",
    )
