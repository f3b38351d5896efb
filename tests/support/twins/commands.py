"""What commands and queries become of a value: probes of shells, options and statements."""

import io
import shlex
import sqlite3
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock

from tests.support.twins.world import Outcome, RefusedError, World, last_method, tried

# Commands.


def remote_log(world: World) -> Outcome:
    def words(name: str) -> list[str]:
        paramiko = MagicMock()
        run = paramiko.SSHClient.return_value.exec_command
        run.return_value = (None, io.BytesIO(b"lines"), None)
        tried(world.main(paramiko=paramiko), "host", name)
        return shlex.split(run.call_args.args[0])

    return Outcome(harmed="touch" in words("x; touch y"), served="web" in words("web"))


def restarted_unit(world: World) -> Outcome:
    def ran(unit: str) -> list[str]:
        connection = MagicMock()
        tried(world.main(Connection=connection), ["host"], unit, "ann")
        return [call.args[0] for call in connection.return_value.__enter__.return_value.run.call_args_list]

    world.main()
    unit = min(world.names["UNITS"])
    harmed = any("touch" in line for line in ran(f"{unit}.x; touch y"))
    return Outcome(harmed=harmed, served=any(unit in line for line in ran(f"{unit}.service")))


def counted_lines(world: World) -> Outcome:
    (world.folder / world.word(r"zcat -f (\S+)\*")).write_text("cat\ndog\ncat\n")
    name = world.word(r'request\.args\.get\("(\w+)"')

    def counted(words: str) -> Any:
        request = SimpleNamespace(args={name: words})
        return tried(world.main(request=request, LOGS=world.folder, jsonify=lambda **named: named))

    counted('"; mkdir made; echo "')
    return Outcome(harmed=(world.folder / "made").exists(), served=counted("cat") == {"lines": 2})


def packed_uploads(world: World) -> Outcome:
    (world.folder / "backup").mkdir()
    uploads = world.folder / "srv" / world.word(r'Path\("/srv/(\w+)"\)') / "2024" / "05" / "06"
    uploads.mkdir(parents=True)
    for name in ("a.txt", "--checkpoint=1", "--checkpoint-action=exec=mkdir made"):
        (uploads / name).write_text("x")
    pack = world.main(Path=world.path)
    target = tried(pack, date(2024, 5, 6))
    harmed = (uploads / "made").exists()
    for path in uploads.glob("--*"):
        path.unlink()
    target = tried(pack, date(2024, 5, 6))
    return Outcome(harmed=harmed, served=target is not None and target.stat().st_size > 0)


def schedule(world: World) -> Outcome:
    def entries(words: str) -> list[str]:
        process = MagicMock()
        process.run.return_value.stdout = ""
        tried(world.main(subprocess=process), 4, 30, words)
        lines = process.run.call_args.kwargs["input"].splitlines()
        return [line for line in lines if line and not line.startswith("#")]

    harmed = any("evil" in line for line in entries("mine\n* * * * * evil"))
    return Outcome(harmed=harmed, served=len(entries("sales")) == 1)


def workspace(world: World) -> Outcome:
    def ran(name: str) -> bool:
        process = MagicMock()
        process.run.return_value.stdout = "{}"
        tried(world.main(subprocess=process), "/srv", name)
        return bool(process.run.called)

    return Outcome(harmed=ran("abc; touch y"), served=ran("abc-def"))


def asked_host(world: World) -> Outcome:
    def command(entry: str) -> list[str]:
        process = MagicMock()
        tried(world.main(subprocess=process), entry)
        return list(process.run.call_args.args[0]) if process.run.called else []

    hostile = command(" -oProxyCommand=touch")
    return Outcome(harmed="-oProxyCommand=touch" in hostile, served="web1" in command(" web1\n"))


def clip(world: World) -> Outcome:
    def command(title: str) -> list[str]:
        process = MagicMock()
        process.run.return_value.returncode = 0
        tried(world.main(subprocess=process), Path("in.mp4"), title, 3.0, Path("out.mp4"))
        return list(process.run.call_args.args[0])

    return Outcome(harmed="/etc/passwd" in command("x -i /etc/passwd"), served="title=Fair" in command("Fair"))


def mirrored(world: World) -> Outcome:
    def command(address: str) -> list[str]:
        process = MagicMock()
        process.run.return_value.returncode = 0
        tried(world.main(subprocess=process, slugify=str), address, "name")
        return list(process.run.call_args.args[0])

    hostile = command("--upload-pack=touch")
    options = hostile[: hostile.index("--")] if "--" in hostile else hostile
    return Outcome(harmed="--upload-pack=touch" in options, served="https://x.example" in command("https://x.example"))


def looked_up(world: World) -> Outcome:
    def words(name: str) -> list[str]:
        system = MagicMock()
        tried(world.main(os=system), name)
        return shlex.split(system.popen.call_args.args[0])

    return Outcome(harmed=words("x|touch y")[-1] == "y", served=words("example.org")[-1] == "example.org")


def found_setting(world: World) -> Outcome:
    def command(words: str) -> list[str]:
        client = MagicMock()
        run = client.containers.get.return_value.exec_run
        run.return_value = (0, b"line")
        tried(world.main(docker=MagicMock()), client, "web", words)
        return list(run.call_args.args[0])

    return Outcome(harmed="touch" in command("'; touch y; '")[2], served=command("port")[-1] == "port")


def menu_line(world: World) -> Outcome:
    def line(body: bytes) -> str:
        process = MagicMock()
        tried(world.main(subprocess=process), *[MagicMock()] * 3, body)
        return str(process.run.call_args.args[0])

    world.main()
    return Outcome(harmed="touch" in line(b"touch y"), served=line(b"first") == world.names["LINES"]["first"])


# Queries.


def quoted_name(world: World) -> Outcome:
    column, table = world.word(r"SELECT id, (\w+) FROM"), world.word(r"SELECT id, \w+ FROM (\w+)")

    def rows(name: str) -> int:
        database = sqlite3.connect(":memory:")
        database.execute(f"CREATE TABLE {table} (id, {column})")
        database.executemany(f"INSERT INTO {table} VALUES (?, ?)", [(1, "a"), (2, "b")])
        handler = world.main(tornado=SimpleNamespace(web=SimpleNamespace(RequestHandler=object)))()
        handler.initialize(database)
        handler.get_argument = lambda *_: name
        handler.write, handler.set_header = MagicMock(), MagicMock()
        tried(handler.get)
        return len(handler.write.call_args.args[0]["rows"]) if handler.write.called else 0

    return Outcome(harmed=rows("' OR 1=1 --") == 2, served=rows("a") == 1)


def moved_names(world: World) -> Outcome:
    column, table = world.word(r"SELECT id, (\w+) FROM"), world.word(r"SELECT id, \w+ FROM (\w+)")
    path = world.folder / "rows.db"
    connection = sqlite3.connect(path)
    connection.executescript(f"CREATE TABLE people (id, login); CREATE TABLE {table} (id, {column}, {column}_id);")
    connection.executemany("INSERT INTO people VALUES (?, ?)", [(1, "root"), (2, "ann")])
    connection.executemany(f"INSERT INTO {table} VALUES (?, ?, NULL)", [(1, "' OR '1'='1"), (2, "ann")])
    connection.commit()
    tried(world.main(), path)
    linked = dict(connection.execute(f"SELECT id, {column}_id FROM {table}").fetchall())
    return Outcome(harmed=linked[1] is not None, served=linked[2] == 2)


def known_tables(world: World) -> Outcome:
    kind = world.word(r'tables = \{"(\w+)"')
    connection = sqlite3.connect(":memory:")
    connection.executescript("CREATE TABLE secrets (code); INSERT INTO secrets VALUES ('s3cret');")
    connection.execute(f"CREATE TABLE {kind}_trail (stamp, who, what, item)")
    connection.execute(f"INSERT INTO {kind}_trail VALUES ('May', 'ann', 'saved', 1)")
    read = last_method(world.main()(connection))
    hostile = "(SELECT code AS stamp, 1 AS who, 1 AS what, ? AS item FROM secrets) --"
    return Outcome(harmed=bool(tried(read, hostile, 1)), served=tried(read, kind, 1) == [("May", "ann", "saved")])


def topic_table(world: World) -> Outcome:
    def statement(topic: str) -> str:
        connection = MagicMock()
        tried(world.main(), connection, topic, b"body")
        call = connection.cursor.return_value.__enter__.return_value.execute.call_args
        return str(call.args[0]) if call else ""

    harmed = "DROP" in statement("north/x; DROP TABLE y")
    return Outcome(harmed=harmed, served="INTO readings" in statement("north/readings"))


def sort_direction(world: World) -> Outcome:
    def statement(direction: str) -> str:
        info = MagicMock()
        info.context.database.fetch_all = AsyncMock(return_value=[])
        tried(world.main(), None, info, direction)
        call = info.context.database.fetch_all.call_args
        return str(call.args[0]) if call else ""

    return Outcome(harmed="DROP" in statement("asc; drop"), served="DESC" in statement(" desc"))


def page_size(world: World) -> Outcome:
    def statement(limit: str) -> str:
        connection = MagicMock(fetch=AsyncMock(return_value=[]))
        pool = MagicMock()
        pool.acquire.return_value.__aenter__ = AsyncMock(return_value=connection)
        web = MagicMock(HTTPBadRequest=RefusedError)
        tried(world.main(web=web), MagicMock(query={"limit": limit}, app={"pool": pool}))
        return str(connection.fetch.call_args.args[0]) if connection.fetch.called else ""

    return Outcome(harmed="DROP" in statement("5; DROP TABLE x"), served="LIMIT 5" in statement("5"))


PROBES = {
    "cwe-78/paramiko-tail-of-a-log": remote_log,
    "cwe-78/fabric-unit-by-its-first-part": restarted_unit,
    "cwe-78/pattern-through-the-environment": counted_lines,
    "cwe-78/nightly-tar-of-everything": packed_uploads,
    "cwe-78/schedule-line-with-a-label": schedule,
    "cwe-78/workspace-name-half-matched": workspace,
    "cwe-78/ssh-host-stripped-late": asked_host,
    "cwe-78/clip-options-split-from-a-line": clip,
    "cwe-78/mirror-clones-an-address": mirrored,
    "cwe-78/lookup-of-a-domain": looked_up,
    "cwe-78/container-shell-with-a-parameter": found_setting,
    "cwe-78/constant-lines-of-a-menu": menu_line,
    "cwe-89/tornado-sqlite-backslash": quoted_name,
    "cwe-89/migration-moves-stored-names": moved_names,
    "cwe-89/known-tables-with-fallback": known_tables,
    "cwe-89/queue-topic-names-table": topic_table,
    "cwe-89/graphql-sort-direction": sort_direction,
    "cwe-89/aiohttp-page-size-digits": page_size,
}
