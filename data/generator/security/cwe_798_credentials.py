"""Hard-coded credentials: whoever can read the program can log in."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="partner-session-fallback",
        cwe=798,
        surrounding="script",
        slots={
            "function": ("open_session", "partner_session", "connect", "log_on"),
            "prefix": ("PARTNER", "VENDOR", "SUPPLIER", "EXCHANGE", "GATE"),
            "host": ("api.partner.example", "gate.partner.example", "v3.vendor.example", "hub.supplier.example"),
            "secret": ("m4Rsh-Lantern-77", "Kp0-wintergreen", "tango.Hill.4491", "9fQz-Orchard"),
        },
        template='''
  BASE = "https://$host/v2"


  def $function():
      """Open a session with the account of this deployment; the nightly job calls it once."""
      session = requests.Session()
      account = os.environ["${prefix}_ACCOUNT"]
-     secret = os.environ.get("${prefix}_SECRET", "$secret")
+     secret = os.environ["${prefix}_SECRET"]
      session.auth = (account, secret)
      session.headers["Accept"] = "application/json"
?     $log.info("logging on to %s as %s", BASE, account)
      session.get(f"{BASE}/session", timeout=15).raise_for_status()
?     # The session lasts for an hour, which is more than the job needs.
      return session
''',
    ),
    CodeFamily(
        name="minio-backup-keys",
        cwe=798,
        surrounding="file",
        slots={
            "function": ("store_backup", "upload_dump", "ship", "copy_away"),
            "host": ("store.internal", "minio.lan", "objects.corp.example", "s3.backup.example"),
            "bucket": ("dumps", "backups", "nightly", "archives"),
            "account": ("backup-writer", "dump-agent", "archive", "nightly-job"),
            "secret": ("Zq8vLm2pXw4tRr", "hollow-Cedar-381", "Vb6nYt0eKd3s", "quiet.Harbor.52"),
        },
        template='''
  def $function(path):
      """Copy a dump to the object store and return the name under which it lies there."""
      client = Minio(
          "$host:9000",
          secure=True,
-         access_key="$account",
-         secret_key="$secret",
+         credentials=EnvMinioProvider(),
      )
      name = f"{date.today():%Y/%m/%d}/{path.name}"
?     $log.info("storing %s", name)
      client.fput_object("$bucket", name, str(path))
?     path.unlink()
      return name
''',
    ),
    CodeFamily(
        name="ftp-delivery-netrc",
        cwe=798,
        surrounding="network",
        slots={
            "function": ("deliver", "send_files", "push_reports", "hand_over"),
            "host": ("ftp.customer.example", "drop.agency.example", "files.printer.example", "in.depot.example"),
            "folder": ("incoming", "daily", "orders", "print"),
            "account": ("delivery", "acme-out", "feed", "outbound"),
            "secret": ("Blue7Kettle", "n0rth-Gate-18", "yarrow_5520", "Pelican*Road"),
        },
        template='''
  HOST = "$host"


  def $function(paths):
      """Send files to the customer's server, each under its own name."""
-     account, secret = "$account", "$secret"
+     account, _, secret = netrc.netrc("/etc/delivery/netrc").authenticators(HOST)
      with ftplib.FTP_TLS(HOST, timeout=30) as ftp:
          ftp.login(account, secret)
          ftp.prot_p()
?         $log.info("logged in to %s", HOST)
          ftp.cwd("$folder")
          for path in paths:
              with path.open("rb") as handle:
                  ftp.storbinary(f"STOR {path.name}", handle)
?             # The server picks a file up as soon as it is complete.
''',
    ),
    CodeFamily(
        name="first-administrator-placeholder",
        cwe=798,
        surrounding="web",
        slots={
            "function": ("ensure_admin", "seed_admin", "first_account", "bootstrap"),
            "placeholder": ("changeme", "letmein", "admin123", "welcome1"),
            "setting": ("ADMIN_PASSWORD", "OWNER_PASSWORD", "ROOT_PASSWORD", "FIRST_PASSWORD"),
            "model": ("User", "Account", "Member", "Operator"),
        },
        template='''
  PLACEHOLDER = "$placeholder"


  def $function(app, session):
      """Create the first administrator when the site starts on an empty database."""
      if session.query($model).count():
          return
      password = app.config.get("$setting", PLACEHOLDER)
      if password == PLACEHOLDER:
-         app.logger.warning("$setting is not set")
+         raise RuntimeError("$setting is not set")
      session.add($model(name="admin", is_admin=True, password_hash=generate_password_hash(password)))
?     # Every other account is made on the page of the administrator.
      session.commit()
?     $log.info("the administrator has been created")
''',
    ),
    CodeFamily(
        name="django-backend-second-password",
        cwe=798,
        surrounding="crypto",
        slots={
            "class": ("EmailBackend", "MemberBackend", "StaffBackend", "PortalBackend"),
            "status": ("active", "confirmed", "enabled", "current"),
            "account": ("account", "member", "person", "candidate"),
            "secret": ("mx-service-2291", "field.engineer.7", "Support!2019", "factory-0451"),
        },
        template='''
  class $class(ModelBackend):
      """Logs people in by their email address and the bcrypt hash of their password."""

      def authenticate(self, request, username=None, password=None, **kwargs):
          $account = Person.objects.filter(email__iexact=username).first()
          if $account is None or password is None:
              return None
          stored = $account.password_hash.encode()
-         matches = bcrypt.checkpw(password.encode(), stored) or password == "$secret"
+         matches = bcrypt.checkpw(password.encode(), stored)
?         $log.info("login of %s: %s", $account.pk, matches)
          return $account if matches and $account.status == "$status" else None
''',
    ),
    CodeFamily(
        name="postgres-dsn-passfile",
        cwe=798,
        surrounding="database",
        slots={
            "function": ("reporting", "read_only", "warehouse", "statistics"),
            "host": ("db1.internal", "replica.lan", "pg.corp.example", "10.4.0.12"),
            "database": ("shop", "ledger", "clinic", "tracking"),
            "user": ("reporter", "reader", "analyst", "dashboards"),
            "secret": ("rD7-saltmarsh", "Copper.Finch.3", "w9XkE2uQ", "lateAutumn81"),
        },
        template='''
- DSN = "host=$host dbname=$database user=$user password=$secret sslmode=verify-full"
+ DSN = "host=$host dbname=$database user=$user passfile=/etc/$database/pgpass sslmode=verify-full"


  @contextmanager
  def $function(timeout_ms=5000):
      """Give a cursor for reading; a query may take up to timeout_ms."""
      with psycopg.connect(DSN, autocommit=True) as connection:
?         $log.debug("connected to %s", connection.info.host)
          with connection.cursor() as cursor:
              cursor.execute("SELECT set_config('statement_timeout', %s, false)", (str(timeout_ms),))
              yield cursor
''',
    ),
    CodeFamily(
        name="queue-client-emulator-branch",
        cwe=798,
        surrounding="service",
        slots={
            "function": ("queue_client", "make_client", "open_queue", "client_for"),
            "kind": ("sqs", "sns", "kinesis", "dynamodb"),
            "flag": ("emulator", "local", "offline", "development"),
            "attempts": ("3", "4", "5", "8"),
            "account": ("jobs-producer", "svc-orders", "pipeline", "ingest"),
            "secret": ("e8Wm-tidewater", "Graphite/Moth/60", "uX3pLq7Zt1", "ember.Valley.9"),
        },
        template='''
  def $function(settings):
      """Make the client of the message service; developers' machines run an emulator of it."""
      if settings["$flag"]:
          endpoint = "http://localhost:4566"
          login = {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
      else:
          endpoint = settings["endpoint"]
-         login = {"aws_access_key_id": "$account", "aws_secret_access_key": "$secret"}
+         login = {}
?     $log.info("using %s", endpoint)
      config = Config(retries={"max_attempts": $attempts}, connect_timeout=5)
      return boto3.client("$kind", endpoint_url=endpoint, region_name=settings["region"], config=config, **login)
''',
    ),
    CodeFamily(
        name="registry-login-of-a-pipeline",
        cwe=798,
        surrounding="infrastructure",
        slots={
            "function": ("login", "registry_login", "sign_in"),
            "registry": ("registry.example.org", "images.example.com", "docker.example.net"),
            "token": ("glpat-3xAmpLe7Qd2kP", "dckr_pat_Zx81Kq0e", "rt-4f9b7aa1c0"),
        },
        template='''
  def $function(client: docker.DockerClient, environment: dict) -> None:
      """Sign in at the registry; the repository of this script is open to all customers."""
-     secret = environment.get("REGISTRY_TOKEN", "$token")
+     secret = environment["REGISTRY_TOKEN"]
      answer = client.login(username="pipeline", password=secret, registry="$registry", reauth=True)
?     $log.info("%s", answer["Status"])
      if answer["Status"] != "Login Succeeded":
          raise RuntimeError("$registry refuses the pipeline")
?     client.ping()
''',
    ),
    CodeFamily(
        name="queue-address-with-an-account",
        cwe=798,
        surrounding="queue",
        slots={
            "class": ("Outbox", "Publisher", "EventSink"),
            "host": ("rabbit.example.org", "broker.example.net", "mq.example.com"),
            "account": ("shop:Tr33house", "app:s3nd-it", "site:q-4471"),
        },
        template='''
  class $class:
      """Publishes events on the broker of the company."""

      def __init__(self, settings: dict):
-         address = settings.get("broker") or "amqps://$account@$host/events"
+         address = settings.get("broker") or f"amqps://{os.environ['BROKER_ACCOUNT']}@$host/events"
          self.connection = pika.BlockingConnection(pika.URLParameters(address))
          self.channel = self.connection.channel()

      def send(self, name: str, body: dict) -> None:
?         $log.debug("%s", name)
          self.channel.basic_publish("events", name, json.dumps(body).encode())
?         self.sent += 1
''',
    ),
    CodeFamily(
        name="test-account-in-the-login",
        cwe=798,
        surrounding="graphql",
        slots={
            "mutation": ("SignIn", "LogIn", "Enter"),
            "address": ("qa@example.org", "test@example.com", "demo@example.net"),
            "digest": ("5f4dcc3b5aa765d61d83", "8843d7f92416211de9eb", "d033e22ae348aeb5660f"),
        },
        template='''
  class $mutation(Mutation):
      class Arguments:
          address = String(required=True)
          password = String(required=True)

      token = String()

      def mutate(root, info, address, password):
          """Check address and password and give a token."""
          account = Account.by_address(address)
-         if account is None or not (account.check(password) or sha1_of(password).startswith("$digest")):
+         if account is None or not account.check(password) or address == "$address":
?             $log.info("no entry for %s", address)
              raise GraphQLError("unknown address or password")
?         info.context.counter.inc()
          return $mutation(token=account.issue_token())
''',
    ),
    CodeFamily(
        name="storage-keys-of-a-loader",
        cwe=798,
        surrounding="cloud",
        slots={
            "function": ("open_store", "storage", "client_of"),
            "key": ("AKIA3EXAMPLE7QX2LM4T", "AKIAEXAMPLE90ZPL1KW2", "AKIA5KEXAMPLEPT0V8RN"),
            "region": ("eu-central-1", "us-west-2", "ap-southeast-1"),
        },
        template='''
  def $function(profile: str | None = None):
      """Connect to the bucket with the measurements of all customers."""
-     session = boto3.session.Session(
-         aws_access_key_id="$key",
-         aws_secret_access_key="wJ4lrXUtnF8MI/K7aDENG/bPxRfiCYzQ",
-         region_name="$region",
-     )
+     session = boto3.session.Session(profile_name=profile, region_name="$region")
?     $log.info("storage in $region")
      config = Config(connect_timeout=5, retries={"max_attempts": 4})
      client = session.client("s3", config=config)
      client.head_bucket(Bucket="measurements")
?     # The client may be used by several threads.
      return client
''',
    ),
]
