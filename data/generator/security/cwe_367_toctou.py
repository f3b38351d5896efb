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
]
