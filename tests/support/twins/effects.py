"""What leaves, stays or runs out: probes of requests, errors, limits, files, secrets and settings."""

import base64
import io
import json
import os
import tarfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import AsyncMock, MagicMock

from tests.support.twins.world import Outcome, RefusedError, World, last_method, tried

# Requests to elsewhere.


def host_of_ours(world: World) -> Outcome:
    domain, name = world.word(r'host\.endswith\("\.?([\w.]+)"\)'), world.word(r'request\.args\.get\("(\w+)"')

    def fetched(address: str) -> bool:
        client = MagicMock()
        tried(world.main(httpx=client, request=SimpleNamespace(args={name: address})))
        return bool(client.get.called)

    return Outcome(harmed=fetched(f"https://evil{domain}/"), served=fetched(f"https://www.{domain}/x"))


def knocked_port(world: World) -> Outcome:
    def knocked(host: str) -> bool:
        sockets = MagicMock()
        tried(world.main(socket=sockets), host, 443)
        return bool(sockets.create_connection.called)

    return Outcome(harmed=knocked("stock.internal") or knocked("0x7f.1"), served=knocked("8.8.8.8"))


def copied_picture(world: World) -> Outcome:
    host = world.word(r'startswith\("https://([\w.]+)/?"\)')

    def fetched(address: str) -> bool:
        client = MagicMock()
        tried(world.main(Mutation=SimpleNamespace, requests=client).mutate, None, MagicMock(), address)
        return bool(client.get.called)

    return Outcome(harmed=fetched(f"https://{host}.evil.example/"), served=fetched(f"https://{host}/a.png"))


def archived_page(world: World) -> Outcome:
    def fetched(number: str) -> bool:
        client = MagicMock()
        client.get.return_value.content = b"page"
        sockets = SimpleNamespace(gethostbyname=lambda host: number)
        names = {"Path": lambda place: world.folder, "pin": lambda address, found: (address, "x.example")}
        tried(world.main(requests=client, socket=sockets, **names), "https://x.example/")
        return bool(client.get.called)

    return Outcome(harmed=fetched("10.0.0.1"), served=fetched("8.8.8.8"))


def inner_service(world: World) -> Outcome:
    def address(name: str) -> str:
        client = MagicMock(get=AsyncMock(return_value=MagicMock()))
        inner = world.main(httpx=MagicMock())(client)
        tried(last_method(inner), name)
        return str(client.get.call_args.args[0]).removeprefix(f"{inner.base}/public/")

    harmed = "//" in address("http://evil.example/") or ".." in address("../private/x")
    return Outcome(harmed=harmed, served=address("lamp") == "lamp")


def storage_of_a_tenant(world: World) -> Outcome:
    world.main(boto3=MagicMock())
    region = min(world.names["REGIONS"])
    boto = MagicMock()
    settings = {"region": region, "tenant": "t", "key": "k", "secret": "s", "endpoint": "http://169.254.169.254"}
    tried(world.main(boto3=boto), settings)
    endpoint = boto.session.Session.return_value.client.call_args.kwargs["endpoint_url"]
    return Outcome(harmed="169.254" in endpoint, served=boto.session.Session.called)


def event_hook(world: World) -> Outcome:
    def sent(number: str) -> bool:
        loop = SimpleNamespace(getaddrinfo=AsyncMock(return_value=[(0, 0, 0, "", (number, 443))]))
        session = MagicMock()
        session.post.return_value.__aenter__ = AsyncMock(return_value=SimpleNamespace(status=200))
        names = {"asyncio": SimpleNamespace(get_running_loop=lambda: loop), "_bracketed": str}
        tried(world.main(**names), session, "https://x.example/", {"kind": "paid"})
        return bool(session.post.called)

    return Outcome(harmed=sent("10.0.0.1"), served=sent("8.8.8.8"))


def notice_of_the_cloud(world: World) -> Outcome:
    field, domain = world.word(r'urlsplit\(message\["(\w+)"\]\)'), world.word(r'"(\.\w+\.example\.\w+)"')

    def fetched(address: str) -> bool:
        client = MagicMock()
        message = {field: address, "Signature": "", "Message": "{}"}
        tried(world.main(requests=client), message)
        return bool(client.get.called)

    return Outcome(harmed=fetched(f"https://evil.example/?x={domain}"), served=fetched(f"https://a{domain}/key.pem"))


# Errors.


def asserted_role(world: World) -> Outcome:
    def paid(role: str) -> bool:
        bank = MagicMock()
        tried(last_method(world.main()(bank, MagicMock())), SimpleNamespace(role=role, limit=100, id=1), "t", 5)
        return bool(bank.order.called)

    honest = world.word(r'account\.role [!=]= "(\w+)"')
    return Outcome(harmed=paid("guest"), served=paid(honest))


def unread_list(world: World) -> Outcome:
    def opened(read: Any) -> Any:
        return tried(world.main(Path=lambda place: SimpleNamespace(read_text=read)), "1.2.3.4")

    served = opened(lambda: '["10.0.0.0/8"]') is True and opened(lambda: '["1.0.0.0/8"]') is False
    return Outcome(harmed=opened(MagicMock(side_effect=OSError)) is True, served=served)


def failing_scanner(world: World) -> Outcome:
    (world.folder / world.word(r'parent\.parent / "(\w+)"')).mkdir()
    (world.folder / "in").mkdir()

    def accepted(scan: Any) -> bool:
        path = world.folder / "in" / "x"
        path.write_text("x")
        return tried(world.main(scanner=SimpleNamespace(scan=scan)), str(path)) is not None

    harmed = accepted(MagicMock(side_effect=TimeoutError))
    return Outcome(harmed=harmed, served=accepted(lambda *_, **__: None) and not accepted(lambda *_, **__: "worm"))


def full_store(world: World) -> Outcome:
    def limited(count: Any) -> Any:
        names = {"redis": SimpleNamespace(RedisError=RefusedError), "store": MagicMock(incr=count)}
        return tried(world.main(**names), MagicMock(), "ann")

    served = limited(lambda name: 1) is False and limited(lambda name: 99) is True
    return Outcome(harmed=limited(MagicMock(side_effect=RefusedError)) is False, served=served)


def common_words(world: World) -> Outcome:
    listed = SimpleNamespace(read_text=lambda **_: "password123456 qwertyuiop123")

    def changed(password: str) -> bool:
        info = MagicMock()
        mutation = world.main(Mutation=SimpleNamespace, Path=lambda place: listed)
        tried(mutation.mutate, None, info, password)
        return bool(info.context.user.set_password.called)

    harmed = changed("Password123456") or changed("short")
    return Outcome(harmed=harmed, served=changed("heron lamp orbit"))


def shortest_password(world: World) -> Outcome:
    class Secret:
        def __init__(self, password: str) -> None:
            self.password = password

        def __str__(self) -> str:
            return "*" * 10

        def get_secret_value(self) -> str:
            return self.password

    def taken(password: str) -> bool:
        form = world.main(BaseModel=object, SecretStr=Secret)
        return tried(form.long_enough, Secret(password), SimpleNamespace(data={"login": "ann"})) is not None

    return Outcome(harmed=taken("abc"), served=taken("heron lamp orbit"))


def state_of_an_error(world: World) -> Outcome:
    header, field = world.word(r'request\.headers\.get\("([\w-]+)"\)'), world.word(r'answer\["(\w+)"\] =')

    def told(login: str) -> Any:
        web = SimpleNamespace(json_response=lambda answer, status: answer)
        session = AsyncMock(return_value={"login": login})
        names = {"get_session": session, "variables_of": lambda trace: {"key": "s3cret"}}
        pages = world.main(web=web, **names)(frozenset({"dev"}))
        request = SimpleNamespace(headers={header: "1"}, path="/")
        return tried(pages.__call__, request, AsyncMock(side_effect=ValueError))

    return Outcome(harmed=field in told("ann"), served=field in told("dev"))


def debugging_switch(world: World) -> Outcome:
    name = world.word(r'environment\.get\("(\w+)", ""\)')

    def debugs(environment: dict[str, str]) -> Any:
        application = MagicMock()
        serve = world.main(Flask=lambda name: application)
        tried(serve, environment)
        return application.run.call_args.kwargs["debug"]

    return Outcome(harmed=debugs({}) is True, served=debugs({name: "development"}) is True)


def filled_line(world: World) -> Outcome:
    attribute = world.word(r"\{member\.(\w+)\}")

    def filled(line: str) -> str:
        return str(tried(world.main(), SimpleNamespace(**{attribute: "Ann", "key": "s3cret"}), line))

    served = filled(f"Dear {{member.{attribute}}}") == "Dear Ann"
    return Outcome(harmed="s3cret" in filled("{member.key}"), served=served)


# Limits.


def texts_of_an_archive(world: World) -> Outcome:
    suffix = world.word(r'name\.endswith\("(\.\w+)"\)')

    def read(sizes: list[int]) -> bool:
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as archive:
            for number, size in enumerate(sizes):
                member = tarfile.TarInfo(f"{number}{suffix}")
                member.size = size
                archive.addfile(member, io.BytesIO(bytes(size)))
        stream.seek(0)
        unpack = world.main()
        world.names["LIMIT"] = 100
        return tried(unpack, stream) is not None

    return Outcome(harmed=read([80, 80]), served=read([40, 40]) and not read([120]))


def long_name(world: World) -> Outcome:
    def packed(size: int) -> Any:
        return tried(world.main(), 7, bytes(size), False)

    return Outcome(harmed=packed(2**16 + 1) is not None, served=len(packed(10)) == 18)


def long_line_of_tags(world: World) -> Outcome:
    def split(length: int) -> bool:
        posts, pattern = MagicMock(), MagicMock()
        posts.objects.get.return_value.tag_line = "x" * length
        find = world.main(Post=posts)
        world.names["SEPARATOR"] = pattern
        tried(find, 1)
        return bool(pattern.split.called)

    return Outcome(harmed=split(10**5), served=split(100))


def deep_query(world: World) -> Outcome:
    def ran(depths: list[int]) -> bool:
        run = AsyncMock()
        web = MagicMock(HTTPBadRequest=RefusedError)
        names = {
            "parse": lambda query, max_tokens: SimpleNamespace(definitions=depths),
            "validate": lambda schema, document: [],
            "depth_of": lambda definition, document: definition,
        }
        request = MagicMock(json=AsyncMock(return_value={"query": "q"}))
        tried(world.main(web=web, schema_execute=run, **names), request, None)
        return bool(run.called)

    return Outcome(harmed=ran([1, 99]), served=ran([3, 4]))


# Files, keys and numbers.


def mode_of_a_secret(world: World) -> Outcome:
    before = os.umask(0o022)
    try:
        path = world.folder / "kept" / "token"
        tried(world.main(), "words", path)
    finally:
        os.umask(before)
    return Outcome(harmed=bool(path.stat().st_mode & 0o044), served=path.read_text() == "words")


def written_inventory(world: World) -> Outcome:
    seen: list[int] = []
    (world.folder / "tmp").mkdir(mode=0o777)
    (world.folder / "tmp").chmod(0o777)

    def run(command: list[str], **_: object) -> Any:
        path = Path(command[2])
        assert "ansible_password=s3cret" in path.read_text()
        seen.append(path.parent.stat().st_mode & 0o005)
        return SimpleNamespace(returncode=0)

    play = world.main(subprocess=SimpleNamespace(run=run), Path=_temporary(world))
    done = tried(play, "site.yml", {"web1": "s3cret"})
    return Outcome(harmed=bool(seen[0]), served=done == 0)


def _temporary(world: World) -> Any:
    return lambda place: world.folder / "tmp" if str(place) == "/tmp" else Path(place)


def kept(nonces: list[bytes], nonce: bytes, text: bytes) -> bytes:
    nonces.append(nonce)
    return text


def sealed_chunks(world: World) -> Outcome:
    nonces: list[bytes] = []
    cipher = SimpleNamespace(encrypt=lambda nonce, chunk, about: kept(nonces, nonce, chunk))
    source = world.folder / "film"
    source.write_bytes(bytes(2**20 + 1))
    target = tried(world.main(AESGCM=lambda key: cipher), source, b"key")
    return Outcome(harmed=len(set(nonces)) < len(nonces), served=target.exists())


def sealed_messages(world: World) -> Outcome:
    nonces: list[bytes] = []
    cipher = SimpleNamespace(encrypt=lambda nonce, message, about: kept(nonces, nonce, message))
    letters = world.main(ChaCha20Poly1305=lambda key: cipher)(b"key")
    for _ in range(2):
        tried(last_method(letters), b"x", b"about")
    return Outcome(harmed=nonces[0] == nonces[1], served=len(nonces) == 2)


def restarted_link(world: World) -> Outcome:
    store: dict[str, int] = {}
    cipher = SimpleNamespace(encrypt=lambda nonce, reading, about: b"")
    nonces: list[bytes] = []
    for _ in range(2):
        link = world.main(AESCCM=lambda key, tag_length: cipher)(b"key", store)
        nonces += [link.packet(b"x") for _ in range(1500)]
    return Outcome(harmed=len(set(nonces)) < len(nonces), served=len(nonces) == 3000)


def salts_of_rows(world: World) -> Outcome:
    connection = MagicMock()
    fast = SimpleNamespace(pbkdf2_hmac=lambda *_: b"digest")
    tried(world.main(hashlib=fast), connection, {1: "a", 2: "b"})
    rows = connection.executemany.call_args.args[1]
    return Outcome(harmed=rows[0][0] == rows[1][0], served=[row[2] for row in rows] == [1, 2])


def signed_package(world: World) -> Outcome:
    class Key:
        def __init__(self, raw: bytes) -> None:
            self.raw = raw

        @classmethod
        def from_public_bytes(cls, raw: bytes) -> "Key":
            return cls(raw)

        def verify(self, signature: bytes, body: bytes) -> None:
            if signature != self.raw:
                raise RefusedError

    def installed(signer: bytes) -> bool:
        package = world.folder / "update.bin"
        package.write_bytes(b"body")
        told = {name: base64.b64encode(signer).decode() for name in ("key", "signature")}
        package.with_suffix(".json").write_text(json.dumps(told))
        names = {"Ed25519PublicKey": Key, "Path": lambda place: world.folder}
        return tried(world.main(**names), package, b"vendor") is not None

    return Outcome(harmed=installed(b"stranger"), served=installed(b"vendor"))


def example_key(world: World) -> Outcome:
    name, example = world.word(r'environment\.get\("(\w+)"'), world.word(r'(?:len\(|== )"([\w-]+)"')

    def built(key: str) -> bool:
        return tried(world.main(Flask=MagicMock()), {name: key}) is not None

    return Outcome(harmed=built(example), served=built("k" * 40))


def cookie_head(world: World) -> Outcome:
    def head(encrypted: bool) -> bytes:
        return bytes(tried(world.main(), "a" * 40, 10, encrypted))

    return Outcome(harmed=b"Secure" not in head(encrypted=False), served=b"; Secure" in head(encrypted=True))


def row_of_a_customer(world: World) -> Outcome:
    vault = SimpleNamespace(encrypt=lambda words: b"sealed")
    table = MagicMock()
    tried(world.main(Fernet=MagicMock())(table, vault).put, "ann", "login", "s3cret")
    item = table.put_item.call_args.kwargs["Item"]
    return Outcome(harmed="s3cret" in item.values(), served=item["customer"] == "ann")


def ordered_login(world: World) -> Outcome:
    channel = MagicMock()
    hasher = SimpleNamespace(hash=lambda password: "digest")
    tried(world.main(HASHER=hasher), channel, "ann", "s3cret")
    body = channel.basic_publish.call_args.args[2]
    return Outcome(harmed=b"s3cret" in body, served=b"ann" in body)


def columns_of_a_study(world: World) -> Outcome:
    def shown(wanted: list[str]) -> Any:
        frame = MagicMock(columns=["name", *world.names["SHOWN"]])
        request = MagicMock(app={"frame": frame}, query=SimpleNamespace(getall=lambda name, other: wanted))
        tried(world.main(), request)
        return frame.__getitem__.call_args.args[0]

    world.main()
    first = world.names["SHOWN"][0]
    return Outcome(harmed="name" in shown(["name", first]), served=shown([first]) == [first])


def statement_of_a_scan(world: World) -> Outcome:
    def asked(words: str) -> Any:
        client = MagicMock()
        tried(world.main(), client, "t", words)
        return client.execute_statement.call_args.kwargs

    hostile = asked("x' OR tenant = 'u")
    honest = asked("open")
    served = "open" in honest["Statement"] or {"S": "open"} in honest["Parameters"]
    return Outcome(harmed="OR tenant" in hostile["Statement"], served=served)


PROBES = {
    "cwe-918/host-ends-with-ours": host_of_ours,
    "cwe-918/ip-checked-as-text": knocked_port,
    "cwe-918/graphql-avatar-address": copied_picture,
    "cwe-918/metadata-refused-after-the-fetch": archived_page,
    "cwe-918/path-joined-to-the-inner-service": inner_service,
    "cwe-918/storage-endpoint-of-a-tenant": storage_of_a_tenant,
    "cwe-918/hook-host-resolved-and-ignored": event_hook,
    "cwe-347/certificate-address-in-the-message": notice_of_the_cloud,
    "cwe-347/key-that-comes-with-the-package": signed_package,
    "cwe-703/role-checked-by-assertion": asserted_role,
    "cwe-703/block-list-that-cannot-be-read": unread_list,
    "cwe-703/scanner-that-fails-is-passed-over": failing_scanner,
    "cwe-703/limiter-whose-store-is-gone": full_store,
    "cwe-521/common-words-of-a-list": common_words,
    "cwe-521/password-rules-of-an-api": shortest_password,
    "cwe-215/state-of-the-error-page": state_of_an_error,
    "cwe-215/debugger-by-an-environment-variable": debugging_switch,
    "cwe-200/format-line-of-a-member": filled_line,
    "cwe-200/rows-of-a-frame-with-all-columns": columns_of_a_study,
    "cwe-400/archive-size-as-it-says": texts_of_an_archive,
    "cwe-400/query-of-any-depth": deep_query,
    "cwe-190/length-field-of-sixteen-bits": long_name,
    "cwe-730/limit-after-the-match": long_line_of_tags,
    "cwe-732/mask-set-back-too-early": mode_of_a_secret,
    "cwe-377/inventory-for-a-play": written_inventory,
    "cwe-323/chunks-under-one-nonce": sealed_chunks,
    "cwe-323/nonce-drawn-with-the-object": sealed_messages,
    "cwe-323/counter-begins-anew-at-restart": restarted_link,
    "cwe-760/salt-of-the-first-row": salts_of_rows,
    "cwe-321/token-key-of-the-example": example_key,
    "cwe-614/cookie-line-of-a-template": cookie_head,
    "cwe-312/settings-of-a-connector": row_of_a_customer,
    "cwe-312/password-in-the-queue-message": ordered_login,
    "cwe-943/table-scan-with-a-written-filter": statement_of_a_scan,
}
