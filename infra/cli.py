"""The command ``ballyhoo``: one subcommand for each process and each errand.

The processes import the whole house, which takes a second; they do so where they start: errands need not
wait.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated
from uuid import UUID

import psycopg
import typer

from adapters.event_store.migrate import MigrationError
from adapters.event_store.workspaces import make_key
from adapters.postgres.embedded import EmbeddedError
from domain.shared.errors import DomainError
from infra import database, logging, settings
from infra.archive_folder import folder_of, settle_folder
from infra.ask import Api, NoAnswer
from infra.settings import Settings
from infra.supervisor import CannotListen, Supervisor
from infra.track import Tally, TrackingFailed
from infra.track import track as track_file

Data = Annotated[Path | None, typer.Option("--data", help="Folder of the embedded Postgres.", metavar="DIR")]
Host = Annotated[str | None, typer.Option("--host", help="Address on which the API listens.")]
Port = Annotated[int | None, typer.Option("--port", help="Port on which the API listens.")]

app = typer.Typer(
    name="ballyhoo",
    help="An event-sourced campaign platform. Every option is also a setting: BALLYHOO_PORT=8080.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
key = typer.Typer(help="API keys.", no_args_is_help=True)
app.add_typer(key, name="key")
archive = typer.Typer(help="Move old facts into files that are still read.", invoke_without_command=True)
app.add_typer(archive, name="archive")
Before = Annotated[str, typer.Option("--before", help="A date, or a time with its offset.", metavar="TIME")]


class Failed(Exception):
    """The command did not do what was asked; the message is the sentence for whoever asked."""


def main() -> None:
    """Run the command line. What went wrong is one sentence on standard error, and a status other than 0."""
    try:
        app()
    except (
        CannotListen, DomainError, EmbeddedError, Failed, MigrationError, NoAnswer, database.NotReachable,
        settings.SettingError, TrackingFailed,
    ) as error:  # fmt: skip
        sys.exit(f"ballyhoo: {error}")
    except psycopg.OperationalError as error:
        sys.exit(f"ballyhoo: The database does not answer: {str(error).splitlines()[0]}")


@app.command()
def serve(data: Data = None, host: Host = None, port: Port = None) -> None:
    """Run everything, on an embedded Postgres, until ctrl-C."""
    chosen = settings.load(data=data, host=host, port=port)
    if chosen.database_url is not None and data is None:
        raise Failed(
            "BALLYHOO_DATABASE_URL is set, but serve brings a Postgres of its own: name its folder with "
            "--data, or run ballyhoo api, projector and worker against that database."
        )
    logging.configure("supervisor", chosen.log_level)

    def hand_over(key: str) -> None:
        path = database.write_owner_key(chosen.data, key)
        print(f"The owner's API key, kept in {path}:\n{key}", flush=True)

    def ready(url: str) -> None:
        print(f"Ballyhoo answers at {url}, its reference at {url}/docs. Stop it with ctrl-C.", flush=True)

    owner_key = chosen.owner_key.get_secret_value() if chosen.owner_key else None

    def bring_up(dsn: str) -> None:
        _applied(dsn, owner_key, hand_over)
        settle_folder(dsn, chosen)

    Supervisor(chosen, bring_up=bring_up, ready=ready).run()


@app.command()
def api(
    data: Data = None,
    host: Host = None,
    port: Port = None,
    listener: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Run one API process."""
    chosen, dsn = _process("api", data, host=host, port=port)
    from infra.processes import run_api

    run_api(chosen, dsn, socket.socket(fileno=listener) if listener is not None else None)


@app.command()
def projector(data: Data = None) -> None:
    """Run one projector: it keeps the read models up to the logs."""
    chosen, dsn = _process("projector", data)
    from infra.processes import run_projector

    run_projector(chosen, dsn)


@app.command()
def relay(data: Data = None) -> None:
    """Run one relay: it hands what the logs hold on to Kafka (BALLYHOO_KAFKA); others stand by."""
    chosen, dsn = _process("relay", data)
    if chosen.kafka is None:
        raise Failed("A relay needs BALLYHOO_KAFKA: the brokers, host:port with commas between.")
    from infra.processes import run_relay

    run_relay(chosen, dsn)


@app.command()
def worker(data: Data = None) -> None:
    """Run one worker: it launches and completes what is due."""
    chosen, dsn = _process("worker", data)
    from infra.processes import run_worker

    run_worker(chosen, dsn)


@app.command()
def migrate(
    data: Data = None,
    restored: Annotated[
        bool, typer.Option("--restored", help="The database was put back to an earlier state: begin a new epoch.")
    ] = False,
) -> None:
    """Bring the database up to this program; the first time, make the workspace default and print its key."""
    chosen = settings.load(data=data)
    owner_key = chosen.owner_key.get_secret_value() if chosen.owner_key else None
    with database.reach(chosen, data, make=True) as dsn:
        embedded = data is not None or chosen.database_url is None

        def hand_over(key: str) -> None:
            if embedded:
                database.write_owner_key(chosen.data, key)
            print(f"The owner's API key of the workspace default:\n{key}", flush=True)

        _applied(dsn, owner_key, hand_over, say=print)
        if restored:
            epoch = database.begin_epoch(dsn)
            print(f"Epoch {epoch} begins: positions of what was lost are refused. Start every process anew.")


@app.command()
def rebuild(
    names: Annotated[
        list[str] | None, typer.Argument(help="Projections; all where none is named.", metavar="[NAME]…")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=8, help="Processes that work side by side.")] = 1,
    back: Annotated[bool, typer.Option("--back", help="Go back to the tables before the last rebuild.")] = False,
    rule: Annotated[str | None, typer.Option(help="Keep the tables under this rule, beside the live ones.")] = None,
    data: Data = None,
) -> None:
    """Make read models anew from the whole history, beside the live ones, and put them in their place."""
    from adapters.read_models.rebuild.stopping import RebuildStopped
    from infra import rebuilding

    with database.reach(settings.load(data=data), data) as dsn:
        database.insist_on_tables(dsn)
        try:
            if rule is not None:
                rebuilding.insist_on_rule(dsn, rule)
            chosen = rebuilding.places(names or [], rule)
            rebuilding.rebuild_on_terminal(dsn, chosen, workers=workers, back=back)
        except (RebuildStopped, rebuilding.UnknownProjection, rebuilding.UnknownRule) as error:
            raise Failed(str(error)) from error


@archive.callback()
def archive_old(
    context: typer.Context,
    before: Annotated[
        str | None,
        typer.Option(help="A date, or a time with its offset; where it is not given, an age.", metavar="TIME"),
    ] = None,
    data: Data = None,
) -> None:
    """Move every partition of facts recorded before a time into a compressed file, which all readers go on reading."""
    if context.invoked_subcommand is not None:
        return
    from infra import archiving

    chosen = settings.load(data=data)
    folder = folder_of(chosen, data)
    try:
        at = None if before is None else archiving.time_of(before)
        with database.reach(chosen, data) as dsn:
            database.insist_on_tables(dsn)
            archiving.archive_on_terminal(dsn, chosen, folder, at)
    except archiving.ArchiveFailed as error:
        raise Failed(str(error)) from error


@archive.command("list")
def archive_list(
    verify: Annotated[bool, typer.Option("--verify", help="Read every file and say whether it is whole.")] = False,
    data: Data = None,
) -> None:
    """Say what is archived, and what it took before and after."""
    from infra import archiving

    with database.reach(settings.load(data=data), data) as dsn:
        database.insist_on_tables(dsn)
        try:
            archiving.list_on_terminal(dsn, verify)
        except archiving.ArchiveFailed as error:
            raise Failed(str(error)) from error


@archive.command("drop")
def archive_drop(
    before: Before,
    sure: Annotated[bool, typer.Option("--yes-delete-for-good", help="Yes: they are gone afterwards.")] = False,
    data: Data = None,
) -> None:
    """Delete archived facts for good, and move the horizon: answers that would need them name it."""
    from infra import archiving

    try:
        at = archiving.time_of(before)
        with database.reach(settings.load(data=data), data) as dsn:
            database.insist_on_tables(dsn)
            archiving.drop_on_terminal(dsn, at, sure)
    except archiving.ArchiveFailed as error:
        raise Failed(str(error)) from error


@app.command(hidden=True)
def job(id: UUID) -> None:
    """Do one job of a worker's, in a process of its own."""
    _, dsn = _process("job", None)
    from infra.rebuilding import run_job

    run_job(dsn, id)


@key.command("create")
def key_create(
    workspace: Annotated[str, typer.Option(help="Name of the workspace; made where it is new.")],
    role: Annotated[str, typer.Option(help="What the key may do: owner.")],
    data: Data = None,
) -> None:
    """Make an API key and print it last, alone on its line. It is not kept anywhere: nobody can tell it
    again.
    """
    with database.reach(settings.load(data=data), data) as dsn:
        database.insist_on_tables(dsn)
        with psycopg.connect(dsn, autocommit=True) as connection:
            made = make_key(connection, workspace, role)
    print(f"A key of the role {role} in the workspace {workspace}:\n{made}", flush=True)


@app.command()
def track(
    file: Annotated[Path, typer.Argument(help="A .csv or .jsonl file of facts.", metavar="FILE")],
    url: Annotated[str | None, typer.Option(help="Address of the API.")] = None,
    data: Data = None,
) -> None:
    """Send the facts of a file to the API, with the key in BALLYHOO_OWNER_KEY or in DIR/owner.key."""
    chosen = settings.load(data=data)
    with Api(url or _address(chosen), key=_own_key(chosen)) as api:
        tally = track_file(file, api, _progress)
    for fault in tally.faults:
        print(fault, file=sys.stderr)
    print(f"{tally.accepted} accepted, {tally.duplicates} duplicates, {tally.rejected} rejected")
    if tally.rejected:
        raise Failed(f"{tally.rejected} of {tally.sent} facts were rejected; the others are kept.")


@app.command()
def health(
    url: Annotated[str | None, typer.Option(help="Address of the API.")] = None,
    data: Data = None,
) -> None:
    """Say whether everything works, and which part does not."""
    with Api(url or _address(settings.load(data=data)), timeout=10.0) as api:
        status, answer = api.get("/health/ready")
    if status != 200:
        problems = answer.get("problems", {}) if isinstance(answer, dict) else {}
        raise Failed(" ".join(problems.values()) or f"The API answered {status}.")
    print("Everything works.")


@app.command()
def config(data: Data = None) -> None:
    """Print the settings in force, secrets masked."""
    print("\n".join(settings.shown(settings.load(data=data))))


def _process(kind: str, data: Path | None, **options: object) -> tuple[Settings, str]:
    """The settings and the database of a process that is about to run."""
    chosen = settings.load(data=data, **options)
    logging.configure(kind, chosen.log_level)
    dsn = database.running(chosen, data)
    database.insist_on_tables(dsn)
    return chosen, dsn


def _applied(
    dsn: str,
    owner_key: str | None,
    hand_over: Callable[[str], None],
    say: Callable[[str], None] = lambda line: None,
) -> None:
    done = database.bring_up(dsn, owner_key, hand_over)
    for name in done:
        say(f"applied {name}")
    if not done:
        say("The database is up to date.")


def _address(chosen: Settings) -> str:
    """Where the API of the folder answers, or the one that is set."""
    try:
        return (chosen.data / "address").read_text().strip()
    except OSError:
        return f"http://{chosen.host}:{chosen.port}"


def _own_key(chosen: Settings) -> str:
    if chosen.owner_key is not None:
        return chosen.owner_key.get_secret_value()
    try:
        return (chosen.data / "owner.key").read_text().strip()
    except OSError:
        raise Failed(
            f"There is no key: set BALLYHOO_OWNER_KEY, or name the folder of {chosen.data}/owner.key."
        ) from None


def _progress(tally: Tally) -> None:
    if os.isatty(sys.stderr.fileno()):
        print(f"\r{tally.sent} facts sent", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
