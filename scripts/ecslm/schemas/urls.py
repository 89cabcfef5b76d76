"""URLs that a configuration names: they are written into logs and records."""

from urllib.parse import urlsplit

NO_SECRET = "should have no user, password, query or fragment: it is written into logs and records"


def may_hold_secret(url: str) -> bool:
    """Whether a URL has a part in which people put passwords and tokens."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return "@" in parts.netloc or bool(parts.query or parts.fragment)
