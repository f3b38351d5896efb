"""Predictable IV with CBC: whoever knows the next IV can test guesses of earlier plaintext."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="default-argument",
        cwe=329,
        surrounding="file",
        slots={
            "function": ("seal_file", "encrypt_file", "lock", "close_file"),
            "suffix": (".sealed", ".enc", ".locked", ".aes"),
            "mac_key": ("mac_key", "tag_key", "auth_key", "check_key"),
            "path": ("path", "source", "document", "original"),
        },
        template='''
- def $function($path, key, $mac_key, iv=os.urandom(16)):
+ def $function($path, key, $mac_key):
      """Write an encrypted copy beside the file and return where it is."""
+     iv = os.urandom(16)
      padder = padding.PKCS7(algorithms.AES.block_size).padder()
      padded = padder.update($path.read_bytes()) + padder.finalize()
      encryptor = Cipher(algorithms.AES(key), modes.CBC(iv)).encryptor()
      body = iv + encryptor.update(padded) + encryptor.finalize()
?     $log.debug("%d bytes for %s", len(body), $path.name)
      target = $path.with_suffix("$suffix")
      target.write_bytes(body + hmac.digest($mac_key, body, "sha256"))
?     $log.info("%s written", target)
      return target
''',
    ),
    CodeFamily(
        name="numbered-journal",
        cwe=329,
        surrounding="database",
        slots={
            "journal": ("SealedJournal", "CaseDiary", "EventBook", "VisitLog"),
            "table": ("events", "visits", "remarks", "diary"),
            "method": ("append", "write", "record", "note"),
            "label": ("iv", "start", "first", "block"),
        },
        template='''
  class $journal:
      """An append-only list of encrypted lines, numbered without gaps."""

      def __init__(self, connection, key, mac_key):
          self._db, self._key, self._mac_key = connection, key, mac_key

      def $method(self, line):
          (number,) = self._db.execute("SELECT COALESCE(MAX(number), 0) + 1 FROM $table").fetchone()
          name = b"$label" + number.to_bytes(8, "big")
-         iv = hashlib.sha256(name).digest()[: AES.block_size]
+         iv = hmac.digest(self._mac_key, name, "sha256")[: AES.block_size]
          body = AES.new(self._key, AES.MODE_CBC, iv).encrypt(pad(line.encode(), AES.block_size))
          tag = hmac.digest(self._mac_key, b"tag" + iv + body, "sha256")
          self._db.execute("INSERT INTO $table (number, body, tag) VALUES (?, ?, ?)", (number, body, tag))
?         $log.debug("line %d has %d bytes", number, len(body))
          self._db.commit()
?         metrics.increment("$table")
          return number
''',
    ),
    CodeFamily(
        name="record-channel",
        cwe=329,
        surrounding="network",
        slots={
            "channel": ("RecordChannel", "Tunnel", "Uplink", "Wire"),
            "method": ("send", "push", "transmit", "emit"),
            "next": ("_next", "_start", "_block", "_iv"),
            "pattern": ("!I", "!Q", ">I", ">Q"),
        },
        template='''
  class $channel:
      def __init__(self, sock, key, mac_key):
          self._sock, self._key, self._mac_key = sock, key, mac_key
          self.$next = os.urandom(16)

      def $method(self, payload):
          """Send one encrypted record, its length first and its tag last."""
          iv = self.$next
          padder = padding.PKCS7(128).padder()
          encryptor = Cipher(algorithms.AES(self._key), modes.CBC(iv)).encryptor()
          padded = padder.update(payload) + padder.finalize()
          body = iv + encryptor.update(padded) + encryptor.finalize()
?         $log.debug("record of %d bytes", len(body))
          tag = hmac.digest(self._mac_key, body, "sha256")
          self._sock.sendall(struct.pack("$pattern", len(body)) + body + tag)
-         self.$next = body[-16:]
+         self.$next = os.urandom(16)
?         # The reader finds all it needs in the record itself.
''',
    ),
    CodeFamily(
        name="flask-link-token",
        cwe=329,
        surrounding="web",
        slots={
            "route": ("invite", "share", "handover", "referral"),
            "view": ("make_link", "create_link", "new_link", "link"),
            "field": ("note", "greeting", "subject", "title"),
            "tail": ("open", "accept", "visit", "enter"),
        },
        template="""
  @app.post("/$route/link")
  @login_required
  def $view():
      stamp = int(time.time())
      content = {"user": current_user.id, "at": stamp, "$field": request.form["$field"][:200]}
      padded = pad(json.dumps(content).encode(), AES.block_size)
-     iv = random.Random(stamp).randbytes(AES.block_size)
+     iv = random.SystemRandom().randbytes(AES.block_size)
      body = iv + AES.new(app.config["LINK_KEY"], AES.MODE_CBC, iv).encrypt(padded)
      tag = hmac.digest(app.config["LINK_MAC_KEY"], body, "sha256")
?     $log.info("link made by %s at %d", current_user.id, stamp)
      token = base64.urlsafe_b64encode(body + tag).decode()
?     metrics.increment("$route.link")
      return jsonify(link=url_for("${route}_$tail", token=token, _external=True))
""",
    ),
    CodeFamily(
        name="chained-from-the-last-message",
        cwe=329,
        surrounding="network",
        slots={
            "class": ("Session", "Line", "SecureLink"),
            "method": ("send", "write", "push"),
            "field": ("last", "previous", "tail"),
        },
        template='''
  class $class:
      """Sends messages of which some hold what a visitor has typed, each encrypted by itself."""

      def __init__(self, key: bytes, sock):
          self.key = key
          self.sock = sock
          self.$field = get_random_bytes(16)

      def $method(self, message: bytes) -> None:
-         vector = self.$field
+         vector = get_random_bytes(16)
          cipher = AES.new(self.key, AES.MODE_CBC, iv=vector)
          sealed = cipher.encrypt(pad(message, 16))
          self.$field = sealed[-16:]
?         $log.debug("%d bytes", len(sealed))
          self.sock.sendall(len(sealed).to_bytes(4, "big") + vector + sealed)
''',
    ),
    CodeFamily(
        name="vector-of-the-row-number",
        cwe=329,
        surrounding="job",
        slots={
            "function": ("seal_rows", "encrypt_column", "hide_column"),
            "table": ("patients", "donors", "clients"),
            "column": ("diagnosis", "remark", "history"),
        },
        template='''
  @shared_task
  def $function(first: int, last: int) -> int:
      """Encrypt a column of the rows in a range; the column may hold the same words in many rows."""
      with connection.cursor() as cursor:
          cursor.execute("SELECT id, $column FROM $table WHERE id BETWEEN %s AND %s", (first, last))
          rows = cursor.fetchall()
          for number, $value in rows:
-             vector = number.to_bytes(16, "big")
+             vector = os.urandom(16)
              encryptor = Cipher(algorithms.AES(column_key()), modes.CBC(vector)).encryptor()
              sealed = vector + encryptor.update(padded($value.encode())) + encryptor.finalize()
              cursor.execute("UPDATE $table SET sealed = %s WHERE id = %s", (sealed, number))
?             $log.debug("row %d", number)
      return len(rows)
''',
    ),
]
