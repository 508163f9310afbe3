"""How commands print rows: a table for people, tab-separated lines for pipes."""

import sys
from collections.abc import Sequence


def print_table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print ``rows`` under ``columns``; in a pipe, one line a row."""
    if not sys.stdout.isatty():
        for row in rows:
            print("\t".join(" | ".join(str(cell).splitlines()) for cell in row))
        return
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns)
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    Console().print(table)
