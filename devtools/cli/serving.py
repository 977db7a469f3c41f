"""`devtools run`, `serve` and `open`: start a server, or find the link of one."""

import os
import socket
import webbrowser
from collections.abc import Mapping
from contextlib import suppress

import click
import uvicorn
from click.core import ParameterSource
from uvicorn.supervisors import ChangeReload, Multiprocess

from devtools.app import DevTools, mounted_on
from devtools.cli.databases import resolve
from devtools.cli.endpoints import AnswerError, is_web_address, no_web_address, over_http, ping
from devtools.cli.entries import parse_entry
from devtools.cli.mounted import APP_DIR, ENTRY, FACTORY, import_runnable, with_devtools
from devtools.cli.terminal import say
from devtools.errors import ForbiddenError, UnauthenticatedError, UnavailableError
from devtools.runtime import Runtime
from devtools.server.credentials import Credentials, known_token, link_with
from devtools.server.guard.clients import refuse_unsafe_bind
from devtools.server.listening import address, listen
from devtools.settings import load, variable

SHUTDOWN_SECONDS = 5

_port = click.IntRange(0, 65_535)


@click.command("run", short_help="Run an app with devtools mounted, under uvicorn.")
@click.argument("entry", metavar="MODULE:APP")
@click.option("--database", metavar="URL", help="Where records and snapshots are stored; unset = in memory.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port", default=8000, show_default=True, type=_port, help="Port to listen on; 0 = any free one."
)
@click.option("--allow-remote", is_flag=True, help="Answer other machines; needs a token of 32 characters.")
@click.option("--app-dir", metavar="PATH", help="Where the module is looked up; unset = here.")
@click.option("--factory", is_flag=True, help="APP is a function that makes the app.")
@click.option("--reload", is_flag=True, help="Restart when a file changes.")
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Worker processes.")
@click.option("--root-path", default="", metavar="PATH", help="Prefix that a proxy takes off.")
@click.option(
    "--proxy-headers/--no-proxy-headers",
    default=True,
    show_default=True,
    help="Believe X-Forwarded-Proto and X-Forwarded-For of trusted proxies.",
)
@click.option(
    "--forwarded-allow-ips",
    metavar="ADDRESSES",
    help="Trusted proxies, commas between.  [default: FORWARDED_ALLOW_IPS, else 127.0.0.1]",
)
def run_command(
    entry: str,
    database: str | None,
    host: str,
    port: int,
    allow_remote: bool,
    app_dir: str | None,
    factory: bool,
    reload: bool,
    workers: int,
    root_path: str,
    proxy_headers: bool,
    forwarded_allow_ips: str | None,
) -> None:
    """Run MODULE:APP at / with devtools at /devtools. `module:create()` calls a factory; FILE.py:APP names a file."""
    if reload and workers > 1:
        raise click.UsageError("--reload and --workers exclude each other: reloading has one process.")
    settings = load({"database": database, "allow_remote": allow_remote or None}).settings
    refuse_unsafe_bind(host, settings)
    _hand_over(
        {
            ENTRY: entry,
            APP_DIR: app_dir,
            FACTORY: factory,
            variable("database"): database,
            variable("allow_remote"): allow_remote,
        }
    )
    found = parse_entry(entry, app_dir)
    app = with_devtools(import_runnable(entry, app_dir, factory=factory), found.module)
    listener = listen(host, port)
    listener.set_inheritable(True)
    mounted = mounted_on(app)
    if mounted is not None:
        _say_overruled(mounted, {"database": database, "allow_remote": allow_remote})
        say(f"devtools: {mounted.link(address(listener))}")
        mounted.tell_no_link()
    in_children = reload or workers > 1
    config = uvicorn.Config(
        # This process has the app already: a factory makes one app alone.
        "devtools.cli.mounted:create" if in_children else app,
        factory=in_children,
        reload=reload,
        reload_dirs=[str(found.directory)] if reload else None,
        workers=workers,
        root_path=root_path,
        proxy_headers=proxy_headers,
        forwarded_allow_ips=forwarded_allow_ips,
        server_header=False,
    )
    if reload:
        ChangeReload(config, target=uvicorn.Server(config).run, sockets=[listener]).run()
    elif workers > 1:
        Multiprocess(config, sockets=[listener]).run()
    else:
        _run(config, listener)


def _say_overruled(mounted: DevTools, options: Mapping[str, str | bool | None]) -> None:
    """An app that mounts devtools itself may say otherwise than the command line: then it wins, and that is said."""
    for name, value in options.items():
        by_app = mounted.resolved.origins[name] == "argument"
        if value and by_app and getattr(mounted.settings, name) != value:
            say(
                f"devtools: --{name.replace('_', '-')} is not used: the app mounts devtools itself and names it there. "
                "Leave it out there to name it here.",
                err=True,
            )


def _run(config: uvicorn.Config, listener: socket.socket) -> None:
    """Until a signal. uvicorn passes it on once it has ended: Ctrl-C is how one ends a server, and no failure of the command."""
    with suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def _hand_over(values: dict[str, str | bool | None]) -> None:
    """Options reach workers and reload children by the environment."""
    os.environ.update({name: str(value) for name, value in values.items() if value})


@click.command("serve", short_help="Serve history and the stored structure, without the app.")
@click.option("--database", metavar="URL", help="The database; unset = DEVTOOLS_DATABASE or pyproject.toml.")
@click.option("--host", default=None, help="Address to listen on.  [default: 127.0.0.1]")
@click.option(
    "--port", default=None, type=_port, help="Port to listen on; 0 = any free one.  [default: 1337]"
)
@click.option("--app", default=None, help="Which app of the database; unset = the one seen last.")
@click.option("--role", default=None, help="Which role of the app.  [default: main]")
@click.option("--allow-remote", is_flag=True, help="Answer other machines; needs a token of 32 characters.")
def serve_command(
    database: str | None,
    host: str | None,
    port: int | None,
    app: str | None,
    role: str | None,
    allow_remote: bool,
) -> None:
    """Serve history and the stored structure of a database, without the app's code. Reads only."""
    resolved = resolve(database, host=host, port=port, app=app, role=role, allow_remote=allow_remote or None)
    settings = resolved.settings
    refuse_unsafe_bind(settings.host, settings)
    credentials = Credentials.load(settings)
    runtime = Runtime(resolved, credentials, read_only=True)
    listener = listen(settings.host, settings.port)
    say(f"devtools: {credentials.link(address(listener))}")
    config = uvicorn.Config(
        runtime.standalone(),
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=SHUTDOWN_SECONDS,
    )
    try:
        _run(config, listener)
    finally:
        runtime.close()


@click.command("open", short_help="Print the link of a running devtools, and open it in a browser.")
@click.option(
    "--endpoint",
    envvar="ENDPOINT",
    metavar="URL",
    default="http://127.0.0.1:8000/devtools",
    show_default=True,
    help="A running devtools: where it is mounted, with /graphql or without; unset = ENDPOINT.",
)
@click.option("--print", "only_print", is_flag=True, help="Print the link only.")
def open_command(endpoint: str, only_print: bool) -> None:
    """Print the link that opens the first page, token included, and open it in a browser. Asks the server first."""
    if not is_web_address(endpoint):
        raise no_web_address(endpoint)
    base = endpoint.rstrip("/").removesuffix("/graphql")
    try:
        ping(over_http(f"{base}/graphql", {}), base)
    except UnavailableError as error:
        is_given = click.get_current_context().get_parameter_source("endpoint") is not ParameterSource.DEFAULT
        raise UnavailableError(
            str(error) if is_given else f"{error} Another address is named with --endpoint."
        ) from error
    except AnswerError as error:
        if error.answered not in {UnauthenticatedError.code, ForbiddenError.code}:
            raise
        raise UnauthenticatedError(
            f"The token of {base} is another one than is known here. Where it has no database the token is in its output, and "
            f"{variable('token')} sets it for this command."
        ) from error
    link = link_with(known_token(load().settings), base)
    say(link)
    if not only_print:
        webbrowser.open(link)
