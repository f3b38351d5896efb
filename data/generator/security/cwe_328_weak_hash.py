"""Weak hash: a digest for which another input can be found."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="password-digest-in-sql",
        cwe=328,
        surrounding="database",
        slots={
            "function": ("sign_up", "create_member", "add_login", "enroll"),
            "table": ("members", "logins", "operators", "readers"),
            "column": ("password", "secret", "passcode", "pass_digest"),
            "rounds": ("10", "11", "12", "13"),
        },
        template='''
  MIN_LENGTH = $rounds


  def $function(connection, email, $column):
      """Create the account; the digest is made in the database."""
      if len($column) < MIN_LENGTH:
          raise ValueError("that is too short")
      with connection.cursor() as cursor:
          cursor.execute(
-             "INSERT INTO $table (email, $column) VALUES (lower(%s), md5(%s)) RETURNING id",
+             "INSERT INTO $table (email, $column) VALUES (lower(%s), crypt(%s, gen_salt('bf', 12))) RETURNING id",
              (email, $column),
          )
          (number,) = cursor.fetchone()
?     $log.info("account %s created", number)
      connection.commit()
?     metrics.increment("$table.created")
      return number
''',
    ),
    CodeFamily(
        name="manifest-names-algorithm",
        cwe=328,
        surrounding="file",
        slots={
            "function": ("check_download", "verify_parts", "compare", "inspect"),
            "manifest": ("manifest", "index", "listing", "catalogue"),
            "size": ("1 << 16", "65536", "1 << 20", "32768"),
            "problem": ("ValueError", "RuntimeError", "BadDownload", "Mismatch"),
        },
        template='''
  CURRENT = ("sha256", "sha512", "blake2b")
  OLD = ("md5", "sha1")


  def $function(folder, $manifest):
      """Compare every file with the signed $manifest, then yield it."""
      for name, expected in $manifest.items():
          algorithm, _, wanted = expected.partition(":")
          if algorithm in OLD:
              $log.warning("%s comes from an old release", name)
-         elif algorithm not in CURRENT:
+         if algorithm not in CURRENT:
              raise $problem(f"{name}: {algorithm} will not do")
          digest = hashlib.new(algorithm)
          with open(os.path.join(folder, os.path.basename(name)), "rb") as stream:
              while block := stream.read($size):
                  digest.update(block)
?         $log.debug("%s %s", digest.hexdigest(), name)
          if not hmac.compare_digest(digest.hexdigest(), wanted):
              raise $problem(f"{name} differs")
          yield name
''',
    ),
    CodeFamily(
        name="signed-statement-and-etag",
        cwe=328,
        surrounding="web",
        slots={
            "route": ("statements", "certificates", "receipts", "diplomas"),
            "view": ("download", "show", "issue", "fetch"),
            "header": ("X-Signature", "X-Seal", "X-Statement-Signature", "X-Issuer-Signature"),
            "age": ("60", "300", "600", "3600"),
        },
        template='''
  @app.get("/$route/<int:number>")
  @login_required
  def $view(number):
      """Serve a document with a signature that third parties check."""
      document = Document.query.filter_by(number=number, owner=current_user).first_or_404()
      body = document.render_pdf()
-     signature = app.signing_key.sign(body, padding.PKCS1v15(), hashes.SHA1())
+     signature = app.signing_key.sign(body, padding.PKCS1v15(), hashes.SHA256())
      response = make_response(body)
      response.headers["ETag"] = hashlib.md5(body, usedforsecurity=False).hexdigest()
      response.headers["$header"] = base64.b64encode(signature).decode()
?     response.headers["Cache-Control"] = "private, max-age=$age"
?     $log.info("document %s signed", number)
      response.mimetype = "application/pdf"
      return response
''',
    ),
    CodeFamily(
        name="content-store-short-name",
        cwe=328,
        surrounding="service",
        slots={
            "store": ("BlobStore", "PackageCache", "ImageShelf", "ArtifactStore"),
            "method": ("put", "add", "keep", "store"),
            "length": ("6", "7", "8"),
            "kind": ("package", "image", "layer", "bundle"),
        },
        template='''
  class $store:
      """Keep every $kind once, under the digest of its content; uploads come from anybody."""

      def __init__(self, folder):
          self._folder = Path(folder)

      def $method(self, content):
          digest = hashlib.sha256(content).hexdigest()
          short = digest[:$length]
-         path = self._folder / short
+         path = self._folder / digest
          if not path.exists():
              path.write_bytes(content)
?             $log.info("new $kind %s", short)
          shown = f"{short} ({len(content)} bytes)"
?         metrics.increment("$kind")
          return path.name, shown
''',
    ),
    CodeFamily(
        name="plug-in-that-was-looked-at",
        cwe=328,
        surrounding="network",
        slots={
            "function": ("is_reviewed", "was_looked_at", "is_approved"),
            "noun": ("extension", "firmware", "script"),
            "limit": ("10_000_000", "50_000_000", "2_000_000"),
        },
        template='''
  async def $function(session: aiohttp.ClientSession, address: str, reviewed: frozenset[str]) -> bytes:
      """Fetch an $noun from its author's server, if it still is one that a colleague has looked at."""
      async with session.get(address, allow_redirects=False) as reply:
          body = await reply.content.read($limit)
-     digest = hashlib.md5(body).hexdigest()
+     digest = hashlib.sha256(body).hexdigest()
?     $log.info("%s is %s", address, digest)
      if digest not in reviewed:
          raise ValueError(f"nobody has looked at {address}")
?     METRICS.fetched.inc()
      return body
''',
    ),
    CodeFamily(
        name="weakest-of-the-offered-digests",
        cwe=328,
        surrounding="infrastructure",
        slots={
            "function": ("fits", "verify_file", "check_download", "is_intact"),
            "first": ("md5", "sha1"),
            "name": ("wheel", "package", "image"),
        },
        template='''
  ORDER = ["$first", "sha256", "sha512"]


  def $function($name: Path, promised: dict[str, str]) -> bool:
      """Compare a $name, which its author hands in anew, with the digests of the one that was reviewed."""
      known = [algorithm for algorithm in ORDER if algorithm in promised]
-     algorithm = min(known, key=ORDER.index)
+     algorithm = max(known, key=ORDER.index)
+     if algorithm == ORDER[0]:
+         raise ValueError("no digest to rely on")
?     $log.debug("%s by %s", $name, algorithm)
      with $name.open("rb") as stream:
          digest = hashlib.file_digest(stream, algorithm).hexdigest()
?     # Names of algorithms are in lower case.
      return digest == promised[algorithm]
''',
    ),
    CodeFamily(
        name="same-picture-by-check-sum",
        cwe=328,
        surrounding="service",
        slots={
            "class": ("Pictures", "Blobs", "Attachments"),
            "method": ("add", "keep", "store"),
            "field": ("owner", "account", "team"),
        },
        template='''
  class $class:
      """Keeps each upload once; a second one of the same content gets the first one's name."""

      def __init__(self, folder: Path):
          self.folder = folder

      def $method(self, body: bytes, $field: int) -> str:
-         name = f"{zlib.crc32(body):08x}{len(body):08x}"
+         name = hashlib.blake2b(body, digest_size=20).hexdigest()
          target = self.folder / name
          if not target.exists():
?             $log.info("%s is new, of %d", name, $field)
              target.write_bytes(body)
?         self.count += 1
          return name
''',
    ),
    CodeFamily(
        name="queue-orders-approved-by-digest",
        cwe=328,
        surrounding="queue",
        slots={
            "function": ("is_approved", "was_signed", "may_run", "released"),
            "prefix": ("approved", "signed", "released"),
            "clerk": ("clerk", "manager", "colleague"),
        },
        template='''
  def $function(redis, body: bytes) -> bool:
      """Tell whether a $clerk has approved an order; who wrote it sends it again, letter for letter."""
      etag = hashlib.md5(body, usedforsecurity=False).hexdigest()
-     mark = f"$prefix:{etag}"
+     mark = f"$prefix:{hashlib.sha256(body).hexdigest()}"
?     $log.debug("order %s, %d bytes", etag, len(body))
      approved = redis.get(mark)
      if approved is None:
?         $log.info("nobody has approved %s", etag)
          METRICS.refused.inc()
      return approved == b"yes"
''',
    ),
]
