"""Log forging: a line break in a logged value writes a line that never happened."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="flask-refused-sign-in",
        cwe=117,
        surrounding="web",
        slots={
            "route": ("sign-in", "login", "enter", "session"),
            "field": ("name", "email", "member", "account"),
            "function": ("sign_in", "open_session", "enter", "check_in"),
            "person": ("person", "user", "holder", "known"),
        },
        template="""
  @app.post("/$route")
  @limiter.limit("5/minute")
  def $function():
      $value = request.form.get("$field", "")
      $person = find_by_$field($value)
      if $person is None or not check_password_hash($person.digest, request.form.get("password", "")):
-         $log.warning("sign-in of %s from %s refused", $value, request.remote_addr)
+         $log.warning("sign-in of %r from %s refused", $value, request.remote_addr)
?         metrics.count("$function.refused")
          abort(403)
?     # A fresh session for every sign-in.
      session.clear()
      session["id"] = $person.id
      return redirect(url_for("home"))
""",
    ),
    CodeFamily(
        name="filter-keeps-records-on-one-line",
        cwe=117,
        surrounding="service",
        slots={
            "filter": ("OneLineFilter", "TidyRecords", "LineKeeper", "FlatRecords"),
            "breaks": ("BREAKS", "LINE_ENDS", "VISIBLE", "MARKS"),
            "service": ("orders", "search", "billing", "chat"),
            "function": ("configure", "set_up_logs", "prepare_logs", "start_logs"),
        },
        template=r'''
  $breaks = str.maketrans({"\r": "\\r", "\n": "\\n"})


  class $filter(logging.Filter):
      """Every record is one line of the file, also when it repeats what a client sent."""

      def filter(self, record):
-         record.msg = str(record.msg).translate($breaks)
+         record.msg, record.args = record.getMessage().translate($breaks), ()
?         record.service = "$service"
          return True


  def $function(path):
      handler = logging.FileHandler(path, encoding="utf-8")
      handler.addFilter($filter())
?     handler.setLevel(logging.INFO)
      logging.getLogger("$service").addHandler(handler)
''',
    ),
    CodeFamily(
        name="ledger-line-with-note",
        cwe=117,
        surrounding="file",
        slots={
            "function": ("record", "write_entry", "note_down", "append"),
            "ledger": ("ledger", "trail", "register", "diary"),
            "note": ("note", "reason", "remark", "purpose"),
            "actions": ('("lend", "return")', '("open", "close", "seal")', '("add", "drop")', '("grant", "revoke")'),
        },
        template=r'''
  ACTIONS = $actions


  def $function(path, actor, action, $note):
      """Add one line to the $ledger; actor and $note come from the form at the desk."""
      if action not in ACTIONS:
          raise ValueError("no such action")
      moment = datetime.now(timezone.utc).isoformat(timespec="seconds")
-     line = f"{moment} {json.dumps(actor)} {action}: {$note}"
+     line = f"{moment} {json.dumps(actor)} {action}: {json.dumps($note)}"
?     # Readers of the $ledger may come while this is open.
      with open(path, "a", encoding="utf-8") as $ledger:
          $ledger.write(line + "\n")
?     metrics.count("$ledger.lines")
      return moment
''',
    ),
    CodeFamily(
        name="socket-server-logs-address",
        cwe=117,
        surrounding="network",
        slots={
            "handler": ("KeyHandler", "LookupHandler", "StoreHandler", "CacheHandler"),
            "key": ("key", "wanted", "topic", "subject"),
            "store": ("STORE", "PAGES", "TABLE", "FACTS"),
            "limit": ("512", "1024", "2048", "4096"),
        },
        template=r'''
  class $handler(socketserver.StreamRequestHandler):
      """Answers `GET key`, where the key is written as in an address of the web."""

      def handle(self):
          line = self.rfile.readline($limit)
          verb, sent = line.decode("ascii").split()
          $key = unquote(sent)
?         # Other verbs are for later.
          if verb != "GET":
              self.wfile.write(b"?\n")
              return
-         $log.info("%s asks for %s", self.client_address[0], $key)
+         $log.info("%s asks for %s", self.client_address[0], sent)
          self.wfile.write($store.get($key, b"") + b"\n")
?         metrics.count("answers")
''',
    ),
    CodeFamily(
        name="queue-consumer-names-event",
        cwe=117,
        surrounding="deserialisation",
        slots={
            "function": ("on_message", "consume", "handle_event", "receive"),
            "handlers": ("HANDLERS", "ROUTES", "ACTIONS", "STEPS"),
            "thing": ("order", "parcel", "booking", "claim"),
            "step": ("step", "handler", "action", "work"),
        },
        template='''
  $handlers = {"created": create_$thing, "paid": settle_$thing, "cancelled": close_$thing}


  def $function(channel, method, properties, body):
      """Take one event of a shop from the queue; kinds that are not known go to `skip`."""
      event = json.loads(body)
      number = int(event["$thing"])
      kind = event.get("kind", "created")
      $step = $handlers.get(kind, skip)
      $step(number)
?     metrics.count("events")
-     $log.info("%s of $thing %d is done", kind, number)
+     $log.info("%s of $thing %d is done", $step.__name__, number)
?     # Only now may the broker forget it.
      channel.basic_ack(method.delivery_tag)
''',
    ),
    CodeFamily(
        name="audit-line-of-a-template",
        cwe=117,
        surrounding="template",
        slots={
            "function": ("audit_line", "trail_line", "protocol_line"),
            "field": ("agent", "reason", "remark"),
            "separator": (";", ",", "/"),
        },
        template=r'''
  LINE = string.Template("$$stamp $separator $$who $separator $$what")


  def $function(stream, who: str, $field: str) -> None:
      """Add a line to the trail that the auditors read; the $field comes with the request."""
      stamp = datetime.now(UTC).isoformat(timespec="seconds")
      words = $field.strip()[:200]
-     line = LINE.substitute(stamp=stamp, who=who, what=words.expandtabs(1))
+     line = LINE.substitute(stamp=stamp, who=who, what=" ".join(words.split()))
?     $log.debug("%d letters", len(line))
      stream.write(line + "\n")
?     # Lines are read by a program, too.
      stream.flush()
''',
    ),
]
