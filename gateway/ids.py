"""Identities. All are short ASCII names from the config, but session ids (UUID) and tokens."""

from typing import NewType

GatewayId = NewType("GatewayId", str)
FuseId = NewType("FuseId", str)
SocketId = NewType("SocketId", str)
BusId = NewType("BusId", str)
BoardId = NewType("BoardId", str)
SessionId = NewType("SessionId", str)
Token = NewType("Token", str)
"""Who starts a session, as a pseudonym (never a name). Never logged."""
LimitId = NewType("LimitId", str)
"""A limit from outside: of the grid company, of Home Assistant, of a wired contact."""
TariffId = NewType("TariffId", str)

OF_SOCKET = "socket:"


def socket_token(socket: SocketId) -> Token:
    """Who a session that started by itself is booked on: the socket."""
    return Token(f"{OF_SOCKET}{socket}")


def names_a_user(token: Token | None) -> bool:
    """False where nobody was asked who he is."""
    return token is not None and not token.startswith(OF_SOCKET)
