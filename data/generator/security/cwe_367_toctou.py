"""Time of check, time of use: what was checked may be another thing when it is used."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="shared-inbox-new-file",
        cwe=367,
        surrounding="file",
        slots={
            "function": ("place", "drop_off", "store_upload", "put_in"),
            "inbox": ("inbox", "spool", "shared", "outgoing"),
            "thing": ("report", "scan", "letter", "voucher"),
            "part": ("chunk", "block", "piece", "portion"),
        },
        template='''
  def $function($inbox, name, ${part}s):
      """Write a $thing to the folder that all departments share; an existing one is left alone."""
      target = Path($inbox) / Path(name).name
      if target.exists():
?         $log.warning("%s is there already", target)
          raise FileExistsError(f"{target.name} was delivered before")
      size = 0
-     with target.open("wb") as stream:
+     with target.open("xb") as stream:
          for $part in ${part}s:
              size += stream.write($part)
?     $log.info("%s: %d bytes", target.name, size)
      return size
''',
    ),
    CodeFamily(
        name="pinned-script",
        cwe=367,
        surrounding="subprocess",
        slots={
            "function": ("run_hook", "run_step", "start_script", "launch"),
            "shell": ("sh", "bash", "dash", "ksh", "zsh"),
            "pinned": ("pinned", "approved", "reviewed", "known"),
            "folder": ("workdir", "folder", "sandbox", "scratch"),
        },
        template='''
  def $function(path, $pinned, $folder):
      """Run a script from the users' folder if it still is the one that was reviewed."""
      script = Path(path)
      body = script.read_bytes()
      digest = hashlib.sha256(body).hexdigest()
      if not hmac.compare_digest(digest, $pinned):
?         $log.warning("%s is now %s", script, digest)
          raise PermissionError(f"{script} has changed")
-     done = subprocess.run(["$shell", str(script)], cwd=$folder, timeout=600)
+     done = subprocess.run(["$shell", "-s"], input=body, cwd=$folder, timeout=600)
?     $log.info("%s ended with %d", script.name, done.returncode)
      return done.returncode
''',
    ),
    CodeFamily(
        name="django-voucher-lock",
        cwe=367,
        surrounding="database",
        slots={
            "function": ("redeem", "use_up", "cash_in", "claim"),
            "model": ("Voucher", "GiftCard", "Coupon", "Ticket"),
            "owner": ("customer", "guest", "account", "buyer"),
            "field": ("used_by", "spent_by", "claimed_by", "taken_by"),
        },
        template='''
  @transaction.atomic
  def $function($owner, code):
      """Turn a code, good for one use, into money on the account."""
-     voucher = $model.objects.get(code=code)
+     voucher = $model.objects.select_for_update().get(code=code)
      if voucher.$field is not None:
?         $log.info("%s was used before", voucher.pk)
          raise ValidationError("This code has been used.")
      voucher.$field = $owner
      voucher.save(update_fields=["$field"])
?     $log.info("%s paid out", voucher.pk)
      return Credit.objects.create($owner=$owner, amount=voucher.amount)
''',
    ),
    CodeFamily(
        name="asyncio-budget",
        cwe=367,
        surrounding="service",
        slots={
            "budget": ("Budget", "Quota", "Allowance", "Pot"),
            "method": ("spend", "take", "consume", "use"),
            "problem": ("OverflowError", "ValueError", "Exhausted", "NotEnough"),
            "ledger": ("ledger", "bank", "backend", "books"),
        },
        template='''
  class $budget:
      """What a project may still spend, shared by all its requests."""

      def __init__(self, $ledger, left):
          self._$ledger = $ledger
          self._left = left
          self._lock = asyncio.Lock()

      async def $method(self, amount):
-         if amount > self._left:
-             raise $problem(amount)
          async with self._lock:
+             if amount > self._left:
+                 raise $problem(amount)
?             $log.debug("%s of %s", amount, self._left)
              await self._$ledger.append(-amount)
              self._left -= amount
?         metrics.increment("$budget.$method")
          return self._left
''',
    ),
    CodeFamily(
        name="coupon-counted-in-python",
        cwe=367,
        surrounding="web",
        slots={
            "view": ("use_coupon", "join_raffle", "take_seat"),
            "model": ("Coupon", "Raffle", "Course"),
            "field": ("left", "free", "remaining"),
        },
        template='''
  @require_POST
  @login_required
  def $view(request, code):
      """Take one of a limited number; many people press the button in the same second."""
      entry = get_object_or_404($model, code=code)
-     taken = entry.$field > 0
-     $model.objects.filter(pk=entry.pk).update($field=F("$field") - 1)
+     taken = $model.objects.filter(pk=entry.pk, ${field}__gt=0).update($field=F("$field") - 1)
      if not taken:
?         $log.info("%s is used up", code)
          return JsonResponse({"problem": "none left"}, status=409)
      request.user.entries.create(entry=entry)
?     $log.info("%s for %s", code, request.user.pk)
      return JsonResponse({"taken": True})
''',
    ),
    CodeFamily(
        name="link-swapped-before-the-read",
        cwe=367,
        surrounding="script",
        slots={
            "function": ("collect", "gather", "read_homes"),
            "file": (".report.json", "survey.json", ".usage"),
            "limit": ("65536", "100_000", "1 << 20"),
        },
        template='''
  def $function(home: Path, uid: int) -> dict | None:
      """Read a file out of a user's home on behalf of root, if it is the user's own."""
      path = home / "$file"
-     status = os.stat(path, follow_symlinks=False)
+     handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
+     status = os.fstat(handle)
      if status.st_uid != uid or not stat.S_ISREG(status.st_mode):
?         print(f"{path} is left out", file=sys.stderr)
          return None
-     with open(path, "rb") as stream:
+     with os.fdopen(handle, "rb") as stream:
          return json.loads(stream.read($limit))
''',
    ),
    CodeFamily(
        name="job-claimed-by-two-workers",
        cwe=367,
        surrounding="job",
        slots={
            "function": ("claim", "next_job", "take_job"),
            "table": ("jobs", "payouts", "mails"),
            "state": ("waiting", "queued", "open"),
        },
        template='''
  def $function(connection, worker: str):
      """Take the oldest of the $table; each must be carried out once, by whichever worker is first."""
      with connection.transaction():
          row = connection.execute(
-             "SELECT id, body FROM $table WHERE state = '$state' ORDER BY id LIMIT 1"
+             "SELECT id, body FROM $table WHERE state = '$state' ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED"
          ).fetchone()
          if row is None:
              return None
          connection.execute("UPDATE $table SET state = 'taken', worker = %s WHERE id = %s", (worker, row["id"]))
?         $log.debug("%s takes %d", worker, row["id"])
?     METRICS.claimed.inc()
      return row
''',
    ),
]
