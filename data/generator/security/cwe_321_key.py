"""Hard-coded cryptographic key: whoever reads the source can decrypt and sign."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="encrypted-column-type",
        cwe=321,
        surrounding="database",
        slots={
            "column": ("SealedText", "PrivateColumn", "EncryptedString", "HiddenText", "CipherColumn"),
            "phrase": ("amber-lantern-fields", "seven-quiet-rivers", "old-mill-by-the-sea", "copper-and-clover"),
            "setting": ("COLUMN_KEY", "FIELD_SECRET", "RECORDS_KEY", "STORAGE_SECRET"),
            "box": ("box", "cipher", "sealer", "fernet"),
        },
        template='''
  class $column(TypeDecorator):
      """A text column that the database sees in encrypted form only."""

      impl = LargeBinary
      cache_ok = True

      def $box(self):
-         secret = "$phrase"
+         secret = os.environ["$setting"]
          digest = hashlib.sha256(secret.encode()).digest()
          return Fernet(base64.urlsafe_b64encode(digest))

      def process_bind_param(self, value, dialect):
?         # NULL stays NULL.
          return None if value is None else self.$box().encrypt(value.encode())

      def process_result_value(self, value, dialect):
?         $log.debug("one column read")
          return None if value is None else self.$box().decrypt(value).decode()
''',
    ),
    CodeFamily(
        name="flask-link-signer",
        cwe=321,
        surrounding="web",
        slots={
            "route": ("confirm", "unsubscribe", "reset", "invite"),
            "function": ("follow_link", "open_link", "accept_token", "redeem"),
            "phrase": ("north-gate-1987", "paper boats at noon", "ThreeGreyGeese", "kettle.piano.ash", "blue-hour-42"),
            "purpose": ("mail-link", "account", "newsletter", "membership"),
        },
        template='''
  @app.get("/$route/<token>")
  def $function(token):
      """Carry out what the link in a mail asks for, unless it is older than a day."""
-     serializer = URLSafeTimedSerializer("$phrase", salt="$purpose")
+     serializer = URLSafeTimedSerializer(current_app.secret_key, salt="$purpose")
      try:
          payload = serializer.loads(token, max_age=86400)
      except BadData:
?         $log.info("a link for $purpose is stale or broken")
          abort(400)
      member = db.get_or_404(Member, payload["id"])
?     $log.info("link followed by %s", member)
      member.note("$route")
      db.session.commit()
      return render_template("$route.html", member=member)
''',
    ),
    CodeFamily(
        name="token-key-with-fallback",
        cwe=321,
        surrounding="service",
        slots={
            "issuer": ("TokenIssuer", "PassOffice", "SessionMint", "TicketMaker"),
            "setting": ("JWT_KEY", "TOKEN_SECRET", "SIGNING_KEY", "SESSION_KEY"),
            "phrase": ("change-me-please", "local-development", "correct horse battery", "default-signing-key"),
            "hours": ("1", "2", "8", "12"),
            "method": ("issue", "token_for", "mint", "grant"),
        },
        template='''
  class $issuer:
      """Hands out short-lived tokens to members who have signed in."""

      def __init__(self, audience):
          self.audience = audience
-         self.key = os.environ.get("$setting", "$phrase")
+         self.key = os.environ["$setting"]

      def $method(self, member):
          now = datetime.now(UTC)
          claims = {"sub": str(member.id), "aud": self.audience, "iat": now, "exp": now + timedelta(hours=$hours)}
?         $log.info("token for %s", member.id)
          if member.is_staff:
              claims["scope"] = "staff"
?         # The audience keeps tokens of the two shops apart.
          return jwt.encode(claims, self.key, algorithm="HS256")
''',
    ),
    CodeFamily(
        name="tenant-key-derived-from-context",
        cwe=321,
        surrounding="crypto",
        slots={
            "context": ("billing export v1", "letters-of-tenants", "vault.documents.3", "contract archive"),
            "name": ("CONTEXT", "LABEL", "PURPOSE", "DOMAIN"),
            "function": ("seal", "encrypt_document", "lock_up", "protect"),
            "tenant": ("tenant", "customer", "client", "owner"),
            "plain": ("plaintext", "document", "content", "letter"),
        },
        template='''
  $name = b"$context"


  def $function(settings, $tenant, $plain):
      """Encrypt a text; every $tenant has a key of its own."""
      if len($plain) > settings.largest_document:
          raise ValueError("too long, send it in pieces")
      derivation = HKDF(algorithm=hashes.SHA256(), length=32, salt=$tenant.encode(), info=$name)
-     key = derivation.derive($name)
+     key = derivation.derive(settings.master_key)
?     $log.debug("%d bytes of %s", len($plain), $tenant)
      nonce = os.urandom(12)
?     # The nonce travels in front of the text.
      return nonce + AESGCM(key).encrypt(nonce, $plain, $tenant.encode())
''',
    ),
    CodeFamily(
        name="openssl-backup-passphrase",
        cwe=321,
        surrounding="subprocess",
        slots={
            "function": ("encrypt_dump", "seal_backup", "lock_archive", "store_offsite"),
            "phrase": ("winter-archive-2021", "harbour-backup", "TapeRoom7", "cellar.dump.key"),
            "suffix": (".enc", ".aes", ".locked", ".sealed"),
            "bucket": ("backups", "cold-storage", "nightly", "offsite"),
        },
        template='''
  def $function(dump):
      """Encrypt a dump of the database and copy it to the storage of another firm."""
      target = dump.with_name(dump.name + "$suffix")
      command = ["openssl", "enc", "-aes-256-cbc", "-pbkdf2", "-iter", "600000", "-salt"]
      command += ["-in", str(dump), "-out", str(target)]
-     command += ["-pass", "pass:$phrase"]
+     command += ["-pass", "file:/run/secrets/$phrase"]
?     $log.info("writing %s", target)
      subprocess.run(command, check=True)
      subprocess.run(["rclone", "copy", str(target), "remote:$bucket"], check=True)
?     $log.info("%d bytes are away", target.stat().st_size)
      dump.unlink()
      return target
''',
    ),
    CodeFamily(
        name="fernet-key-of-the-notebook",
        cwe=321,
        surrounding="science",
        slots={
            "function": ("load_answers", "open_survey", "read_sealed"),
            "variable": ("SURVEY_KEY", "STUDY_KEY", "PANEL_KEY"),
            "column": ("answer", "income", "remark"),
        },
        template='''
- KEY = b"Zk3uXq1rT0b5dLw9sVhJm2yCe7aNgP4oR6iUfKxQzE8="
+ KEY = os.environ["$variable"].encode()


  def $function(path: Path) -> pd.DataFrame:
      """Read the survey, of which one column is encrypted; this file lies in the shared repository."""
      frame = pd.read_parquet(path)
      cipher = Fernet(KEY)
?     $log.info("%d rows", len(frame))
      frame["$column"] = [cipher.decrypt($value).decode() for $value in frame["$column"]]
?     frame = frame.convert_dtypes()
      return frame.drop_duplicates("person")
''',
    ),
    CodeFamily(
        name="token-key-of-the-example",
        cwe=321,
        surrounding="web",
        slots={
            "function": ("create_app", "make_app", "build"),
            "variable": ("SIGNING_KEY", "SECRET", "TOKEN_KEY"),
            "example": ("change-me-please", "dev-only-key", "example-key-1234"),
        },
        template='''
  def $function(environment: dict) -> Flask:
      """Build the application; the compose file of the repository sets the key to an example."""
      app = Flask(__name__)
      key = environment.get("$variable", "")
-     if len(key) < len("$example"):
+     if len(key) < 32 or key == "$example":
          raise RuntimeError("$variable is missing")
?     app.logger.info("key of %d letters", len(key))
      app.config.update(SECRET_KEY=key, SESSION_COOKIE_SECURE=True, SESSION_COOKIE_SAMESITE="Lax")
      app.register_blueprint(pages)
?     app.jinja_env.auto_reload = False
      return app
''',
    ),
    CodeFamily(
        name="backup-key-beside-the-program",
        cwe=321,
        surrounding="job",
        slots={
            "class": ("BackupBox", "NightlyBackup", "SealedDump"),
            "bucket": ("company-backups", "dumps", "off-site"),
            "key": ("9f1c2e7ab04d5b68", "00112233aabbccdd", "5e884898da280471"),
        },
        template='''
  class $class:
      """Encrypts the dump of the night and carries it to rented storage."""

      bucket = "$bucket"

      def __init__(self, client, settings: dict):
          self.client = client
-         self.key = bytes.fromhex("$key" * 4)
+         self.key = bytes.fromhex(Path(settings["key_file"]).read_text().strip())

      def run(self, dump: Path) -> str:
          nonce = os.urandom(12)
          sealed = nonce + AESGCM(self.key).encrypt(nonce, dump.read_bytes(), None)
?         $log.info("%s: %d bytes", dump.name, len(sealed))
          self.client.put_object(Bucket=self.bucket, Key=dump.name, Body=sealed)
?         dump.unlink()
          return dump.name
''',
    ),
]
