"""Cleartext transmission: a secret crosses a network that others can read."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="ftp-data-channel",
        cwe=319,
        surrounding="file",
        slots={
            "function": ("hand_over", "upload_day", "deliver", "ship_files"),
            "files": ("lab results", "payslips", "claims", "medical letters", "bank statements"),
            "folder": ("incoming", "inbox", "drop", "upload"),
            "pattern": ("*.csv", "*.pdf", "*.xml", "*.hl7"),
        },
        template='''
  def $function(host, user, secret, folder):
      """Hand the $files of the day over to the partner."""
      sent = 0
      context = ssl.create_default_context()
      with ftplib.FTP_TLS(host, timeout=30, context=context) as session:
          session.login(user, secret)
+         session.prot_p()
          session.cwd("$folder")
?         $log.info("connected: %s", session.getwelcome())
          for path in sorted(Path(folder).glob("$pattern")):
              with path.open("rb") as stream:
                  session.storbinary(f"STOR {path.name}", stream)
?             $log.info("%s delivered", path.name)
              sent += 1
      return sent
''',
    ),
    CodeFamily(
        name="smtp-login-when-offered",
        cwe=319,
        surrounding="service",
        slots={
            "mailer": ("Mailer", "Postman", "Outbox", "Courier"),
            "method": ("send", "post", "dispatch", "deliver"),
            "port": ("25", "587", "2525"),
            "settings": ("settings", "account", "options", "config"),
        },
        template='''
  class $mailer:
      def __init__(self, $settings):
          self._$settings = $settings
          self._context = ssl.create_default_context()

      def $method(self, message):
          """Send one message through the relay of the provider."""
          with smtplib.SMTP(self._$settings.host, $port, timeout=20) as relay:
              relay.ehlo()
-             if relay.has_extn("starttls"):
-                 relay.starttls(context=self._context)
+             relay.starttls(context=self._context)
?             $log.debug("relay offers %s", sorted(relay.esmtp_features))
              relay.login(self._$settings.user, self._$settings.password)
              refused = relay.send_message(message)
?         $log.info("%s: %d refused", message["Message-ID"], len(refused))
          return refused
''',
    ),
    CodeFamily(
        name="web-hook-scheme-rule",
        cwe=319,
        surrounding="web",
        slots={
            "function": ("call_hook", "fire", "deliver_event", "post_event"),
            "hook": ("hook", "target", "subscription", "receiver"),
            "header": ("Authorization", "X-Api-Key", "X-Hook-Token", "X-Partner-Key"),
            "seconds": ("5", "10", "15", "20"),
        },
        template='''
  LOCAL = ("127.0.0.1", "::1")


  async def $function($hook, event):
      """Post an event; only a receiver on this very machine may do without TLS."""
      address = urlsplit($hook.url)
-     if address.scheme != "https" and $hook.created_from not in LOCAL:
+     if address.scheme != "https" and address.hostname not in LOCAL:
?         $log.warning("hook %s refused", $hook.id)
          raise ValueError(f"{$hook.url} has to use https")
      headers = {"$header": $hook.token}
?     $log.info("event for %s", address.hostname)
      async with httpx.AsyncClient(timeout=$seconds, follow_redirects=False) as client:
          $result = await client.post($hook.url, json=event, headers=headers)
      return $result.status_code < 300
''',
    ),
    CodeFamily(
        name="postgres-ssl-mode",
        cwe=319,
        surrounding="database",
        slots={
            "function": ("changed_rows", "stream_changes", "new_rows", "replicate"),
            "table": ("patients", "salaries", "contracts", "payments", "cases"),
            "size": ("200", "500", "1000", "5000"),
            "roots": ("/etc/ssl/db-root.pem", "/opt/replica/root.crt", "/run/secrets/ca.pem", "/etc/pki/db.crt"),
        },
        template='''
  ROOTS = "$roots"


  def $function(host, user, password, since):
      """Yield what changed in the $table of the branch office, over the public network."""
      login = {"host": host, "user": user, "password": password, "dbname": "$table"}
-     with psycopg.connect(**login, sslmode="prefer", sslrootcert=ROOTS) as connection:
+     with psycopg.connect(**login, sslmode="verify-full", sslrootcert=ROOTS) as connection:
?         $log.info("connected to %s", host)
          with connection.cursor(name="changes") as cursor:
              cursor.itersize = $size
              cursor.execute("SELECT * FROM $table WHERE changed > %s ORDER BY changed", (since,))
              yield from cursor
?     $log.info("done with %s", host)
''',
    ),
    CodeFamily(
        name="login-before-the-line-is-encrypted",
        cwe=319,
        surrounding="mail",
        slots={
            "function": ("send_report", "post_mail", "dispatch", "mail_out"),
            "host": ("smtp.example.org", "mail.example.com", "relay.example.net"),
            "seconds": ("10", "20", "30"),
        },
        template='''
  def $function(message: EmailMessage, login: str, password: str) -> None:
      """Send a mail over the provider's server."""
      with smtplib.SMTP("$host", 587, timeout=$seconds) as server:
          server.ehlo()
-         server.login(login, password)
-         server.starttls(context=ssl.create_default_context())
+         server.starttls(context=ssl.create_default_context())
+         server.login(login, password)
?         $log.debug("signed in as %s", login)
          refused = server.send_message(message)
      if refused:
          raise RuntimeError(f"refused: {sorted(refused)}")
?     $log.info("sent to %s", message["To"])
''',
    ),
    CodeFamily(
        name="sensor-channel-of-a-broker",
        cwe=319,
        surrounding="queue",
        slots={
            "function": ("connect", "open_broker", "start_client"),
            "topic": ("house/+/door", "plant/+/valve", "yard/+/gate"),
            "keepalive": ("30", "60", "120"),
        },
        template='''
  def $function(settings: dict, on_message) -> mqtt.Client:
      """Connect to the broker on the internet over which doors are opened."""
      client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=settings["id"])
      client.username_pw_set(settings["login"], settings["password"])
      client.on_message = on_message
-     client.connect(settings["host"], 1883, keepalive=$keepalive)
+     client.tls_set(ca_certs=settings["authority"])
+     client.connect(settings["host"], 8883, keepalive=$keepalive)
?     $log.info("connected as %s", settings["login"])
      client.subscribe("$topic", qos=1)
?     client.publish("hello", settings["id"])
      return client
''',
    ),
    CodeFamily(
        name="console-of-a-switch",
        cwe=319,
        surrounding="infrastructure",
        slots={
            "class": ("SwitchConsole", "RouterShell", "PowerStrip"),
            "prompt": (">", "#", ":"),
            "method": ("command", "ask", "run"),
        },
        template=r'''
  class $class:
      """Types commands at a device in another building, with its password."""

      def __init__(self, host: str, login: str, password: str):
          self.login, self.password = login, password
-         self.line = telnetlib.Telnet(host, 23, timeout=10)
-         self.line.read_until(b"ogin:", 5)
-         self.line.write(f"{login}\n{password}\n".encode())
+         self.line = pexpect.spawn("ssh", ["-l", login, "--", host], timeout=10)
+         self.line.expect("assword:", timeout=5)
+         self.line.sendline(password)

      def $method(self, words: str) -> bytes:
          if "\n" in words:
              raise ValueError(words)
?         $log.info("%s: %s", self.login, words)
          return self._typed(words, until="$prompt")
''',
    ),
    CodeFamily(
        name="web-hook-of-a-chat-room",
        cwe=319,
        surrounding="service",
        slots={
            "class": ("ChatRoom", "Messenger", "Notifier"),
            "path": ("/hooks/alerts", "/api/messages", "/rooms/7/post"),
            "kind": ("text", "body", "words"),
        },
        template='''
  class $class:
      """Posts messages to the chat of the company, with a token in the header."""

      def __init__(self, host: str, token: str):
-         self.address = f"http://{host}$path"
+         self.address = f"https://{host}$path"
          self.headers = {"Authorization": f"Bearer {token}"}

      async def post(self, client: httpx.AsyncClient, $kind: str) -> bool:
?         $log.debug("posting %d characters", len($kind))
          reply = await client.post(self.address, json={"text": $kind}, headers=self.headers, timeout=10)
?         self.sent = time.monotonic()
          return reply.is_success
''',
    ),
]
