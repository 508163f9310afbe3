"""`triage up`, `status` and `down`: the platform on this machine."""

import json
from typing import Annotated

import typer

from apps.console.tables import print_table

Environment = Annotated[str | None, typer.Option("--env", help="An environment of clusters/: local, demo, …")]


def up(env: Environment = None) -> None:
    """Start what is not running, wait until all is healthy, and print the addresses."""
    from apps.console.runtime.up import bring_up
    from libs.common.config.home import Home
    from libs.common.config.loader import load_config

    config, home = load_config(env), Home.find()
    parts = bring_up(home, config, lambda line: typer.echo(line, err=True))
    print_table(("part", "url"), [(part.name, part.url) for part in parts if part.url])


def status(as_json: Annotated[bool, typer.Option("--json", help="One JSON list on standard output.")] = False) -> None:
    """Show each part; exit status 0 only if all are healthy."""
    from dataclasses import asdict

    from apps.console.runtime.discover import discover
    from apps.console.runtime.status import look
    from libs.common.config.home import Home
    from libs.common.config.loader import load_config

    home = Home.find()
    config = load_config(discover(home).environment)
    standings = look(home, config.platform, config.environment)
    if as_json:
        typer.echo(json.dumps([asdict(standing) for standing in standings], indent=2))
    elif standings:
        print_table(
            ("part", "state", "pid", "url", "since"),
            [(one.name, one.fault or "healthy", one.pid or "", one.url, one.since) for one in standings],
        )
    else:
        typer.echo(f"nothing was ever started in {home.root}; run `triage up`", err=True)
    raise typer.Exit(0 if standings and all(standing.healthy for standing in standings) else 1)


def down() -> None:
    """End exactly the processes that `triage up` started; everything they stored stays."""
    from apps.console.runtime.down import bring_down
    from libs.common.config.home import Home

    ended = bring_down(Home.find())
    for name, count in ended.items():
        typer.echo(f"{name}: ended ({count} processes)")
    if not ended:
        typer.echo("nothing was running")
