"""The topics read back into a table."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from gateway.publish.board import Board, plain_text
from gateway.publish.words import Language
from tests.publish.cabinet_told import control_state, snapshot, state_topics

LAST = (
    b'{"socket":"p1","session":"s","kind_text":"Avslutad","end_utc":"2026-06-01T12:00:00+00:00",'
    b'"begin_kwh":100.10,"end_kwh":112.40,"energy_kwh":12.30,"begin_page":7,"end_page":8}'
)


def told(board: Board | None = None) -> Board:
    board = board or Board()
    for topic, payload in state_topics(snapshot(), control_state(), Language.SV).items():
        board.heard(topic, payload.encode())
    board.heard("laddvakt/villa-1/status", b"online")
    board.heard("laddvakt/villa-1/session/last", LAST)
    return board


def test_the_table_shows_fuses_sockets_and_the_last_signed_session() -> None:
    text = plain_text(told().tables(Language.SV))
    assert "Laddvakt villa-1 (uppkopplad)" in text
    assert "main     20      11,0  12,5  11,0  7,5       20" in text
    row = next(line for line in text.splitlines() if line.startswith("p1  "))
    for cell in ("Laddar", "10,0", "10,0 10,0 10,0", "6912", "12,30", "Säkring main, fas L2 begränsar till 10,0 A"):
        assert cell in row
    assert "7, 8" in text
    assert "Avslutad" in text


def test_the_same_in_english_with_a_decimal_point() -> None:
    text = plain_text(told().tables(Language.EN))
    assert "(online)" in text
    assert "12.5" in text
    assert "Charging" in text


def test_nothing_heard_gives_a_table_of_unknowns_not_zeros() -> None:
    text = plain_text(Board().tables(Language.EN))
    assert "offline" in text
    assert "0" not in text


def test_one_gateway_is_shown_even_if_two_speak() -> None:
    board = told()
    board.heard("laddvakt/villa-2/status", b"offline")
    board.heard("laddvakt/villa-2/fuse/other/state", b"{}")
    assert board.online
    assert "other" not in plain_text(board.tables(Language.EN))


def test_unknown_figures_are_dashes() -> None:
    board = Board()
    late = control_state(second=55.0)
    for topic, payload in state_topics(replace(snapshot(), sockets={}), late, Language.SV).items():
        board.heard(topic, payload.encode())
    row = next(line for line in plain_text(board.tables(Language.SV)).splitlines() if line.startswith("p3"))
    assert "– – –" in row


def test_control_characters_of_a_stranger_do_not_reach_the_terminal() -> None:
    board = told()
    board.heard("laddvakt/villa-1/socket/p1/state", b'{"because_text": "\\u001b[2Jhej", "state": "charging"}')
    assert "\x1b" not in plain_text(board.tables(Language.SV))


@given(
    st.sampled_from(["state", "status", "session/last", "socket/p1/state", "fuse/main/state", "grid/state"]),
    st.one_of(
        st.binary(max_size=60),
        st.sampled_from(
            [b'{"heat":3,"load_a":{},"rating_a":"x","current_a":[true]}', b'{"waiting":7}', b"[]", b"9e999"]
        ),
    ),
)
def test_no_message_breaks_the_table(place: str, payload: bytes) -> None:
    board = told()
    board.heard(f"laddvakt/villa-1/{place}", payload)
    assert plain_text(board.tables(Language.SV))
