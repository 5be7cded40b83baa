"""What every answer carries whatever it answers, so that no browser makes more of it than it is.

After OWASP's REST Security Cheat Sheet. Left out: ``X-Frame-Options``, which ``frame-ancestors``
replaces; ``Referrer-Policy`` and ``Permissions-Policy``, which concern pages; and
``Cross-Origin-Resource-Policy``, which guards what a cookie opens: here nothing does.
"""

from chalicelib import settings

ALWAYS = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
# Never over plain HTTP (RFC 6797, section 7.2). Other hosts of the domain are not ours.
OVER_HTTPS = {"Strict-Transport-Security": "max-age=31536000"}
# Shown in a browser nothing of it runs, loads or is framed; a view that is a page says otherwise.
INERT = {"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'"}


def always_sent() -> dict[str, str]:
    """Return what each answer of the router carries unless its view says otherwise."""
    # A laptop speaks HTTP; wherever else the router runs, a gateway's HTTPS is before it.
    secure = {} if settings.variable("env") == settings.LOCAL else OVER_HTTPS
    return ALWAYS | INERT | secure
