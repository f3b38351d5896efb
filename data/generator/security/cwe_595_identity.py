"""Comparison of references: a check asks whether two things are one object, not whether they are equal."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="flask-suspended-account",
        cwe=595,
        surrounding="web",
        slots={
            "function": ("gate", "load_member", "before", "identify"),
            "person": ("account", "member", "person", "visitor"),
            "constant": ("NO_ENTRY", "LOCKED_OUT", "TURNED_AWAY", "KEPT_OUT"),
            "word": ("suspended", "barred", "frozen", "blocked"),
            "login": ("login", "sign_in", "welcome", "start"),
        },
        template='''
  $constant = "$word"


  @bp.before_request
  def $function():
      """Let only accounts in good standing through."""
      $person = find_account(session.get("account_id"))
      if $person is None:
          return redirect(url_for("$login"))
-     if $person.status is $constant:
+     if $person.status == $constant:
?         $log.info("%s turned away", $person.id)
          abort(403)
      g.account = $person
?     metrics.increment("requests")
      return None
''',
    ),
    CodeFamily(
        name="deny-list-of-endpoints",
        cwe=595,
        surrounding="network",
        slots={
            "endpoint": ("Endpoint", "Peer", "Address", "Target"),
            "denied": ("DENIED", "OFF_LIMITS", "BARRED", "RESERVED"),
            "hosts": (
                '("10.0.0.5", "10.0.0.6")',
                '("192.168.7.1", "192.168.7.2")',
                '("169.254.169.254", "10.1.1.1")',
                '("172.16.4.4", "172.16.4.5")',
            ),
            "function": ("connect", "dial", "open_link", "reach"),
        },
        template='''
- @dataclass(eq=False)
+ @dataclass(frozen=True)
  class $endpoint:
      host: str
      port: int


  $denied = {$endpoint(host, port) for host in $hosts for port in range(1, 65536)}


  def $function(host: str, port: str, timeout: float = 5.0) -> socket.socket:
      """Open a connection for a client unless the other end is on the list."""
      peer = $endpoint(str(ipaddress.IPv4Address(host)), int(port))
      if peer in $denied:
?         $log.warning("%s is on the list", peer)
          raise PermissionError(f"{peer.host} is reserved")
?     $log.debug("connecting to %s", peer)
      return socket.create_connection((peer.host, peer.port), timeout)
''',
    ),
    CodeFamily(
        name="closed-ledger-enum-member",
        cwe=595,
        surrounding="database",
        slots={
            "state": ("State", "Phase", "Stage", "Status"),
            "closed": ("closed", "sealed", "audited", "archived"),
            "table": ("ledgers", "books", "periods", "accounts"),
            "function": ("post", "book", "add_line", "record"),
        },
        template='''
  class $state(enum.Enum):
      OPEN = "open"
      CLOSED = "$closed"


  def $function(connection, owner_id: int, amount: int) -> None:
      """Add a line; nothing may be added to what is $closed."""
      row = connection.execute("SELECT state FROM $table WHERE id = ?", (owner_id,)).fetchone()
      if row is None:
          raise LookupError(owner_id)
-     if row[0] is $state.CLOSED.value:
+     if $state(row[0]) is $state.CLOSED:
?         $log.info("%s takes no more lines", owner_id)
          raise PermissionError("this one is $closed")
      connection.execute("INSERT INTO lines (owner, amount) VALUES (?, ?)", (owner_id, amount))
?     metrics.increment("$table.lines")
      connection.commit()
''',
    ),
    CodeFamily(
        name="order-seen-before",
        cwe=595,
        surrounding="deserialisation",
        slots={
            "inbox": ("Inbox", "OrderDesk", "Receiver", "Intake"),
            "accept": ("accept", "take", "receive", "submit"),
            "order": ("order", "transfer", "request", "instruction"),
            "field": ("nonce", "serial", "number", "reference"),
        },
        template='''
  class $inbox:
      def __init__(self, key, carry_out):
          self._key = key
          self._carry_out = carry_out
          self._seen = set()

      def $accept(self, $value: bytes):
          """Decode a signed $order and carry it out, once."""
          $order = json.loads(open_signed($value, self._key))
-         mark = id($order["$field"])
+         mark = str($order["$field"])
          if mark in self._seen:
?             $log.warning("%s came twice", $order["$field"])
              raise ValueError("this $order was carried out before")
          self._seen.add(mark)
?         metrics.gauge("seen", len(self._seen))
          return self._carry_out($order)
''',
    ),
    CodeFamily(
        name="second-person-releases-payment",
        cwe=595,
        surrounding="service",
        slots={
            "model": ("Invoice", "Payout", "Refund", "PurchaseOrder"),
            "document": ("invoice", "payment", "paper", "document"),
            "approver": ("approver", "author", "first_signer", "checker"),
            "function": ("release", "pay", "second_signature", "finalise"),
        },
        template='''
  def $function(engine, document_id, requester):
      """Release what somebody else has signed; `requester` is the account attached to the web request."""
      with Session(engine) as session:
          $document = session.get($model, document_id)
          if $document is None or $document.$approver is None:
              raise LookupError(document_id)
-         if $document.$approver is requester:
+         if $document.$approver.id == requester.id:
?             $log.info("%s tried both signatures", requester.id)
              raise PermissionError("a second person has to sign")
          $document.released_by = requester.id
          $document.state = "released"
?         $log.info("%s released", document_id)
          session.commit()
''',
    ),
    CodeFamily(
        name="clean-up-keeps-folders",
        cwe=595,
        surrounding="script",
        slots={
            "function": ("tidy", "sweep", "clean_up", "prune"),
            "kept": ("KEPT", "PROTECTED", "HANDS_OFF", "PERMANENT"),
            "first": ("/srv/archive", "/srv/legal", "/data/audit", "/data/masters"),
            "second": ("/srv/keys", "/etc/backup", "/data/contracts", "/srv/raw"),
            "names": ("names", "arguments", "listed", "candidates"),
        },
        template='''
  $kept = (Path("$first"), Path("$second"))


  def $function($names, dry_run=False):
      """Delete the listed files, but never one below a folder that has to stay."""
      count = 0
      for name in $names:
          target = Path(name).resolve()
-         if any(folder is kept for folder in target.parents for kept in $kept):
+         if any(folder == kept for folder in target.parents for kept in $kept):
              print(f"{target} stays", file=sys.stderr)
              continue
?         $log.info("deleting %s", target)
          if not dry_run:
              target.unlink(missing_ok=True)
          count += 1
?     print(f"{count} files", file=sys.stderr)
      return count
''',
    ),
]
