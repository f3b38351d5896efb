"""Missing lock check: the work is done although the lock that guards it was not obtained."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="state-file-already-locked",
        cwe=414,
        surrounding="script",
        slots={
            "function": ("run_once", "advance", "update_state", "step"),
            "counter": ("runs", "cursor", "position", "generation"),
            "message": ("another run is active", "state is in use", "locked by another process", "somebody is at it"),
            "job": ("job", "work", "action", "task"),
        },
        template='''
  def $function(state: Path, $job) -> int:
      """Run the $job under an exclusive lock on its state file; the result is the exit status."""
      with open(state.with_suffix(".lock"), "w") as guard:
          try:
              fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
          except BlockingIOError:
              print("$message", file=sys.stderr)
+             return 1
          $value = json.loads(state.read_text())
          $value["$counter"] = $job($value["$counter"])
?         $log.info("$counter is now %s", $value["$counter"])
          state.write_text(json.dumps($value))
?     # closing the file gives the lock back
      return 0
''',
    ),
    CodeFamily(
        name="balance-lock-timed-out",
        cwe=414,
        surrounding="service",
        slots={
            "wallet": ("Wallet", "Account", "Budget", "Stock"),
            "take": ("withdraw", "take", "spend", "draw"),
            "left": ("balance", "remaining", "available", "level"),
            "seconds": ("0.5", "1", "2", "5"),
        },
        template='''
  class $wallet:
      def __init__(self, $left=0):
          self.$left = $left
          self._lock = threading.Lock()

      def $take(self, amount):
          """Reduce what is there by the amount and return what is left."""
-         self._lock.acquire(timeout=$seconds)
+         if not self._lock.acquire(timeout=$seconds):
+             raise TimeoutError("$wallet is busy")
          try:
              if amount > self.$left:
?                 $log.info("%s asked, %s there", amount, self.$left)
                  raise ValueError("not enough")
              after = self.$left - amount
              archive(self, amount)
              self.$left = after
?             metrics.gauge("$left", after)
              return after
          finally:
              self._lock.release()
''',
    ),
    CodeFamily(
        name="page-merge-editing-lock",
        cwe=414,
        surrounding="web",
        slots={
            "model": ("Page", "Article", "Note", "Chapter"),
            "route": ("pages", "wiki", "notes", "docs"),
            "function": ("merge", "append_to", "fold_in", "join_into"),
            "holder": ("locked_by", "editor_id", "checked_out_by", "lock_owner"),
        },
        template='''
  @bp.post("/$route/<int:source_id>/into/<int:target_id>")
  @editor_required
  def $function(source_id, target_id):
      """Add one text to the end of another, unless somebody else is editing the latter."""
      source = db.get_or_404($model, source_id)
      target = db.get_or_404($model, target_id)
-     if source.$holder not in (None, current_user.id):
+     if target.$holder not in (None, current_user.id):
?         flash("Somebody is working on this text.")
          abort(423)
      target.body = target.body + source.body
      target.revision += 1
?     $log.info("%s merged into %s", source_id, target_id)
      db.session.commit()
      return redirect(url_for("$route.show", id=target.id))
''',
    ),
    CodeFamily(
        name="redis-shard-refresh",
        cwe=414,
        surrounding="network",
        slots={
            "function": ("refresh", "sync_shard", "rebuild", "reload_shard"),
            "shard": ("shard", "region", "tenant", "segment"),
            "prefix": ("index", "cache", "prices", "routes"),
            "seconds": ("30", "60", "90", "120"),
        },
        template='''
  def $function(client, $shard: str, pull) -> bool:
      """Write fresh data to one $shard; a single worker at a time may do so."""
      owner = uuid.uuid4().hex
      key = f"$prefix:{$shard}:lock"
      held = client.set(key, owner, nx=True, ex=$seconds)
-     client.hset(f"$prefix:{$shard}", mapping=pull($shard))
      if not held:
?         $log.info("%s is taken", $shard)
          return False
+     client.hset(f"$prefix:{$shard}", mapping=pull($shard))
      client.incr(f"$prefix:{$shard}:version")
?     metrics.increment("$prefix.refreshed")
      release_if_owner(client, key, owner)
      return True
''',
    ),
    CodeFamily(
        name="folder-marker-may-exist",
        cwe=414,
        surrounding="file",
        slots={
            "claim": ("claimed", "held", "reserved", "occupied"),
            "folder": ("folder", "mailbox", "tray", "shelf"),
            "name": ("lock", "busy", "in-use", "writer"),
            "function": ("append_line", "add_row", "put_down", "note_down"),
        },
        template=r'''
  @contextlib.contextmanager
  def $claim($folder: Path):
      """Keep a $folder for one writer; the next one gets an OSError."""
      marker = $folder / ".$name"
-     marker.touch(exist_ok=True)
+     marker.touch(exist_ok=False)
      try:
?         $log.debug("%s is ours", $folder)
          yield $folder
      finally:
          marker.unlink(missing_ok=True)


  def $function($folder: Path, line: str) -> None:
      with $claim($folder):
          index = $folder / "index.txt"
          known = index.read_text().splitlines() if index.exists() else []
          known.append(f"{len(known) + 1} {line}")
?         # the file is small enough to be written as a whole
          index.write_text("\n".join(known) + "\n")
''',
    ),
    CodeFamily(
        name="postgres-advisory-lock-row",
        cwe=414,
        surrounding="database",
        slots={
            "function": ("close_month", "settle", "roll_up", "post_totals"),
            "table": ("monthly_totals", "settlements", "balances", "closings"),
            "lines": ("ledger_lines", "movements", "bookings", "charges"),
            "key": ("CLOSING_LOCK", "LEDGER_LOCK", "TOTALS_LOCK", "BATCH_LOCK"),
        },
        template='''
  def $function(connection, month: date) -> int:
      """Sum a month up into $table; two runs must never overlap."""
      with connection.transaction(), connection.cursor() as cursor:
          cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", ($key,))
-         if cursor.fetchone() is None:
+         if not cursor.fetchone()[0]:
?             $log.warning("a run for %s is under way", month)
              raise Busy(month)
          cursor.execute(
              "INSERT INTO $table SELECT account, %s, SUM(amount) FROM $lines"
              " WHERE month = %s AND NOT settled GROUP BY account",
              (month, month),
          )
          cursor.execute("UPDATE $lines SET settled = TRUE WHERE month = %s", (month,))
?         $log.info("%d lines settled", cursor.rowcount)
          return cursor.rowcount
''',
    ),
]
