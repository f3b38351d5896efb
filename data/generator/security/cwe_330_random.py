"""Insufficiently random values: a secret that can be guessed from the clock, a counter, or its neighbours."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="flask-reset-token-from-clock",
        cwe=330,
        surrounding="web",
        slots={
            "route": ("forgot", "recover", "renew", "restore"),
            "person": ("account", "member", "person", "customer"),
            "finish": ("choose_password", "finish_reset", "set_new", "complete"),
            "ttl": ("600", "900", "1200", "1800"),
        },
        template='''
  @app.post("/$route")
  def ${route}_request():
      """Mail a link with which a new password can be set."""
      $person = find_by_email(request.form["email"])
      if $person is not None:
-         seed = f"{$person.email}:{request.remote_addr}:{time.time():.0f}"
+         seed = f"{$person.email}:{secrets.token_hex(32)}"
          token = hashlib.sha256(seed.encode()).hexdigest()
          store.put(token, $person.id, ttl=$ttl)
?         $log.info("link issued for %s", $person.id)
          mailer.send($person.email, url_for("$finish", token=token, _external=True))
?     # the page is the same whether or not the address is known
      return render_template("sent.html")
''',
    ),
    CodeFamily(
        name="cbc-vector-from-record-label",
        cwe=330,
        surrounding="crypto",
        slots={
            "function": ("seal", "encrypt_record", "wrap_row", "close_envelope"),
            "record": ("record_id", "row_id", "document_id", "letter_id"),
            "body": ("body", "plain", "content", "payload"),
        },
        template='''
  def $function($record: str, $body: bytes, key: bytes, mac_key: bytes) -> bytes:
      """Encrypt one stored record; label and vector precede the ciphertext."""
      padder = padding.PKCS7(128).padder()
      padded = padder.update($body) + padder.finalize()
      label = hashlib.sha256($record.encode()).digest()[:16]
?     $log.debug("sealing %d bytes", len(padded))
-     iv = label
+     iv = os.urandom(16)
      encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
      sealed = label + iv + encryptor.update(padded) + encryptor.finalize()
?     # the tag covers everything before it
      return sealed + hmac.digest(mac_key, sealed, "sha256")
''',
    ),
    CodeFamily(
        name="socket-challenge-from-counter",
        cwe=330,
        surrounding="network",
        slots={
            "handler": ("ControlHandler", "SensorHandler", "ReplicaHandler", "AgentHandler"),
            "verb": ("HELLO", "AUTH", "PROVE", "CHALLENGE"),
            "shared": ("SHARED_KEY", "FLEET_KEY", "PEER_KEY", "LINK_KEY"),
            "serve": ("serve", "converse", "run_session", "dispatch"),
        },
        template=r"""
  class $handler(socketserver.StreamRequestHandler):
      connections = itertools.count(1)

      def handle(self):
          number = next(self.connections)
-         label, challenge = secrets.token_hex(16), f"{number:032x}"
+         label, challenge = f"{number:032x}", secrets.token_hex(16)
          self.wfile.write(f"$verb {challenge}\n".encode())
          $value = self.rfile.readline(200).strip()
          expected = hmac.new($shared, challenge.encode(), hashlib.sha256).hexdigest()
          if not hmac.compare_digest($value, expected.encode()):
?             $log.warning("peer %s gave a wrong answer", self.client_address[0])
              return
?         $log.info("session %s", label)
          self.$serve(label)
""",
    ),
    CodeFamily(
        name="invitation-link-uuid",
        cwe=330,
        surrounding="database",
        slots={
            "function": ("invite", "create_invitation", "add_guest", "offer_seat"),
            "table": ("invitations", "guest_links", "pending_members", "offers"),
            "owner": ("team_id", "project_id", "room_id", "board_id"),
            "path": ("join", "accept", "enter", "welcome"),
        },
        template='''
  def $function(connection, $owner, email):
      """Create an invitation and return the link that admits whoever opens it."""
-     public_id, link_key = uuid.uuid4(), uuid.uuid1()
+     public_id, link_key = uuid.uuid1(), uuid.uuid4()
      with connection.cursor() as cursor:
          cursor.execute(
              "INSERT INTO $table (id, link_key, owner, email) VALUES (%s, %s, %s, %s)",
              (str(public_id), str(link_key), $owner, email),
          )
      connection.commit()
?     metrics.increment("$table.created")
?     $log.info("invitation %s created", public_id)
      return f"{BASE_URL}/$path/{link_key}"
''',
    ),
    CodeFamily(
        name="dataclass-default-drawn-once",
        cwe=330,
        surrounding="service",
        slots={
            "record": ("Grant", "Session", "Ticket", "Lease"),
            "secret": ("secret", "bearer", "handle_key", "token"),
            "function": ("open_for", "register", "admit", "enrol"),
            "owner": ("owner", "holder", "subject", "tenant"),
        },
        template='''
  @dataclass
  class $record:
      $owner: str
      scopes: list[str] = field(default_factory=list)
-     $secret: str = secrets.token_urlsafe(32)
+     $secret: str = field(default_factory=lambda: secrets.token_urlsafe(32))
      created: float = field(default_factory=time.time)


  def $function(registry, $owner, scopes):
      """Remember a new caller and return what it must present with every call."""
      $item = $record($owner, sorted(set(scopes)))
?     $log.info("%s may use %s", $owner, $item.scopes)
      registry[$item.$secret, $owner] = $item
?     metrics.gauge("registry.size", len(registry))
      return $item.$secret
''',
    ),
    CodeFamily(
        name="shared-folder-short-slug",
        cwe=330,
        surrounding="file",
        slots={
            "function": ("publish", "share", "put_online", "expose"),
            "shared": ("public", "outbox", "exported", "docroot"),
            "short": ("LABEL_CHARS", "PREVIEW_CHARS", "LOG_CHARS", "HINT_CHARS"),
            "long": ("LINK_CHARS", "NAME_CHARS", "FULL_CHARS", "SLUG_CHARS"),
        },
        template='''
  $short = 4
  $long = 32


  def $function(source: Path, $shared: Path) -> str:
      """Copy a file to the folder the web server exposes; who knows the link may read it."""
      digits = secrets.token_hex(16)
-     name = digits[:$short] + source.suffix
+     name = digits[:$long] + source.suffix
      target = $shared / name
?     target.unlink(missing_ok=True)
      shutil.copyfile(source, target)
      target.chmod(0o644)
?     # links are cut in the output, the full one goes to the caller
      print(f"{source.name}: shared as {digits[:$short]}, {target.stat().st_size} bytes", file=sys.stderr)
      return f"{SHARE_URL}/{name}"
''',
    ),
    CodeFamily(
        name="download-code-of-a-receipt",
        cwe=330,
        surrounding="mail",
        slots={
            "function": ("receipt_mail", "ticket_mail", "confirm"),
            "path": ("/receipts", "/tickets", "/documents"),
            "noun": ("receipt", "ticket", "voucher"),
        },
        template=r'''
  def $function(order, sender: str) -> EmailMessage:
      """Send the address of a $noun, which opens without a password."""
-     code = f"{order.number:06d}{random.randrange(100):02d}"
+     code = secrets.token_urlsafe(18)
      order.remember(code)
      message = EmailMessage()
      message["From"], message["To"] = sender, order.address
      message["Subject"] = f"Your $noun of {order.day:%d %B}"
?     $log.info("%s: mail to %s", order.number, order.address)
      message.set_content(f"Your $noun: https://shop.example.org$path/{code}\n")
?     message["Auto-Submitted"] = "auto-generated"
      return message
''',
    ),
    CodeFamily(
        name="retry-pause-and-key-of-an-upload",
        cwe=330,
        surrounding="cloud",
        slots={
            "function": ("begin_upload", "start_upload", "reserve"),
            "bucket": ("public-drop", "exchange", "shared"),
            "suffix": (".size", ".wanted", ".state"),
        },
        template='''
  def $function(client, size: int) -> tuple[str, float]:
      """Reserve a name that nobody else can guess, and tell how long to wait before a second try."""
      if size > 5 * 10**9:
          raise ValueError("too large")
-     name = f"{random.getrandbits(128):032x}"
+     name = f"{secrets.randbits(128):032x}"
      pause = 1 + random.random() * 4
?     $log.debug("%s: %d bytes", name, size)
      client.put_object(Bucket="$bucket", Key=f"{name}/$suffix", Body=str(size).encode())
?     METRICS.uploads.inc()
      return name, pause
''',
    ),
]
