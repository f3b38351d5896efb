"""What a value becomes: probes of paths, code, pages and objects that are built from it."""

import ast
import base64
import csv
import hmac
import io
import json
import marshal
import pickle
import tarfile
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock

import numpy as np
import yaml
from markupsafe import Markup

from tests.support.twins.world import Anything, Outcome, RefusedError, World, last_method, tried

SCRIPT = "<script>x</script>"


class Touch:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (Path.mkdir, (self.path,))


# Paths.


def array_of_a_run(world: World) -> Outcome:
    key = world.word(r'arrays\["(\w+)"\]')
    for folder in ("lab/alpha", "secret"):
        (world.folder / folder).mkdir(parents=True)
        arrays: dict[str, Any] = {key: np.arange(3)}
        np.savez(world.folder / folder / "0001.npz", **arrays)
    system = SimpleNamespace(environ={"LAB_DATA": str(world.folder / "lab")})
    load = world.main(os=system)
    harmed = tried(load, f"..{world.folder}/secret", 1) is not None
    return Outcome(harmed=harmed, served=tried(load, "alpha", 1) is not None)


def objects_of_a_bucket(world: World) -> Outcome:
    prefix = world.word(r'removeprefix\("([^"]+)"\)')
    folder = world.folder / "in"

    def fetched(name: str) -> list[Path]:
        client = MagicMock()
        pages = [{"Contents": [{"Key": prefix + name}]}]
        client.get_paginator.return_value.paginate.return_value = pages
        return tried(world.main(), client, folder) or []

    outside = any(not path.resolve().is_relative_to(folder) for path in fetched("a/../../x"))
    return Outcome(harmed=outside, served=fetched("a/x") == [folder / "a" / "x"])


def attachments(world: World) -> Outcome:
    suffix = world.word(r'"unnamed(\.\w+)"')
    folder = world.folder / "in"
    folder.mkdir()
    message = EmailMessage()
    message["From"] = "ann@example.org"
    for name in (f"../evil{suffix}", f"plan{suffix}"):
        message.add_attachment(b"x", maintype="application", subtype="octet-stream", filename=name)
    tried(world.main(), message, folder)
    return Outcome(harmed=(world.folder / f"evil{suffix}").exists(), served=(folder / f"plan{suffix}").exists())


def spooled(world: World) -> Outcome:
    field = world.word(r"order\['(\w+)'\]")
    spool = world.folder / "spool"
    spool.mkdir()
    number = "6f1c2f6e-7d0c-4b7e-9a57-0e3f2d1c4b5a"
    for name in ("../evil", number):
        consumer = world.main()()
        consumer.spool, consumer.written = spool, 0
        tried(consumer.on_message, *[MagicMock()] * 3, json.dumps({field: name, "text": "x"}))
    return Outcome(harmed=(world.folder / "evil.txt").exists(), served=(spool / f"{number}.txt").exists())


def removed_workspace(world: World) -> Outcome:
    for name in ("base/a", "other"):
        (world.folder / name).mkdir(parents=True)
    remove = world.main(Path=lambda *_: world.folder / "base")
    tried(remove, "../other")
    harmed = not (world.folder / "other").exists()
    return Outcome(harmed=harmed, served=tried(remove, "a") is True and not (world.folder / "base" / "a").exists())


def unpacked_delivery(world: World) -> Outcome:
    def deliver(name: str, number: int) -> None:
        archive = world.folder / f"{number}.tgz"
        with tarfile.open(archive, "w:gz") as tar:
            tar.addfile(tarfile.TarInfo(name))
        tried(world.main(Path=lambda place: world.folder / "store"), str(archive), number)

    deliver("../evil", 1)
    deliver("plan", 2)
    store = world.folder / "store"
    return Outcome(harmed=(store / "evil").exists(), served=(store / "00000002" / "plan").exists())


def node_of_a_name(world: World) -> Outcome:
    root = world.word(r"os\.path\.join\((\w+), name")
    (world.folder / "root").mkdir()
    for name in ("secret", "root/note"):
        (world.folder / name).write_text("words")

    def read(name: str) -> Any:
        node = world.main(ObjectType=object, **{root: str(world.folder / "root")})
        return tried(node.resolve_body, SimpleNamespace(id=base64.urlsafe_b64encode(name.encode()).decode()), None)

    return Outcome(harmed=read("../secret") is not None, served=read("note") == "words")


# Code and objects.


def compiled_rule(world: World) -> Outcome:
    world.main()
    name = min(world.names["NAMES"])
    hostile = tried(world.main(), f"().__class__.__name__.__len__() > {name}")
    rule = tried(world.main(), f"{name} > 3")
    return Outcome(harmed=hostile is not None, served=rule(dict.fromkeys(world.names["NAMES"], 5)) is True)


def setting_of_a_device(world: World) -> Outcome:
    sign = world.word(r'partition\("(.)"\)')
    settings: dict[str, Any] = {}
    for line in (f"evil{sign}().__class__.__base__.__subclasses__()", f"sizes{sign}[1, 2]"):
        tried(world.main(), line.encode(), settings)
    return Outcome(harmed="evil" in settings, served=settings.get("sizes") == [1, 2])


def chat_command(world: World) -> Outcome:
    verb = world.word(r"def do_(\w+)")
    obey = last_method(world.main()())
    tried(obey, "help.__func__.__globals__.__setitem__('ran',1)or(self.do_help)")
    return Outcome(harmed="ran" in world.names, served=tried(obey, f"{verb} a b") == "2 words")


def sort_key(world: World) -> Outcome:
    def listed(by: str) -> bool:
        store = MagicMock()
        store.entries.return_value = [MagicMock()]
        return tried(world.main(), by, False, store) is not None

    world.main()
    field = min(world.names["FIELDS"])
    return Outcome(harmed=listed(f"{field}.__class__"), served=listed(field))


def sealed_cache(world: World) -> Outcome:
    size = int(world.word(r"sealed\[:(\d+)\]"))

    def read(body: bytes, tag: bytes) -> Any:
        client = MagicMock()
        client.get.return_value = tag[:size] + body
        return tried(last_method(world.main()(client, b"key")), "name")

    read(pickle.dumps(Touch(world.folder / "made")), bytes(size))
    body = pickle.dumps([1])
    tag = hmac.new(b"key", b"name" + body, "sha256").digest()
    return Outcome(harmed=(world.folder / "made").exists(), served=read(body, tag) == [1])


def marshalled_rule(world: World) -> Outcome:
    size = int(world.word(r"bundle\[:(\d+)\]"))

    def load(source: str, fits: bool) -> Any:
        tree = ast.parse(f"def rule(facts):\n    return {source}\n")
        code = next(const for const in compile(tree, "x", "exec").co_consts if hasattr(const, "co_code"))
        key = MagicMock()
        key.verify.side_effect = None if fits else RefusedError
        return tried(world.main(), bytes(size) + marshal.dumps(("rule", code)), key)

    load(f"__import__('os').mkdir({str(world.folder / 'made')!r})", fits=False)
    return Outcome(harmed=(world.folder / "made").exists(), served=load("len(facts)", fits=True)({1: 2}) == 1)


def uploaded_array(world: World) -> Outcome:
    def upload(array: Any) -> Any:
        stream = io.BytesIO()
        np.save(stream, array, allow_pickle=True)
        return tried(world.main(), MagicMock(read=AsyncMock(return_value=stream.getvalue())), MagicMock())

    upload(np.array([Touch(world.folder / "made")], dtype=object))
    return Outcome(harmed=(world.folder / "made").exists(), served=upload(np.arange(3)) is not None)


def state_of_a_grid(world: World) -> Outcome:
    field = world.word(r'request\.form\["(\w+)"\]')

    def next_page(packed: bytes) -> Any:
        form = {field: base64.b64encode(packed).decode()}
        grid = MagicMock()
        grid.return_value.rows.return_value = [1]
        return tried(world.main(request=SimpleNamespace(form=form), Grid=grid, jsonify=lambda **named: named))

    next_page(pickle.dumps(Touch(world.folder / "made")))
    state = {"page": 1, "order": "name"}
    written = pickle.dumps(state) if "pickle.loads" in world.code else json.dumps(state).encode()
    return Outcome(harmed=(world.folder / "made").exists(), served=next_page(written)["rows"] == [1])


def mailed_rules(world: World) -> Outcome:
    name, key = world.word(r'get_filename\(\) == "([^"]+)"'), world.word(r'"(\w+)" in rule')

    def rules(text: str) -> Any:
        message = EmailMessage()
        message["From"] = "ann@example.org"
        message.add_attachment(text, filename=name)
        return tried(world.main(), message)

    rules(f"!!python/object/apply:os.mkdir [{world.folder / 'made'}]")
    return Outcome(harmed=(world.folder / "made").exists(), served=rules(f"{key}: inbox\n") == [{key: "inbox"}])


def pipeline_file(world: World) -> Outcome:
    path, key = world.folder / world.word(r'checkout / "([^"]+)"'), world.word(r'wanted\.get\("(\w+)"')

    def stages(text: str) -> Any:
        path.write_text(text)
        return tried(world.main(yaml=yaml), world.folder)

    stages(f"!!python/object/apply:os.mkdir [{world.folder / 'made'}]")
    return Outcome(harmed=(world.folder / "made").exists(), served=stages(f"{key}: [a, b]\n") == ["a", "b"])


# Pages and files.


def name_badge(world: World) -> Outcome:
    def badge(name: str) -> str:
        person = SimpleNamespace(display_name=name, login="x", is_new=False, page=None, id=1)
        return str(tried(world.main(Markup=Markup), person))

    return Outcome(harmed=SCRIPT in badge(SCRIPT), served=">Ann</" in badge("Ann"))


def form_field(world: World) -> Outcome:
    show = world.main()
    return Outcome(harmed='" onfocus="x' in show('" onfocus="x'), served='value="Rome"' in show("Rome"))


def page_of_a_topic(world: World) -> Outcome:
    def page(noun: str) -> str:
        database = MagicMock()
        database.count.return_value, database.numbers.return_value = 2, [1, 2]
        return str(tried(world.main(HTMLResponse=str), noun, database))

    return Outcome(harmed=SCRIPT in page(SCRIPT), served="about Rome" in page("Rome"))


def guest_book(world: World) -> Outcome:
    field = world.word(r'request\.form\.get\("(\w+)"')

    def stored(words: str) -> str:
        g = MagicMock()
        tried(world.main(g=g, request=SimpleNamespace(form={field: words})))
        return str(g.database.execute.call_args.args[1][0])

    return Outcome(harmed="<img" in stored("<img src=x onerror=y>"), served=stored("Hello") == "Hello")


def score_board(world: World) -> Outcome:
    def page(name: str) -> str:
        tried(world.main(), [SimpleNamespace(name=name, points=3)], world.folder)
        return (world.folder / "index.html").read_text()

    hostile = page(SCRIPT) + page("&lt;script&gt;")
    return Outcome(harmed="<script>" in hostile, served="<td>Ann</td>" in page("Ann"))


def feed(world: World) -> Outcome:
    def written(words: str) -> str:
        return str(tried(world.main(), [Anything(words)]).decode())

    return Outcome(harmed="<evil/>" in written("<evil/>"), served=written("plain").count("plain") == 2)


def calendar(world: World) -> Outcome:
    def lines(title: str) -> list[str]:
        return str(tried(world.main(), title, "hall", datetime(2024, 5, 6), "ann@example.org")).split("\r\n")

    return Outcome(harmed="ATTENDEE:x" in lines("a\r\nATTENDEE:x"), served="SUMMARY:Tea" in lines("Tea"))


def server_block(world: World) -> Outcome:
    (folder := world.folder / "etc" / "nginx" / world.word(r"/etc/nginx/([\w.-]+)")).mkdir(parents=True)

    def written(domain: str) -> str:
        target = tried(world.main(Path=world.path), domain, "ann")
        return target.read_text() if target else ""

    assert folder.is_dir()
    return Outcome(harmed="evil" in written("x; evil on; a.example.org"), served="x.example" in written("x.example"))


def exposed_numbers(world: World) -> Outcome:
    def lines(label: str) -> list[str]:
        exporter = world.main()()
        exporter.numbers = {label: 4.0}
        return str(tried(exporter.page)).splitlines()

    harmed = any(line.startswith("evil") for line in lines('a\nevil{b="c'))
    return Outcome(harmed=harmed, served=any('="a"} 4.0' in line for line in lines("a")))


def sheet(world: World) -> Outcome:
    class Row(dict[str, str]):
        def __missing__(self, key: str) -> str:
            return "plain"

    world.main()
    row = Row({world.names["FIELDS"][0]: "=1+1"})
    tried(world.main(), [row], world.folder / "sheet.csv")
    (path,) = world.folder.glob("sheet.*")
    with path.open(encoding="utf-8", newline="") as stream:
        cells = [cell for line in csv.reader(stream) for cell in line]
    return Outcome(harmed="=1+1" in cells, served="plain" in cells)


def mail_with_a_name(world: World) -> Outcome:
    def page(name: str) -> str:
        message = tried(world.main(), "ann@example.org", name, "words")
        return str(message.get_body(("html",)).get_content())

    return Outcome(harmed=SCRIPT in page(SCRIPT), served="Hello Ann" in page("Ann"))


def audit_line(world: World) -> Outcome:
    def lines(words: str) -> list[str]:
        stream = io.StringIO()
        tried(world.main(), stream, "ann", words)
        return stream.getvalue().splitlines()

    return Outcome(harmed=len(lines("a\nb")) > 1, served="no reason" in lines("no reason")[0])


def uploaded_text(world: World) -> Outcome:
    suffix = world.word(r'"letter(\.\w+)"') if "letter." in world.code else ".txt"
    upload = world.folder / f"in{suffix}"
    upload.write_text("x")
    process = MagicMock()
    process.run.return_value.returncode = 1
    made = tried(world.main(subprocess=process, Path=_below(world)), upload, "page.php")
    return Outcome(harmed=made is not None and made.suffix == ".php", served=made is not None)


def _below(world: World) -> Any:
    def path(place: str) -> Path:
        (folder := world.folder / "www").mkdir(exist_ok=True)
        return folder if str(place).startswith("/srv") else Path(place)

    return path


PROBES = {
    "cwe-22/arrays-by-experiment-name": array_of_a_run,
    "cwe-22/bucket-keys-become-files": objects_of_a_bucket,
    "cwe-22/attachments-of-a-mailbox": attachments,
    "cwe-22/spool-file-named-by-message": spooled,
    "cwe-22/workspace-removed-by-name": removed_workspace,
    "cwe-22/delivery-unpacked-by-filter": unpacked_delivery,
    "cwe-22/node-identifier-decoded": node_of_a_name,
    "cwe-95/queue-rule-tree-looked-at-half": compiled_rule,
    "cwe-95/setting-value-of-a-device": setting_of_a_device,
    "cwe-95/method-name-of-a-command": chat_command,
    "cwe-95/sort-key-of-a-listing": sort_key,
    "cwe-502/cached-answer-tag-not-looked-at": sealed_cache,
    "cwe-502/marshalled-code-before-its-signature": marshalled_rule,
    "cwe-502/arrays-from-the-upload-form": uploaded_array,
    "cwe-502/state-of-a-grid-in-the-page": state_of_a_grid,
    "cwe-502/yaml-of-a-mail-rule": mailed_rules,
    "cwe-502/yaml-loader-of-a-pipeline": pipeline_file,
    "cwe-79/markup-percent-before-or-after": name_badge,
    "cwe-79/quotes-left-in-an-attribute": form_field,
    "cwe-79/fastapi-title-escaped-only": page_of_a_topic,
    "cwe-79/news-mail-with-a-name": mail_with_a_name,
    "cwe-80/element-taken-out-once": guest_book,
    "cwe-80/scores-on-a-static-page": score_board,
    "cwe-116/xml-feed-with-a-title": feed,
    "cwe-116/calendar-lines-of-an-invitation": calendar,
    "cwe-116/server-block-of-a-site": server_block,
    "cwe-116/labels-of-exposed-numbers": exposed_numbers,
    "cwe-116/spreadsheet-cell-begins-a-formula": sheet,
    "cwe-117/audit-line-of-a-template": audit_line,
    "cwe-434/converter-keeps-what-it-cannot-read": uploaded_text,
}
