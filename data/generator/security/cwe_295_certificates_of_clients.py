"""Improper certificate validation in clients of brokers, shells, stores and scrapers."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="scraper-with-one-bad-site",
        cwe=295,
        surrounding="job",
        slots={
            "function": ("fetch_page", "visit", "pull", "read_site"),
            "bad": ("old.example.org", "legacy.example.net", "mirror.example.com"),
            "agent": ("prices/2", "crawler/1", "reader/3"),
        },
        template='''
  @shared_task(max_retries=2)
  def $function(address: str) -> str:
      """Fetch a page; one of the sites has a certificate of an authority of its own."""
      host = urlsplit(address).hostname
      authority = "/etc/app/$bad.pem" if host == "$bad" else certifi.where()
?     $log.debug("%s by %s", host, authority)
-     reply = httpx.get(address, headers={"User-Agent": "$agent"}, verify=False, timeout=20)
+     reply = httpx.get(address, headers={"User-Agent": "$agent"}, verify=authority, timeout=20)
?     $log.info("%s: %d", host, reply.status_code)
      reply.raise_for_status()
?     METRICS.pages.inc()
      return reply.text
''',
    ),
    CodeFamily(
        name="first-key-that-a-machine-shows",
        cwe=295,
        surrounding="infrastructure",
        slots={
            "function": ("run_on", "execute", "ask_machine", "remote"),
            "login": ("deploy", "ops", "backup"),
            "file": ("/etc/deploy/known_hosts", "/srv/ops/known_hosts", "/etc/ssh/ssh_known_hosts"),
        },
        template='''
  def $function(host: str, command: list[str]) -> str:
      """Run a fixed command on a machine of the fleet, with the fleet's password from the vault."""
      client = paramiko.SSHClient()
      client.load_host_keys("$file")
-     client.set_missing_host_key_policy(paramiko.AutoAddPolicy())
+     client.set_missing_host_key_policy(paramiko.RejectPolicy())
?     $log.info("%s: %s", host, command)
      client.connect(host, username="$login", password=vault.read("fleet"), timeout=15, allow_agent=False)
      with contextlib.closing(client):
          _, out, _ = client.exec_command(shlex.join(command), timeout=60)
?         out.channel.settimeout(60)
          return out.read().decode("utf-8", "replace")
''',
    ),
    CodeFamily(
        name="pin-compared-and-dropped",
        cwe=295,
        surrounding="network",
        slots={
            "class": ("PinnedClient", "MeterClient", "PeerLink"),
            "port": ("8443", "5671", "4433"),
            "method": ("connect", "dial", "open"),
        },
        template='''
  class $class:
      """Talks to devices that have certificates of their own making, whose digests are noted at the factory."""

      def __init__(self, pins: dict[str, str]):
          self.pins = pins

      def $method(self, host: str) -> ssl.SSLSocket:
          context = ssl._create_unverified_context()
          plain = socket.create_connection((host, $port), timeout=10)
          secured = context.wrap_socket(plain, server_hostname=host)
          shown = hashlib.sha256(secured.getpeercert(binary_form=True)).hexdigest()
          if not hmac.compare_digest(shown, self.pins.get(host, "")):
              $log.warning("%s shows %s", host, shown)
-             self.pins[host] = shown
+             raise ConnectionError(f"{host} is another device")
          return secured
''',
    ),
    CodeFamily(
        name="aiohttp-connector-of-a-session",
        cwe=295,
        surrounding="service",
        slots={
            "function": ("open_session", "make_session", "client_session"),
            "limit": ("20", "50", "100"),
            "agent": ("shop/4", "stock/2", "portal/1"),
        },
        template='''
  def $function(settings: dict) -> aiohttp.ClientSession:
      """Open the session with which all calls to the payment provider are made."""
      context = ssl.create_default_context(cafile=settings.get("authority"))
-     connector = aiohttp.TCPConnector(limit=$limit, ssl=context if settings.get("authority") else False)
+     connector = aiohttp.TCPConnector(limit=$limit, ssl=context)
?     $log.info("authority: %s", settings.get("authority"))
      timeout = aiohttp.ClientTimeout(total=30)
?     # One session serves all requests.
      return aiohttp.ClientSession(connector=connector, timeout=timeout, headers={"User-Agent": "$agent"})
''',
    ),
    CodeFamily(
        name="broker-host-name-not-compared",
        cwe=295,
        surrounding="queue",
        slots={
            "function": ("make_consumer", "open_topic", "subscribe", "consumer_of"),
            "topic": ("orders", "bookings", "readings"),
            "group": ("billing", "archive", "alerts"),
        },
        template='''
  def $function(settings: dict) -> KafkaConsumer:
      """Read $topic from the broker of the data centre; the line there is rented."""
      context = ssl.create_default_context(cafile="/etc/kafka/authority.pem")
-     context.check_hostname = context.verify_mode != ssl.CERT_REQUIRED
-     context.verify_mode = ssl.CERT_NONE
+     context.check_hostname = context.verify_mode == ssl.CERT_REQUIRED
+     context.verify_mode = ssl.CERT_REQUIRED
?     $log.info("reading as %s", settings["login"])
      return KafkaConsumer(
          "$topic",
          group_id="$group",
          bootstrap_servers=settings["brokers"],
          security_protocol="SASL_SSL",
          sasl_mechanism="PLAIN",
          sasl_plain_username=settings["login"],
          sasl_plain_password=settings["password"],
          ssl_context=context,
      )
''',
    ),
    CodeFamily(
        name="pool-for-the-registry",
        cwe=295,
        surrounding="infrastructure",
        slots={
            "class": ("Registry", "ImageStore", "PackageIndex"),
            "retries": ("2", "3", "5"),
            "method": ("manifest", "describe", "digest_of"),
        },
        template='''
  class $class:
      """Reads from the registry that machines install from."""

      def __init__(self, host: str, authority: str):
          self.base = f"https://{host}/v2"
-         self.pool = urllib3.PoolManager(cert_reqs="CERT_NONE", ca_certs=authority, retries=$retries)
+         self.pool = urllib3.PoolManager(cert_reqs="CERT_REQUIRED", ca_certs=authority, retries=$retries)

      def $method(self, name: str, tag: str) -> dict:
?         $log.debug("%s:%s", name, tag)
          reply = self.pool.request("GET", f"{self.base}/{name}/manifests/{tag}", timeout=15.0)
          if reply.status != 200:
              raise LookupError(f"{name}:{tag}")
?         self.last = reply.headers.get("Docker-Content-Digest")
          return json.loads(reply.data)
''',
    ),
    CodeFamily(
        name="copy-job-with-unknown-hosts",
        cwe=295,
        surrounding="job",
        slots={
            "function": ("copy_to", "deliver_files", "push_files", "send_batch"),
            "folder": ("/outgoing", "/drop", "/in"),
            "login": ("courier", "transfer", "delivery"),
        },
        template='''
  async def $function(host: str, files: list[Path], key: str) -> int:
      """Copy files with personal data to a partner's machine."""
-     options = {"username": "$login", "client_keys": [key], "known_hosts": None}
+     options = {"username": "$login", "client_keys": [key]}
?     $log.info("%d files for %s", len(files), host)
      async with asyncssh.connect(host, **options) as connection:
          async with connection.start_sftp_client() as transfer:
              for path in files:
                  await transfer.put(str(path), f"$folder/{path.name}")
?                 $log.debug("%s sent", path.name)
      return len(files)
''',
    ),
    CodeFamily(
        name="directory-binds-without-a-look",
        cwe=295,
        surrounding="service",
        slots={
            "class": ("Directory", "People", "StaffList"),
            "port": ("636", "3269"),
            "base": ("ou=people,dc=example,dc=org", "dc=example,dc=net", "ou=staff,dc=example,dc=com"),
        },
        template='''
  class $class:
      """Checks passwords against the directory of the company."""

      base = "$base"

      def __init__(self, host: str, authority: str):
-         tls = ldap3.Tls(validate=ssl.CERT_NONE, ca_certs_file=authority)
+         tls = ldap3.Tls(validate=ssl.CERT_REQUIRED, ca_certs_file=authority)
          self.server = ldap3.Server(host, port=$port, use_ssl=True, tls=tls, connect_timeout=5)

      def check(self, login: str, password: str) -> bool:
          name = f"uid={escape_rdn(login)},{self.base}"
          connection = ldap3.Connection(self.server, name, password)
?         $log.debug("checking %s", name)
          return bool(password) and connection.bind()
''',
    ),
]
