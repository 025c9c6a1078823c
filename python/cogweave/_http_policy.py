"""Which addresses STAC documents may be read from: the engine's policy, for what Python's own HTTP client reads."""

from __future__ import annotations

import ipaddress
import socket
import time
from typing import TYPE_CHECKING, Any, Final

from . import config
from .errors import SearchError

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import PreparedRequest, Response, Session

# Of RFC 1918, RFC 4193 and RFC 6598, as the engine has it.
_PRIVATE: Final = [
    ipaddress.ip_network(net) for net in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
]

_MOST_REDIRECTS: Final = 5
_MOST_BYTES: Final = 256 << 20  # of a document, unpacked
_SLOWEST: Final = 16 << 10  # bytes a second, after `total_timeout`

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Guard:
    """What the documents of one source may lead to.

    Link-local addresses, where clouds keep their credentials, and multicast are always refused; loopback and private
    ones where `configure` says so, and to the documents of a source whose first address is public. Addresses are
    looked at before a connection is made, and again when it is: neither a redirect nor a changing name gets around it.
    """

    def __init__(self) -> None:
        self._public: bool | None = None  # whether the first address was one that anybody may connect to

    def guard(self, session: Session) -> None:
        """Have a session's connections checked; those to a proxy are the proxy's to check.

        Time, size and redirects of its answers are bounded too.
        """
        from requests.adapters import HTTPAdapter

        check = self.check
        session.max_redirects = _MOST_REDIRECTS

        class Guarded(HTTPAdapter):
            def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
                super().init_poolmanager(*args, **kwargs)
                self.poolmanager.pool_classes_by_scheme = _pools(check)

            def send(self, request: PreparedRequest, *args: Any, **kwargs: Any) -> Response:
                chosen = config.configure()
                # A search may take a server longer than the first byte of a file.
                patience = max(chosen["first_byte_timeout"], chosen["attempt_timeout"])
                kwargs["timeout"] = chosen["connect_timeout"], patience
                answer = super().send(request, *args, **kwargs)
                _take(answer, chosen["total_timeout"])
                return answer

        for prefix, adapter in list(session.adapters.items()):
            session.mount(prefix, Guarded(max_retries=getattr(adapter, "max_retries", 0)))

    def check(self, host: str, address: str) -> None:
        """Refuse an address of a host that must not be connected to."""
        ip = ipaddress.ip_address(address.partition("%")[0])
        ip = getattr(ip, "ipv4_mapped", None) or ip
        own = _is_own(ip)
        if self._public is None:
            self._public = not own and not ip.is_link_local
        if not _allows(host, ip, public=self._public):
            raise SearchError(
                f"{host} leads to {ip}, which must not be connected to; configure(allow_hosts=) may allow a host",
                reason="Href",
            )


def _take(answer: Response, seconds: float) -> None:
    """Read an answer's body, unless it is too large or too slow."""
    end, parts, size = time.monotonic() + seconds, [], 0
    read = getattr(answer.raw, "read1", answer.raw.read)  # an older urllib3 waits for all of a piece
    while part := read(1 << 16, decode_content=True):
        parts.append(part)
        size += len(part)
        if size > _MOST_BYTES or time.monotonic() > end + size / _SLOWEST:
            answer.close()
            why = f"it has more than {_MOST_BYTES >> 20} MiB" if size > _MOST_BYTES else "the answer is too slow"
            raise SearchError(f"the document was not read: {why}", reason="CatalogError")
    answer._content = b"".join(parts)
    answer._content_consumed = True


def _allows(host: str, ip: _Address, *, public: bool) -> bool:
    if ip.is_link_local or ip.is_multicast:
        return False
    chosen = config.configure()
    if host.lower() in {name.lower() for name in chosen.get("allow_hosts") or ()}:
        return True
    if ip.is_loopback or ip.is_unspecified:
        return not (public or chosen.get("deny_loopback"))
    return not _is_own(ip) or not (public or chosen.get("deny_private"))


def _is_own(ip: _Address) -> bool:
    """Tell the addresses of this machine and its network."""
    return ip.is_loopback or ip.is_unspecified or any(ip in net for net in _PRIVATE if net.version == ip.version)


def _pools(check: Callable[[str, str], None]) -> dict[str, type]:
    """Give urllib3's pools whose connections ask check for the host and its address."""
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    def checked(host: str, port: int, connect: Callable[[], socket.socket]) -> socket.socket:
        for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            check(host, str(place[0]))
        made = connect()
        try:
            check(host, made.getpeername()[0])
        except BaseException:
            made.close()
            raise
        return made

    class Connection(HTTPConnection):
        def _new_conn(self) -> socket.socket:
            return checked(self.host, self.port, super()._new_conn)

    class SecureConnection(HTTPSConnection):
        def _new_conn(self) -> socket.socket:
            return checked(self.host, self.port, super()._new_conn)

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connection

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = SecureConnection

    return {"http": Pool, "https": SecurePool}
