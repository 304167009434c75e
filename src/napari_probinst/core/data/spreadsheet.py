"""Text in a CSV file that a spreadsheet must not take for a formula."""

from __future__ import annotations

#: How a formula begins in Excel, LibreOffice and Google Sheets.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def as_text(value: str) -> str:
    """Return a cell's text, with an apostrophe before what would be run as a formula.

    Names of images and the content of journals come from elsewhere: a file called ``=cmd|...``
    must stay a name. The rule is OWASP's (https://owasp.org/www-community/attacks/CSV_Injection).
    Numbers are to be written as numbers, and not through this.
    """
    return f"'{value}" if value.startswith(_FORMULA_STARTS) else value
