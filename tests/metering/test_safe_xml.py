"""The XML container: what we write, every transparency software reads; what we read, cannot harm us."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.metering.safe_xml import FILE_BYTES_MAX, NotSafeXml, SafeValue, safe_values, safe_xml


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
def test_records_come_back_word_for_word(text: str) -> None:
    record = f"OCMF|{text}"
    document = safe_xml(7, record, f"{record}end", "3059").encode()
    assert safe_values(document) == (
        SafeValue("7", "Transaction.Begin", record.strip(), "3059"),
        SafeValue("7", "Transaction.End", f"{record}end", "3059"),
    )


def test_a_session_that_runs_has_a_begin_only_and_no_file_has_a_namespace() -> None:
    document = safe_xml(1, "OCMF|a|b", None, "3059")
    assert "Transaction.End" not in document
    assert "xmlns" not in document


@pytest.mark.parametrize(
    "document",
    [
        b"<values>",
        b'<!DOCTYPE values><values><value><signedData format="OCMF">OCMF|</signedData></value></values>',
        b'<!DOCTYPE v [<!ENTITY a "b">]><values></values>',
        b"<values><value></value></values>",
        b'<values><value><signedData format="OCMF" encoding="base64">T0NNRg==</signedData></value></values>',
        b'<values><value><signedData format="EDL">OCMF|</signedData></value></values>',
        b'<values><value><signedData format="OCMF">OCMF|</signedData><signedData format="OCMF"/></value></values>',
        b"<values><other/></values>",
        b"<html></html>",
        b'<values><value><signedData format="OCMF"><b>OCMF|</b></signedData></value></values>',
        b"\xff\xfe<values/>",
        b" " * (FILE_BYTES_MAX + 1),
    ],
)
def test_files_that_are_not_right_are_refused(document: bytes) -> None:
    with pytest.raises(NotSafeXml):
        safe_values(document)


def test_a_value_without_key_is_read_since_its_key_proves_nothing_anyway() -> None:
    document = b'<values><value transactionId="1"><signedData format="OCMF">OCMF|a|b</signedData></value></values>'
    assert safe_values(document) == (SafeValue("1", "", "OCMF|a|b", None),)
