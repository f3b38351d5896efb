"""Unchecked return value: a call reports its failure and nobody looks."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="backup-of-two-commands",
        cwe=252,
        surrounding="subprocess",
        slots={
            "function": ("backup", "nightly", "archive_database", "dump_and_rotate"),
            "packer": ("gzip", "xz", "bzip2", "pigz"),
            "option": ("--no-owner", "--clean", "--no-comments", "--no-privileges"),
            "keep": ("keep", "newest", "count", "copies"),
        },
        template='''
  def $function(database, folder, $keep=7):
      """Dump the database, pack the dump, then drop all but the newest archives."""
      target = Path(folder) / f"{database}-{date.today():%Y%m%d}.sql"
      with target.open("wb") as stream:
          dumped = subprocess.run(["pg_dump", "$option", database], stdout=stream)
      $log.info("dumped by %s", dumped.args[0])
      packed = subprocess.run(["$packer", "-f", str(target)])
?     $log.info("packed by %s", packed.args[0])
-     if packed.returncode != 0:
+     if dumped.returncode != 0 or packed.returncode != 0:
          raise SystemExit(f"no backup of {database} today")
      for old in sorted(Path(folder).glob(f"{database}-*"))[:-$keep]:
?         $log.info("dropping %s", old.name)
          old.unlink()
''',
    ),
    CodeFamily(
        name="frame-partly-sent",
        cwe=252,
        surrounding="network",
        slots={
            "function": ("push_frame", "send_frame", "deliver", "write_record"),
            "size": ("4096", "8192", "16384", "65536"),
            "pattern": ("!BI", "!HI", ">BQ", ">HQ"),
            "kind": ("kind", "channel", "opcode", "version"),
        },
        template=r'''
  CHUNK = $size


  def $function(sock, $kind, payload):
      """Send one frame, which is $kind, length and body, and wait for the receipt."""
      view = memoryview(struct.pack("$pattern", $kind, len(payload)) + payload)
?     $log.debug("frame of %d bytes", len(view))
      while view:
-         sock.send(view[:CHUNK])
-         view = view[CHUNK:]
+         sent = sock.send(view[:CHUNK])
+         view = view[sent:]
?         metrics.increment("chunks")
      if sock.recv(1) != b"\x06":
          raise ConnectionError("no receipt from the peer")
''',
    ),
    CodeFamily(
        name="lock-acquire-timeout",
        cwe=252,
        surrounding="service",
        slots={
            "store": ("SettingsStore", "QuotaFile", "SharedState", "Register"),
            "method": ("put", "update", "assign", "change"),
            "seconds": ("2", "5", "10", "30"),
            "gauge": ("store.lock", "state.lock", "register.wait", "quota.lock"),
        },
        template='''
  class $store:
      def __init__(self, path):
          self._path = path
          self._lock = threading.Lock()

      def $method(self, key, $value):
          """Change one key of the file that all threads share."""
          held = self._lock.acquire(timeout=$seconds)
          statsd.gauge("$gauge", int(held))
+         if not held:
+             raise TimeoutError(f"{self._path} is busy")
          try:
              content = json.loads(self._path.read_text())
?             $log.debug("%s was %r", key, content.get(key))
              content[key] = $value
              self._path.write_text(json.dumps(content))
          finally:
              self._lock.release()
?         $log.info("%s changed", key)
''',
    ),
    CodeFamily(
        name="debit-row-count",
        cwe=252,
        surrounding="database",
        slots={
            "function": ("spend", "withdraw", "charge", "redeem"),
            "table": ("accounts", "wallets", "budgets", "cards"),
            "column": ("balance", "credit", "points", "minutes"),
            "problem": ("LookupError", "ValueError", "NotEnough", "Refused"),
        },
        template='''
  def $function(connection, owner, amount, purpose):
      """Take an amount from the owner, who has to have it, and book it."""
      taken = (amount, owner, amount)
      with connection.transaction(), connection.cursor() as cursor:
          cursor.execute("UPDATE $table SET $column = $column - %s WHERE id = %s AND $column >= %s", taken)
?         $log.debug("%s pays %s", owner, amount)
+         if cursor.rowcount != 1:
+             raise $problem(owner)
          cursor.execute("INSERT INTO bookings (owner, amount, purpose) VALUES (%s, %s, %s)", (owner, amount, purpose))
-         if cursor.rowcount != 1:
-             raise $problem(owner)
?     metrics.increment("$function")
      return Receipt(owner, amount, purpose)
''',
    ),
]
