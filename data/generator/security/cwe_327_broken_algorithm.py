"""Broken or risky algorithm: the cipher, or the way it is run, no longer keeps the secret."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="tls-server-suites",
        cwe=327,
        surrounding="network",
        slots={
            "function": ("listen", "serve", "start", "open_gate"),
            "peer": ("terminals", "scales", "meters", "printers"),
            "port": ("8443", "9443", "6514", "5061"),
            "handler": ("on_client", "converse", "talk", "session"),
        },
        template='''
  async def $function(certificate, key, $handler):
      """Accept the $peer, old ones among them."""
      context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
      context.minimum_version = ssl.TLSVersion.TLSv1_2
-     context.set_ciphers("ECDHE+AESGCM:HIGH:!aNULL:3DES:RC4")
+     context.set_ciphers("ECDHE+AESGCM:HIGH:!aNULL:!3DES:!RC4")
      context.load_cert_chain(certificate, key)
?     context.options |= ssl.OP_NO_COMPRESSION
      server = await asyncio.start_server($handler, port=$port, ssl=context)
?     $log.info("waiting for $peer on %s", server.sockets[0].getsockname())
      async with server:
          await server.serve_forever()
''',
    ),
    CodeFamily(
        name="reseal-old-archive",
        cwe=327,
        surrounding="crypto",
        slots={
            "function": ("reseal", "renew", "rewrap", "migrate"),
            "old": ("arc4", "des", "des3", "blowfish"),
            "current": ("aes-gcm", "aes-256-gcm", "chacha20-poly1305", "xchacha20"),
            "wanted": ("wanted", "preferred", "requested", "choice"),
        },
        template='''
  READABLE = {"$old": OldBox, "$current": Box}
  WRITABLE = ("$current",)


  def $function(blob, old_key, new_key, $wanted=None):
      """Open an archive of whatever age and close it again under the new key.

      The client may name the cipher that it can read.
      """
      name, _, body = blob.partition(b":")
      plain = READABLE[name.decode()](old_key).open(body)
?     $log.info("archive of %d bytes was %s", len(plain), name)
-     target = $wanted or WRITABLE[0]
+     target = $wanted if $wanted in WRITABLE else WRITABLE[0]
?     $log.debug("closing it with %s", target)
      return target.encode() + b":" + READABLE[target](new_key).seal(plain)
''',
    ),
    CodeFamily(
        name="gpg-cipher-per-site",
        cwe=327,
        surrounding="subprocess",
        slots={
            "function": ("pack_for", "lock_file", "prepare", "wrap_for"),
            "first": ("north", "harbour", "headquarters", "museum"),
            "second": ("south", "airport", "warehouse", "annex"),
            "weak": ("3DES", "CAST5", "BLOWFISH", "IDEA"),
        },
        template='''
  CIPHERS = {"$first": "AES256", "$second": "TWOFISH"}


  def $function(site, path, passphrase_file):
      """Lock a file for the courier with the cipher agreed with the site."""
-     cipher = CIPHERS.get(site, "$weak")
+     cipher = CIPHERS.get(site, "CAMELLIA256")
      target = f"{path}.{site}.gpg"
      command = ["gpg", "--batch", "--yes", "--symmetric", "--cipher-algo", cipher]
      command += ["--pinentry-mode", "loopback", "--passphrase-file", passphrase_file]
?     command += ["--compress-algo", "none"]
      subprocess.run([*command, "--output", target, path], check=True)
?     $log.info("%s is ready for %s", target, site)
      return target
''',
    ),
    CodeFamily(
        name="sealed-column-mode",
        cwe=327,
        surrounding="database",
        slots={
            "column": ("SealedText", "PrivateText", "HiddenString", "GuardedText"),
            "length": ("512", "1024", "2048", "4096"),
            "key": ("COLUMN_KEY", "FIELD_KEY", "DATA_KEY", "ROW_KEY"),
            "text": ("value", "text", "plain", "content"),
        },
        template='''
  $key = bytes.fromhex(os.environ["$key"])


  class $column(TypeDecorator):
      """A text that the database sees only in encrypted form."""

      impl = LargeBinary($length)
      cache_ok = True

      def process_bind_param(self, $text, dialect):
          if $text is None:
              return None
?         $log.debug("sealing %d characters", len($text))
          padder = padding.PKCS7(128).padder()
          padded = padder.update($text.encode()) + padder.finalize()
-         encryptor = Cipher(algorithms.AES($key), modes.ECB()).encryptor()
-         return encryptor.update(padded) + encryptor.finalize()
+         nonce = os.urandom(12)
+         return nonce + AESGCM($key).encrypt(nonce, padded, None)
''',
    ),
]
