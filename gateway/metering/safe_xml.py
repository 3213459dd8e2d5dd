"""S.A.F.E. XML: the container that public transparency software reads (schema of transparenzsoftware 1.4).

One file per session, since some verifiers refuse a file with two keys or meters. No namespace: S.A.F.E. refuses one.
"""

from dataclasses import dataclass, field
from typing import Final
from xml.parsers import expat

FILE_BYTES_MAX: Final = 16 * 1024 * 1024


class NotSafeXml(ValueError):  # noqa: N818 - names what the file is
    """The file is no S.A.F.E. XML, or holds what such a file must never hold."""


@dataclass(frozen=True, slots=True)
class SafeValue:
    """One `value`. record: the signed text word for word; key: the key that came with it, which proves nothing."""

    transaction: str
    context: str
    record: str
    key: str | None


def safe_xml(
    transaction: int, begin_record: str, end_record: str | None, public_key_hex: str, journal_head: str = ""
) -> str:
    """The file of one session. transaction: any integer that no other session has (the begin's page is one);
    journal_head: SEQ:HASH, kept in a comment."""
    values = [("Transaction.Begin", begin_record)]
    if end_record is not None:
        values.append(("Transaction.End", end_record))
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<values>"]
    if journal_head:
        lines.insert(1, f"<!-- laddvakt journal head {journal_head} -->")
    for context, record in values:
        lines += [
            f'  <value transactionId="{transaction}" context="{context}">',
            f'    <signedData format="OCMF" encoding="plain">{_escaped(record)}</signedData>',
            f'    <publicKey encoding="hex">{public_key_hex}</publicKey>',
            "  </value>",
        ]
    return "\n".join([*lines, "</values>", ""])


def safe_values(document: bytes) -> tuple[SafeValue, ...]:
    """The values of a S.A.F.E. XML file. Raises NotSafeXml; every DOCTYPE, and so every entity, is refused."""
    if len(document) > FILE_BYTES_MAX:
        raise NotSafeXml(f"larger than {FILE_BYTES_MAX} bytes")
    reader = _Reader()
    parser = expat.ParserCreate(encoding="UTF-8")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _no_doctype
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    try:
        parser.Parse(document, True)
    except expat.ExpatError as problem:
        raise NotSafeXml(str(problem)) from None
    return tuple(reader.values)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _no_doctype(*_: object) -> None:
    raise NotSafeXml("a DOCTYPE has no place in it")


@dataclass(slots=True)
class _Reader:
    values: list[SafeValue] = field(default_factory=list)
    path: list[str] = field(default_factory=list)
    attributes: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self.path.append(name)
        if self.path == ["values", "value"]:
            self.attributes, self.texts = attributes, {}
        elif self.path == ["values", "value", name]:
            if name in self.texts:
                raise NotSafeXml(f"two {name} in one value")
            self.texts[name] = []
            if name == "signedData":
                self.form = attributes
        elif self.path != ["values"]:
            raise NotSafeXml(f"{'/'.join(self.path[-3:])} has no place in it")

    def text(self, data: str) -> None:
        if len(self.path) == 3:
            self.texts[self.path[-1]].append(data)

    def end(self, _name: str) -> None:
        self.path.pop()
        if self.path != ["values"]:
            return
        if "signedData" not in self.texts:
            raise NotSafeXml("a value without signedData")
        if self.form.get("format", "OCMF") != "OCMF" or self.form.get("encoding", "plain") != "plain":
            raise NotSafeXml("signedData must be format OCMF in plain encoding")
        key = "".join(self.texts["publicKey"]).strip() if "publicKey" in self.texts else None
        record = "".join(self.texts["signedData"]).strip()
        self.values.append(
            SafeValue(self.attributes.get("transactionId", ""), self.attributes.get("context", ""), record, key)
        )
