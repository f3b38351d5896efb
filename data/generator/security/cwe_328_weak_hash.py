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
]
