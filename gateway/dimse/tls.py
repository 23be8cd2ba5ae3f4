"""TLS of both directions: our certificate, and the authorities whose certificates peers show."""

import ssl

from shared.gateway_settings import GatewaySettings


def for_those_who_call(settings: GatewaySettings) -> ssl.SSLContext | None:
    """Return what the port for TLS is served with; None without a certificate and authorities.

    Raises:
        OSError: a file is not there, or is not what it should be.
    """
    if settings.tls_certificate is None or settings.tls_ca is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=settings.tls_ca)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    return context


def for_those_we_call(settings: GatewaySettings) -> ssl.SSLContext:
    """Return what a peer is called with: its certificate must name its host.

    Raises:
        OSError: a file is not there, or is not what it should be.
    """
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=settings.tls_ca)
    if settings.tls_certificate is not None:
        context.load_cert_chain(settings.tls_certificate, settings.tls_key)
    return context
