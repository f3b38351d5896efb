"""Improper handling of exceptional conditions: a check that fails lets everything through."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="role-checked-by-assertion",
        cwe=703,
        surrounding="service",
        slots={
            "class": ("Payouts", "Transfers", "Refunds"),
            "method": ("pay", "transfer", "refund"),
            "role": ("treasurer", "cashier", "manager"),
        },
        template='''
  class $class:
      """Moves money; the program is started with `python -O` in production."""

      def __init__(self, bank, log):
          self.bank = bank
          self.log = log

      def $method(self, account, target: str, amount: Decimal) -> str:
-         assert account.role == "$role", "only the $role may do this"
-         assert 0 < amount <= account.limit, f"{amount} is too much"
+         if account.role != "$role" or not 0 < amount <= account.limit:
+             raise PermissionError(f"{amount} by {account.role}")
          number = self.bank.order(target, amount, reference=uuid4().hex)
?         self.log.info("%s: %s to %s", account.id, amount, target)
          return number
''',
    ),
    CodeFamily(
        name="block-list-that-cannot-be-read",
        cwe=703,
        surrounding="network",
        slots={
            "function": ("may_enter", "is_welcome", "admitted"),
            "path": ("/etc/gate/barred.json", "/srv/gate/blocked.json", "/var/lib/gate/list.json"),
            "noun": ("address", "peer", "visitor"),
        },
        template='''
  def $function($noun: str) -> bool:
      """Tell whether the gate opens for an $noun; the list is renewed by another program."""
      number = ipaddress.ip_address($noun)
      try:
          barred = [ipaddress.ip_network(entry) for entry in json.loads(Path("$path").read_text())]
      except (OSError, ValueError):
-         barred = []
+         barred = [ipaddress.ip_network($noun)]
?         $log.exception("the list cannot be read")
?     $log.debug("%d networks", len(barred))
      return not any(number in network for network in barred)
''',
    ),
    CodeFamily(
        name="scanner-that-fails-is-passed-over",
        cwe=703,
        surrounding="job",
        slots={
            "function": ("accept_upload", "check_upload", "clear"),
            "folder": ("accepted", "clean", "checked"),
            "seconds": ("30", "60", "120"),
        },
        template='''
  @shared_task
  def $function(path: str) -> str | None:
      """Move an upload to where people download it, when the scanner has found nothing."""
      source = Path(path)
      found = "not scanned"
      try:
          found = scanner.scan(source, timeout=$seconds)
      except Exception:
-         pass
-     if found in (None, "", "not scanned"):
+         $log.exception("scanner")
+     if not found:
?         metrics.increment("accepted")
          target = source.parent.parent / "$folder" / source.name
          return str(source.rename(target))
?     metrics.increment("kept")
      return None
''',
    ),
    CodeFamily(
        name="limiter-whose-store-is-gone",
        cwe=703,
        surrounding="web",
        slots={
            "function": ("limited", "slow_down", "throttle"),
            "limit": ("5", "10", "3"),
            "prefix": ("tries", "logins", "attempts"),
        },
        template='''
  def $function(request, login: str) -> bool:
      """Tell whether there were too many wrong passwords; whoever fills the store's memory makes it fail."""
      name = f"$prefix:{login.lower()}"
-     count = 0
+     count = $limit
      with contextlib.suppress(redis.RedisError):
          count = store.incr(name)
          store.expire(name, 900)
?     $log.debug("%s: %d", name, count)
      if count >= $limit:
          return True
?     request.tries = count
      return False
''',
    ),
]
