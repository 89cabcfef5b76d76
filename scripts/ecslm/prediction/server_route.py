"""Checks of the environment by which servers are reached: proxies and certificates.

OpenAI's client reads these variables too, but its errors do not name them.
"""

import os
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit
from urllib.request import getproxies_environment, proxy_bypass

CERTIFICATES = "SSL_CERT_FILE"
FIX = "set it to one such as http://proxy.example:3128, or unset it"


def route_problems(url: str) -> Iterator[str]:
    """A line for each variable of the environment with which the server of a URL cannot be asked.

    Values are not shown: the URL of a proxy may have a password.
    """
    import httpx2

    proxies = getproxies_environment()
    # Then the client looks at no proxy.
    schemes = () if "*" in proxies.get("no", "").split(",") else ("http", "https", "all")
    used = proxy_variable(url)
    for scheme in filter(proxies.get, schemes):
        variable, proxy = _variable(scheme), _with_scheme(proxies[scheme])
        try:
            httpx2.AsyncHTTPTransport(proxy=proxy, verify=False)
        except ImportError:
            yield f"the environment variable {variable} is of a proxy that is not supported: {FIX}"
        except (ValueError, httpx2.InvalidURL):
            yield f"the environment variable {variable} is no URL of a proxy: {FIX}"
        else:
            if variable == used and not _is_known(proxy):
                yield f"the environment variable {variable} names a proxy that is unknown: {FIX}"
    if file := os.environ.get(CERTIFICATES):
        try:
            httpx2.create_ssl_context()
        except OSError:
            yield (
                f"the environment variable {CERTIFICATES} names {file}, which is no file with "
                "certificates: set it to one, or unset it"
            )


def proxy_variable(url: str) -> str | None:
    """The environment variable of the proxy by which the server of a URL is asked, if any."""
    parts, proxies = urlsplit(url), getproxies_environment()
    if proxy_bypass(parts.netloc):
        return None
    scheme = next(filter(proxies.get, (parts.scheme, "all")), None)
    return None if scheme is None else _variable(scheme)


def _variable(scheme: str) -> str:
    """The variable of a scheme's proxy: the one in small letters comes first."""
    name = f"{scheme}_proxy"
    return name if os.environ.get(name) else name.upper()


def _with_scheme(proxy: str) -> str:
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_known(proxy: str) -> bool:
    """Whether there is a machine of the name."""
    try:
        socket.getaddrinfo(urlsplit(proxy).hostname, None)
    except (OSError, ValueError):
        return False
    return True
