"""The XML container to the letter, and what is said of one that is not right."""

import pytest

from gateway.metering.safe_xml import FILE_BYTES_MAX, NotSafeXml, SafeValue, safe_values, safe_xml

WHOLE = """<?xml version="1.0" encoding="UTF-8"?>
<!-- laddvakt journal head 5:ab -->
<values>
  <value transactionId="7" context="Transaction.Begin">
    <signedData format="OCMF" encoding="plain">OCMF|&lt;a&gt;&amp;&gt;|b</signedData>
    <publicKey encoding="hex">3059</publicKey>
  </value>
  <value transactionId="7" context="Transaction.End">
    <signedData format="OCMF" encoding="plain">OCMF|c|d</signedData>
    <publicKey encoding="hex">3059</publicKey>
  </value>
</values>
"""


def value(inner: str, attributes: str = "") -> bytes:
    return f"<values><value{attributes}>{inner}</value></values>".encode()


DATA = '<signedData format="OCMF">OCMF|a|b</signedData>'


def test_a_file_is_written_letter_for_letter() -> None:
    assert safe_xml(7, "OCMF|<a>&>|b", "OCMF|c|d", "3059", "5:ab") == WHOLE
    head, _, rest = WHOLE.partition("<!-- laddvakt journal head 5:ab -->\n")
    assert safe_xml(7, "OCMF|<a>&>|b", "OCMF|c|d", "3059") == head + rest
    begin_only = head + rest[: rest.index('  <value transactionId="7" context="Transaction.End">')] + "</values>\n"
    assert safe_xml(7, "OCMF|<a>&>|b", None, "3059") == begin_only


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (b"<values>", "no element found: line 1, column 8"),
        (b" " * (FILE_BYTES_MAX + 1), "larger than 16777216 bytes"),
        (b"<!DOCTYPE values><values/>", "a DOCTYPE has no place in it"),
        (value(DATA + DATA), "two signedData in one value"),
        (value(f"{DATA}<publicKey/><publicKey/>"), "two publicKey in one value"),
        (b"<html></html>", "html has no place in it"),
        (b"<values><other/></values>", "values/other has no place in it"),
        (value('<signedData format="OCMF"><b/></signedData>'), "value/signedData/b has no place in it"),
        (value("<publicKey/>"), "a value without signedData"),
        (
            value('<signedData format="OCMF" encoding="hex"/>'),
            "signedData must be format OCMF in plain encoding",
        ),
        (
            value('<signedData format="ocmf" encoding="plain"/>'),
            "signedData must be format OCMF in plain encoding",
        ),
    ],
)
def test_what_is_not_right_is_said_in_these_words(document: bytes, words: str) -> None:
    with pytest.raises(NotSafeXml) as told:
        safe_values(document)
    assert str(told.value) == words


def test_a_file_may_be_as_large_as_the_limit() -> None:
    assert safe_values(b"<values/>".ljust(FILE_BYTES_MAX)) == ()


def test_a_value_says_what_stands_in_it_and_nothing_of_its_neighbours() -> None:
    first = f'<value transactionId="1" context="x">{DATA}<publicKey encoding="hex"> 30 </publicKey></value>'
    second = '<value><other/><signedData format="OCMF" encoding="plain">\n OCMF|c|d\n</signedData></value>'
    assert safe_values(f"<values>{first}\n{second}</values>".encode()) == (
        SafeValue("1", "x", "OCMF|a|b", "30"),
        SafeValue("", "", "OCMF|c|d", None),
    )


def test_a_form_that_is_not_said_is_ours() -> None:
    assert safe_values(value("<signedData>OCMF|a|b</signedData>")) == (SafeValue("", "", "OCMF|a|b", None),)


def test_octets_are_utf_8_whatever_the_file_says_and_a_long_record_comes_back_whole() -> None:
    record = "OCMF|" + "åäö<&>" * 20_000 + "|b"
    document = safe_xml(1, record, None, "30" * 20_000).replace("UTF-8", "ISO-8859-1").encode()
    assert safe_values(document) == (SafeValue("1", "Transaction.Begin", record, "30" * 20_000),)


def test_a_key_that_is_written_in_many_lines_comes_back_with_them() -> None:
    key = "\n".join(["30" * 40] * 500)
    assert safe_values(safe_xml(1, "OCMF|a|b", None, key).encode())[0].key == key
