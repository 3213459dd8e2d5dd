"""Addresses on the network as the config and commands write them."""


def is_host(text: str) -> bool:
    """Whether a resolver can be asked for it: a name with no blank and no empty part, none longer than 63 letters
    (RFC 1035, 2.3.4), or an address."""
    try:
        octets = text.encode("idna")
    except UnicodeError:
        return False
    return bool(octets) and all(sign.isprintable() and not sign.isspace() and sign not in "[]/" for sign in text)


def host_and_port(text: str) -> tuple[str, int] | None:
    """`host:port` taken apart; None if it is not one. IPv6 addresses stand in brackets."""
    host, _, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not is_host(host) or not port.isascii() or not port.isdigit():
        return None
    return (host, int(port)) if 1 <= int(port) <= 65_535 else None
