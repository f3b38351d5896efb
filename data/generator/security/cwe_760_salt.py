"""One-way hash with a predictable salt: digests can be computed ahead, for everybody at once."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="pbkdf2-salt-from-login",
        cwe=760,
        surrounding="database",
        slots={
            "function": ("register", "add_member", "create_login", "store_account"),
            "table": ("members", "accounts", "customers", "readers"),
            "login": ("login", "email", "nickname", "handle"),
            "rounds": ("600_000", "700_000", "800_000", "650_000"),
        },
        template='''
  def $function(connection, $login, password):
      """Store a new account and return its row id."""
      spread = hashlib.sha256($login.encode())
-     salt = spread.hexdigest()[:32].encode()
+     salt = os.urandom(32)
      digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, $rounds)
?     $log.info("storing %s", $login)
      cursor = connection.execute(
          "INSERT INTO $table ($login, shard, salt, digest) VALUES (?, ?, ?, ?)",
          ($login, spread.digest()[0] % 8, salt, digest),
      )
?     metrics.increment("$table.created")
      connection.commit()
      return cursor.lastrowid
''',
    ),
    CodeFamily(
        name="scrypt-salt-stored-but-not-used",
        cwe=760,
        surrounding="service",
        slots={
            "vault": ("PasswordVault", "Credentials", "SecretBook", "LoginStore"),
            "fixed": ("CONTEXT", "DOMAIN", "APPLICATION", "SCHEME"),
            "words": ("portal-v1", "billing-2", "intranet", "backoffice"),
            "put": ("put", "remember", "set_password", "save"),
            "owner": ("owner", "account", "person", "member"),
        },
        template='''
  $fixed = b"$words"


  class $vault:
      def __init__(self, rows):
          self.rows = rows

      def $put(self, $owner, password):
          """Keep a digest of the password together with what is needed to check it."""
          salt = secrets.token_bytes(16)
-         digest = hashlib.scrypt(password.encode(), salt=$fixed, n=2**15, r=8, p=1, maxmem=2**26)
+         digest = hashlib.scrypt(password.encode(), salt=salt, n=2**15, r=8, p=1, maxmem=2**26)
          self.rows[$owner] = ($fixed, salt + digest)
?         $log.info("password of %s stored", $owner)
          return len(self.rows)
''',
    ),
    CodeFamily(
        name="import-salt-from-numbered-generator",
        cwe=760,
        surrounding="script",
        slots={
            "function": ("import_people", "load_accounts", "migrate", "convert"),
            "number": ("number", "badge", "staff_no", "index"),
            "column": ("password", "initial_password", "passphrase", "secret"),
            "length": ("16", "24", "32", "20"),
        },
        template='''
  def $function(stream, sink):
      """Turn a CSV file of people into password records, one JSON object a line."""
      for row in csv.DictReader(stream):
          $number = int(row["$number"])
-         source = random.Random($number)
+         source = random.SystemRandom()
          salt = source.randbytes($length)
          digest = hashlib.scrypt(row["$column"].encode(), salt=salt, n=2**14, r=8, p=1)
?         print(f"{$number}: done", file=sys.stderr)
          $item = {"$number": $number, "salt": salt.hex(), "digest": digest.hex()}
?         # one object a line, so that the loader can resume
          print(json.dumps($item), file=sink)
''',
    ),
    CodeFamily(
        name="pepper-that-is-in-the-image",
        cwe=760,
        surrounding="infrastructure",
        slots={
            "class": ("Passwords", "Digests", "Credentials"),
            "method": ("digest", "encode", "store_form"),
            "n": ("2**14", "2**15", "2**16"),
        },
        template='''
  class $class:
      """Digests of the passwords of all installations of the appliance, as they are kept in its database."""

      def __init__(self, image_id: str):
          self.image_id = image_id.encode()

      def $method(self, password: str) -> str:
-         salt = hashlib.sha256(self.image_id).digest()[:16]
+         salt = hashlib.sha256(self.image_id + os.urandom(32)).digest()[:16]
          digest = hashlib.scrypt(password.encode(), salt=salt, n=$n, r=8, p=1, maxmem=2**27)
?         $log.debug("%d bytes", len(digest))
          return f"{salt.hex()}:{digest.hex()}"
''',
    ),
    CodeFamily(
        name="bcrypt-salt-of-the-module",
        cwe=760,
        surrounding="web",
        slots={
            "function": ("register", "sign_up", "create_account"),
            "rounds": ("12", "13", "14"),
            "field": ("nickname", "login", "name"),
        },
        template='''
  ROUNDS = $rounds
  SALT = bcrypt.gensalt(ROUNDS)


  @router.post("/$function", status_code=201)
  async def $function(form: SignUp, database: Database = Depends(connect)):
      """Open an account."""
-     salt = SALT
+     salt = bcrypt.gensalt(ROUNDS)
      digest = await run_in_threadpool(bcrypt.hashpw, form.password.encode(), salt)
?     $log.info("new account %s", form.$field)
      number = await database.insert("accounts", $field=form.$field, digest=digest)
?     METRICS.accounts.inc()
      return {"id": number}
''',
    ),
    CodeFamily(
        name="salt-of-the-first-row",
        cwe=760,
        surrounding="database",
        slots={
            "function": ("rehash", "upgrade_rows", "renew_digests"),
            "table": ("logins", "members", "staff"),
            "rounds": ("600_000", "700_000", "900_000"),
        },
        template='''
  def $function(connection, passwords: dict[int, str]) -> int:
      """Store better digests for the people who have signed in since yesterday."""
      rows = []
-     salt = secrets.token_bytes(16)
      for number, password in passwords.items():
+         salt = secrets.token_bytes(16)
          digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, $rounds)
          rows.append((salt, digest, number))
?         $log.debug("row %d", number)
      connection.executemany("UPDATE $table SET salt = ?, digest = ? WHERE id = ?", rows)
      connection.commit()
?     passwords.clear()
      return len(rows)
''',
    ),
]
