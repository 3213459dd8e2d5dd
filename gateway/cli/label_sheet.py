"""A label as text, as a drawing (SVG, millimetres) and as a page for a printer, black on white.

The QR code holds the public key as `laddvakt pins confirm --key` takes it: SubjectPublicKeyInfo in upper-case hex,
which a code writes in its dense alphanumeric form (ISO/IEC 18004 §7.3.4).
"""

import html
from collections.abc import Iterator, Sequence
from textwrap import wrap
from typing import Final

import segno

from gateway.metering.keys import PublicKey
from gateway.publish.label_words import Label, key_rows, notes, public_key_row, socket_rows, title
from gateway.publish.words import Language

QUIET_MODULES: Final = 4
"""Light margin around a code (ISO/IEC 18004 §9.1)."""
CORRECTION: Final = "q"
"""A quarter of the code may be dirty or scratched."""

WIDTH_MM: Final = 180.0
MARGIN_MM: Final = 6.0
CODE_MM: Final = 58.0
LETTER_MM: Final = 3.2
LETTER_WIDTH: Final = 0.62
"""Of a letter's height, with room to spare in any monospaced type."""
LINE_MM: Final = 4.4
STYLE: Final = (
    "body{font:11pt/1.35 sans-serif;color:#000;background:#fff;max-width:180mm;margin:8mm auto;padding:0 4mm}"
    "td{padding:.1em 1em .1em 0;vertical-align:top;overflow-wrap:anywhere}pre{font:12pt/1.3 monospace;margin:0}"
    "svg{width:58mm;height:58mm}section{break-inside:avoid}tr:first-child td{padding-top:.5em}"
)


def text_label(label: Label, language: Language) -> str:
    """For a terminal, and to be pasted into an agreement."""
    keys = key_rows(label, language)
    sockets = [socket_rows(socket, language) for socket in label.sockets]
    width = 2 + max(len(name) for name, _ in (*keys, *(row for rows in sockets for row in rows)))
    name, digits = public_key_row(label, language)
    lines = [title(language), "", *_aligned(keys, width), "", f"{name}:", digits]
    for rows in sockets:
        lines += ["", *_aligned(tuple((name, [value]) for name, value in rows), width)]
    return "\n".join([*lines, "", *notes(label, language, coded=False), ""])


def html_label(label: Label, language: Language) -> str:
    """One page without scripts and without anything from elsewhere."""
    keys = "".join(
        f"<tr><td>{html.escape(name)}</td><td><pre>{html.escape(chr(10).join(lines))}</pre></td></tr>\n"
        for name, lines in key_rows(label, language)
    )
    sockets = "".join(
        "".join(f"<tr><td>{html.escape(name)}</td><td>{html.escape(value)}</td></tr>\n" for name, value in rows)
        for rows in (socket_rows(socket, language) for socket in label.sockets)
    )
    words = "".join(f"<p>{html.escape(note)}</p>\n" for note in notes(label, language, coded=True))
    side, path = _code(label.key)
    code = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}">'
        f'<path fill="#fff" d="M0 0h{side}v{side}h-{side}z"/>'
        f'<path fill="#000" shape-rendering="crispEdges" d="{path}"/></svg>'
    )
    heading = html.escape(title(language))
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head><meta charset="utf-8"/><title>{heading}</title>'
        f"<style>{STYLE}</style></head>\n<body>\n<h1>{heading}</h1>\n"
        f"<section>{code}\n<table>\n{keys}</table></section>\n"
        f"<section><table>\n{sockets}</table></section>\n{words}</body>\n</html>\n"
    )


def svg_label(label: Label, language: Language) -> str:
    """One drawing, 180 mm wide and as high as it must be: the code, the key beside it, sockets and words below."""
    beside = MARGIN_MM + CODE_MM
    drawn = [_text(MARGIN_MM, MARGIN_MM + LETTER_MM, title(language), ' font-weight="bold"')]
    top = MARGIN_MM + 2 * LINE_MM
    y_mm = top + LINE_MM
    for name, values in key_rows(label, language):
        drawn.append(_text(beside, y_mm, name, ' font-style="italic"'))
        for line in (part for value in values for part in _wrapped(value, WIDTH_MM - beside - MARGIN_MM)):
            y_mm += LINE_MM
            drawn.append(_text(beside, y_mm, line))
        y_mm += LINE_MM
    y_mm = max(y_mm, top + CODE_MM) + LINE_MM
    sockets = [
        "; ".join(f"{name}: {value}" for name, value in socket_rows(socket, language)) for socket in label.sockets
    ]
    for paragraph in (*sockets, *notes(label, language, coded=True)):
        for line in _wrapped(paragraph, WIDTH_MM - 2 * MARGIN_MM):
            drawn.append(_text(MARGIN_MM, y_mm, line))
            y_mm += LINE_MM
        y_mm += LINE_MM / 2
    side, path = _code(label.key)
    size = f"{WIDTH_MM:g}", f"{y_mm:.1f}"
    shrunk = f"translate(0 {top:g}) scale({CODE_MM / side:.5f})"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" xml:lang="{language}" width="{size[0]}mm" height="{size[1]}mm" '
        f'viewBox="0 0 {size[0]} {size[1]}">\n<path fill="#fff" d="M0 0h{size[0]}v{size[1]}h-{size[0]}z"/>\n'
        f'<path fill="#000" shape-rendering="crispEdges" transform="{shrunk}" d="{path}"/>\n'
        f'<g fill="#000" font-family="monospace" font-size="{LETTER_MM:g}">\n{chr(10).join(drawn)}\n</g>\n</svg>\n'
    )


def _code(key: PublicKey) -> tuple[int, str]:
    """The QR code with its margin: how many modules a side has, and the dark ones as a path, row by row."""
    code = segno.make(key.hex, error=CORRECTION, mode="alphanumeric", micro=False, boost_error=False)
    rows = [bytes(row) for row in code.matrix]
    return len(rows) + 2 * QUIET_MODULES, "".join(_runs(rows))


def _runs(rows: list[bytes]) -> Iterator[str]:
    for y, row in enumerate(rows, QUIET_MODULES):
        begin = None
        for x, module in enumerate((*row, 0)):
            if module and begin is None:
                begin = x
            elif not module and begin is not None:
                yield f"M{begin + QUIET_MODULES} {y}h{x - begin}v1h-{x - begin}z"
                begin = None


def _aligned(rows: Sequence[tuple[str, Sequence[str]]], width: int) -> list[str]:
    return [f"{name if at == 0 else '':<{width}}{line}" for name, lines in rows for at, line in enumerate(lines)]


def _wrapped(text: str, width_mm: float) -> list[str]:
    """Lines that fit; a word that alone does not is cut."""
    return wrap(text, int(width_mm / (LETTER_MM * LETTER_WIDTH)), break_on_hyphens=False) or [""]


def _text(x_mm: float, y_mm: float, text: str, style: str = "") -> str:
    return f'<text x="{x_mm:g}" y="{y_mm:.1f}"{style}>{html.escape(text)}</text>'
