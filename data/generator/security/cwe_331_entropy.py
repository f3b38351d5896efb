"""Insufficient entropy: a secret that is drawn well, from too few."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="room-code-of-four-letters",
        cwe=331,
        surrounding="web",
        slots={
            "view": ("open_room", "new_room", "start_meeting"),
            "key": ("room", "meeting", "table"),
            "letters": ("ABCDEFGH", "BCDFGHJK", "23456789"),
        },
        template='''
  LETTERS = "$letters"


  @bp.post("/rooms")
  @login_required
  def $view():
      """Open a room for whoever knows its address; there is no other door."""
-     code = "".join(secrets.choice(LETTERS) for _ in range(4))
+     code = "".join(secrets.choice(LETTERS) for _ in range(40))
      while redis.exists(f"$key:{code}"):
-         code = "".join(secrets.choice(LETTERS) for _ in range(4))
+         code = "".join(secrets.choice(LETTERS) for _ in range(40))
?     $log.info("%s opens a room", current_user.id)
      redis.hset(f"$key:{code}", mapping={"host": current_user.id, "opened": int(time.time())})
?     redis.expire(f"$key:{code}", 86400)
      return jsonify(address=url_for(".enter", code=code, _external=True))
''',
    ),
    CodeFamily(
        name="recovery-key-cut-short",
        cwe=331,
        surrounding="cloud",
        slots={
            "function": ("recovery_key", "emergency_code", "second_key"),
            "tag": ("recovery", "emergency", "last-resort"),
            "size": ("32", "40", "64"),
        },
        template='''
  def $function(vault, account: int) -> str:
      """Make the key that opens an account's storage when everything else is lost."""
      drawn = secrets.token_bytes($size)
-     packed = base64.b32encode(drawn[:2]).decode().rstrip("=")
+     packed = base64.b32encode(drawn[:20]).decode().rstrip("=")
?     $log.info("new key of %d", account)
      digest = hashlib.sha256(packed.encode()).hexdigest()
      vault.write(f"accounts/{account}/$tag", digest=digest)
      groups = [packed[start : start + 4] for start in range(0, len(packed), 4)]
?     # Four letters are easier to type.
      return "-".join(groups)
''',
    ),
    CodeFamily(
        name="upload-address-by-hash-modulus",
        cwe=331,
        surrounding="service",
        slots={
            "class": ("DropBoxes", "Uploads", "Inboxes"),
            "method": ("create", "open", "new"),
            "days": ("7", "14", "30"),
        },
        template='''
  class $class:
      """Gives away addresses that anybody may upload to and list."""

      def __init__(self, store):
          self.store = store

      async def $method(self, owner: int) -> str:
-         name = str(uuid.uuid4().int % 10**5)
+         name = str(uuid.uuid4().int)
          until = datetime.now(UTC) + timedelta(days=$days)
?         $log.info("%d until %s", owner, until)
          await self.store.insert(name=name, owner=owner, until=until)
?         self.count += 1
          return f"/in/{name}"
''',
    ),
]
