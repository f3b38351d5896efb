"""Timing channel: how long an answer takes tells something about a secret."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="flask-shared-key-header",
        cwe=385,
        surrounding="web",
        slots={
            "function": ("check_key", "admit", "require_key", "gate"),
            "header": ("X-Api-Key", "X-Hook-Key", "X-Service-Token", "X-Relay-Key"),
            "setting": ("API_KEY", "HOOK_KEY", "RELAY_KEY", "SERVICE_TOKEN"),
            "open": ("health", "ping", "status", "version"),
        },
        template='''
  @app.before_request
  def $function():
      """Admit only callers that present the shared key."""
      if request.endpoint == "$open":
          return None
      $value = request.headers.get("$header", "")
      expected = current_app.config["$setting"]
-     if $value.encode() != expected.encode():
+     if not hmac.compare_digest($value.encode(), expected.encode()):
?         $log.warning("refused %s", request.remote_addr)
          abort(401)
?     g.caller = request.remote_addr
      return None
''',
    ),
    CodeFamily(
        name="frame-magic-and-tag",
        cwe=385,
        surrounding="network",
        slots={
            "function": ("read_frame", "next_message", "take_packet", "receive_unit"),
            "magic": ("MAGIC", "MARK", "PREAMBLE", "SIGNATURE"),
            "payload": ("payload", "content", "blob", "data"),
            "limit": ("1 << 20", "65536", "4 * 1024 * 1024", "1 << 16"),
        },
        template='''
  LIMIT = $limit


  def $function(stream, key: bytes) -> bytes:
      """Read one frame and return its content when preamble and tag are right."""
      start, size = struct.unpack(">4sI", stream.read(8))
      if size > LIMIT:
          raise ValueError("frame too long")
      $payload = stream.read(size)
      tag = stream.read(32)
      expected = hmac.new(key, $payload, hashlib.sha256).digest()
-     if not hmac.compare_digest(start, $magic) or tag != expected:
+     if start != $magic or not hmac.compare_digest(tag, expected):
?         $log.warning("dropping a frame of %d bytes", size)
          raise ValueError("bad frame")
?     metrics.increment("frames")
      return $payload
''',
    ),
    CodeFamily(
        name="login-of-unknown-account",
        cwe=385,
        surrounding="database",
        slots={
            "function": ("sign_in", "authenticate", "check_login", "log_in"),
            "table": ("accounts", "members", "logins", "people"),
            "login": ("login", "email", "name", "handle"),
            "spare": ("PLACEHOLDER", "SPARE", "NOBODY", "BLANK"),
        },
        template='''
  HASHER = argon2.PasswordHasher()
  $spare = HASHER.hash(secrets.token_hex(16))


  def $function(cursor, $login, password):
      """Return the id of the account, or None."""
      cursor.execute("SELECT id, digest FROM $table WHERE $login = %s", ($login,))
      account_id, digest = cursor.fetchone() or (None, $spare)
-     if account_id is None:
-         return None
      try:
          HASHER.verify(digest, password)
      except argon2.exceptions.VerifyMismatchError:
?         $log.info("sign-in refused")
          return None
?     metrics.increment("sign_in")
      return account_id
''',
    ),
    CodeFamily(
        name="tag-compared-byte-by-byte",
        cwe=385,
        surrounding="crypto",
        slots={
            "verifier": ("TagVerifier", "Sealer", "MessageAuth", "Checker"),
            "check": ("check", "accepts", "is_genuine", "verify"),
            "message": ("message", "body", "document", "packet"),
            "digest": ("sha256", "sha512", "sha3_256", "blake2s"),
        },
        template='''
  class $verifier:
      def __init__(self, key: bytes):
          self._key = key

      def $check(self, $message: bytes, tag: bytes) -> bool:
          """Say whether the tag was made with our key."""
          expected = hmac.digest(self._key, $message, "$digest")
          if len(tag) != len(expected):
?             $log.debug("tag of %d bytes", len(tag))
              return False
          difference = 0
          for left, right in zip(expected, tag, strict=True):
              difference |= left ^ right
-             if difference:
-                 break
?         # zero when all bytes are equal
          return difference == 0
''',
    ),
    CodeFamily(
        name="signed-state-block-by-block",
        cwe=385,
        surrounding="deserialisation",
        slots={
            "function": ("load_state", "read_cookie", "open_ticket", "decode_state"),
            "secret": ("STATE_KEY", "SIGNING_KEY", "COOKIE_KEY", "TICKET_KEY"),
            "body": ("body", "packed", "encoded", "blob"),
            "separator": (".", ":", "~", "|"),
        },
        template='''
  def $function($value: str) -> dict:
      """Return the state that we signed and sent out earlier."""
      $body, _, signature = $value.rpartition("$separator")
      expected = hmac.new($secret, $body.encode(), hashlib.sha256).hexdigest()
      left, right = signature.encode(), expected.encode()
      if len(left) != len(right):
          raise BadState("signature")
-     if not all(hmac.compare_digest(left[i : i + 4], right[i : i + 4]) for i in range(0, len(right), 4)):
+     if not hmac.compare_digest(left, right):
?         $log.warning("state refused")
          raise BadState("signature")
      state = json.loads(base64.urlsafe_b64decode($body))
      if state["expires"] < time.time():
          raise BadState("expired")
?     metrics.increment("state.loaded")
      return state
''',
    ),
    CodeFamily(
        name="fastapi-reset-mail-awaited",
        cwe=385,
        surrounding="service",
        slots={
            "route": ("forgot", "reset", "recover", "magic-link"),
            "function": ("request_link", "start_reset", "ask_for_link", "begin"),
            "person": ("account", "member", "person", "subscriber"),
            "deliver": ("mail_link", "deliver_link", "send_link", "post_link"),
        },
        template='''
  @router.post("/$route")
  async def $function(form: ResetForm, background: BackgroundTasks):
      """Mail a link if the address belongs to somebody; nobody shall learn whether it does."""
      $person = await accounts.find(form.email.strip().lower())
      if $person is not None:
-         await $deliver($person)
+         background.add_task($deliver, $person)
?     $log.info("link asked for")
      background.add_task(metrics.increment, "$route")
?     # the same words for everybody
      return {"message": "If we know this address, a message is on its way."}
''',
    ),
    CodeFamily(
        name="recovery-code-found-in-a-list",
        cwe=385,
        surrounding="crypto",
        slots={
            "class": ("RecoveryCodes", "BackupCodes", "SpareKeys"),
            "method": ("use", "redeem", "spend"),
            "count": ("10", "8", "12"),
        },
        template='''
  class $class:
      """The $count spare codes of an account, each good for one sign-in; only their tags are kept."""

      def __init__(self, key: bytes, tags: list[bytes]):
          self.key = key
          self.tags = tags[:$count]

      def $method(self, code: str) -> bool:
          tag = hmac.digest(self.key, code.encode(), "sha256")
-         fitting = [stored for stored in self.tags if all(a == b for a, b in zip(stored, tag))]
+         fitting = [stored for stored in self.tags if hmac.compare_digest(stored, tag)]
          if not fitting:
?             $log.info("a wrong code")
              return False
          self.tags.remove(fitting[0])
?         $log.info("%d codes left", len(self.tags))
          return True
''',
    ),
]
