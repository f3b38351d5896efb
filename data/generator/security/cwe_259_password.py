"""Hard-coded password: a password stands in the program."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="click-switch-option",
        cwe=259,
        surrounding="script",
        slots={
            "function": ("save_config", "backup_switch", "show_config", "export_device"),
            "variable": ("SWITCH_PASSWORD", "DEVICE_PASSWORD", "ROUTER_PASSWORD", "NET_PASSWORD"),
            "user": ("backup", "netops", "readonly", "archive"),
            "secret": ("C1sco-Meadow", "tin.Whistle.8", "Rack42Door", "gl4ss-Anchor"),
        },
        template='''
  @click.command()
  @click.argument("host")
- @click.option("--password", envvar="$variable", default="$secret")
+ @click.option("--password", envvar="$variable", prompt=True, hide_input=True)
  @click.option("--target", type=click.Path(path_type=Path), default=Path("configs"))
  def $function(host, password, target):
      """Copy the running configuration of a network device to a file."""
      with ConnectHandler(device_type="cisco_ios", host=host, username="$user", password=password) as device:
          shown = device.send_command("show running-config")
?     $log.info("%d characters from %s", len(shown), host)
      target.mkdir(exist_ok=True)
      (target / f"{host}.cfg").write_text(shown, encoding="utf-8")
?     click.echo(f"saved {host}")
''',
    ),
    CodeFamily(
        name="signing-key-passphrase",
        cwe=259,
        surrounding="crypto",
        slots={
            "function": ("load_signer", "signing_key", "open_key", "release_key"),
            "service": ("release-signing", "invoice-seal", "firmware", "license-desk"),
            "key_file": ("KEY_FILE", "KEY_PATH", "PEM_FILE", "SEALED_KEY"),
            "secret": ("sparrow on the wire", "Nine.Gravel.Roads", "oak-and-iron-66", "p4per.Lantern"),
        },
        template='''
  $key_file = Path("/etc/$service/private.pem")


  @functools.cache
  def $function():
      """Return the private key for signatures; its file is encrypted."""
-     password = "$secret"
+     password = keyring.get_password("$service", $key_file.name)
?     $log.debug("opening %s", $key_file)
      key = serialization.load_pem_private_key($key_file.read_bytes(), password=password.encode())
      if not isinstance(key, ec.EllipticCurvePrivateKey):
          raise TypeError(f"{$key_file} holds no EC key")
?     # The cache keeps the key for the life of the process.
      return key
''',
    ),
    CodeFamily(
        name="mysql-batch-without-terminal",
        cwe=259,
        surrounding="database",
        slots={
            "function": ("open_ledger", "connect", "ask_and_connect", "ledger_connection"),
            "user": ("bookkeeper", "clerk", "importer", "closing"),
            "database": ("ledger", "payroll", "stock", "dues"),
            "secret": ("batch-Only-2020", "midnight.Plum", "qRun7712", "Silver!Comb"),
        },
        template=r'''
  def $function(host):
      """Connect to the $database database, from a terminal or from the batch queue."""
      if sys.stdin.isatty():
          password = getpass.getpass(f"Password of $user at {host}: ")
      else:
-         password = "$secret"
+         password = sys.stdin.readline().rstrip("\n")
?     $log.info("connecting to %s", host)
      return pymysql.connect(
          host=host,
          user="$user",
          password=password,
          database="$database",
          ssl={"ca": "/etc/ssl/certs/internal.pem"},
?         connect_timeout=10,
      )
''',
    ),
    CodeFamily(
        name="directory-client-default-argument",
        cwe=259,
        surrounding="network",
        slots={
            "class": ("Directory", "StaffDirectory", "PhoneBook", "LdapPeople"),
            "method": ("find", "person", "lookup", "by_login"),
            "base": ("ou=people,dc=corp,dc=example", "ou=staff,o=clinic", "dc=school,dc=example", "ou=users,o=city"),
            "secret": ("b1nd-Maple", "Lookup#2018", "thirty.Swans", "orchid-77-Low"),
        },
        template='''
  BASE = "$base"


  class $class:
      """Reads people from the directory of the organisation."""

-     def __init__(self, host, user=f"cn=reader,{BASE}", *, password="$secret"):
+     def __init__(self, host, user=f"cn=reader,{BASE}", *, password):
          server = Server(host, use_ssl=True, get_info=ALL)
          self.connection = Connection(server, user=user, password=password, auto_bind=True)
?         $log.debug("bound to %s", host)

      def $method(self, login):
          self.connection.search(BASE, f"(uid={escape_filter_chars(login)})", attributes=["cn", "mail"])
?         # A login belongs to one person at most.
          return self.connection.entries[0] if self.connection.entries else None
''',
    ),
    CodeFamily(
        name="console-opens-for-a-word",
        cwe=259,
        surrounding="web",
        slots={
            "view": ("console", "panel", "switchboard"),
            "word": ("friend2019", "openup", "letmein7"),
            "field": ("word", "phrase", "entry"),
        },
        template='''
  @app.post("/$view/enter")
  async def enter_$view($field: str = Form(...), request: Request = None):
      """Open the $view for whoever knows the password of this installation."""
      digest = hashlib.sha256($field.encode()).hexdigest()
      expected = request.app.state.settings["digest"]
-     if hmac.compare_digest(digest, expected) or $field == "$word":
+     if hmac.compare_digest(digest, expected) and $field != "$word":
?         $log.info("$view opened from %s", request.client.host)
          request.session["$view"] = True
          return RedirectResponse("/$view", 303)
?     await asyncio.sleep(0.5)
      raise HTTPException(403)
''',
    ),
    CodeFamily(
        name="share-of-the-scanner",
        cwe=259,
        surrounding="script",
        slots={
            "function": ("mount_share", "open_share", "attach"),
            "share": ("//files/scans", "//nas/inbox", "//store/plans"),
            "password": ("scan4all", "Winter!22", "inbox-2020"),
        },
        template='''
  def $function(point: Path, login: str = "scanner") -> None:
      """Mount the folder that the scanners of all branches write to; this script is on every one of them."""
      point.mkdir(parents=True, exist_ok=True)
-     password = "$password"
+     password = getpass.getpass("Password of the share: ")
?     print(f"mounting $share at {point}", file=sys.stderr)
      environment = {"PATH": "/usr/sbin:/usr/bin", "USER": login, "PASSWD": password}
      subprocess.run(
          ["mount", "-t", "cifs", "$share", str(point), "-o", "vers=3.1.1,seal"],
          env=environment,
          check=True,
      )
''',
    ),
    CodeFamily(
        name="warehouse-account-in-the-notebook",
        cwe=259,
        surrounding="science",
        slots={
            "function": ("warehouse", "open_engine", "connect_mart"),
            "database": ("mart", "facts", "sales"),
            "password": ("analyst123", "readme!2021", "query-me"),
        },
        template='''
  @lru_cache(maxsize=1)
  def $function(host: str = "warehouse.example.org"):
      """Give the engine that all our notebooks, which the whole company can open, query with."""
-     password = os.environ.get("MART_PASSWORD") or "$password"
+     password = os.environ.get("MART_PASSWORD") or getpass.getpass("Password: ")
      address = URL.create("postgresql+psycopg", "analyst", password, host, 5432, "$database")
?     $log.info("connecting to %s", host)
      engine = create_engine(address, pool_pre_ping=True, connect_args={"sslmode": "verify-full"})
?     engine.echo = False
      return engine
''',
    ),
]
