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
    CodeFamily(
        name="archive-with-a-password",
        cwe=327,
        surrounding="script",
        slots={
            "command": ("pack-for-partner", "seal-archive", "make-parcel"),
            "suffix": (".zip", ".parcel.zip", ".send.zip"),
            "level": ("1", "5", "9"),
        },
        template='''
  @app.command("$command")
  def main(folder: Path, password: str = typer.Option(..., prompt=True, hide_input=True)):
      """Pack a folder of patients' letters for a partner, who knows the password."""
      target = folder.with_suffix("$suffix")
-     options = ["-tzip", "-mx=$level", "-mem=ZipCrypto"]
+     options = ["-tzip", "-mx=$level", "-mem=AES256"]
?     typer.echo(f"packing {folder}")
      done = subprocess.run(
          ["7z", "a", *options, f"-p{password}", str(target.resolve()), "."],
          cwd=folder,
          stdout=subprocess.DEVNULL,
      )
      if done.returncode:
          raise typer.Exit(done.returncode)
?     typer.echo(f"{target.stat().st_size} bytes")
''',
    ),
    CodeFamily(
        name="blocks-sealed-one-by-one",
        cwe=327,
        surrounding="crypto",
        slots={
            "class": ("Sealer", "RecordBox", "ColumnSeal"),
            "method": ("seal", "close", "wrap"),
            "size": ("16", "32"),
        },
        template='''
  class $class:
      """Seals records under a key of $size bytes, with pycryptodome."""

      def __init__(self, key: bytes):
          if len(key) != $size:
              raise ValueError("$size bytes are needed")
          self._key = key

      def $method(self, record: bytes) -> bytes:
          nonce = get_random_bytes(12)
-         cipher = AES.new(self._key, AES.MODE_ECB)
-         sealed = cipher.encrypt(pad(record, AES.block_size))
-         tag = hmac.new(self._key, sealed, "sha256").digest()[:16]
+         cipher = AES.new(self._key, AES.MODE_GCM, nonce=nonce)
+         sealed, tag = cipher.encrypt_and_digest(record)
?         $log.debug("%d bytes", len(record))
          return nonce + tag + sealed
''',
    ),
    CodeFamily(
        name="tunnel-to-an-old-switch",
        cwe=327,
        surrounding="network",
        slots={
            "function": ("open_tunnel", "connect_switch", "reach", "transport_to"),
            "cipher": ("aes256-ctr", "aes128-ctr", "aes192-ctr"),
            "port": ("22", "2222", "8022"),
        },
        template='''
  def $function(host: str, login: str, key: paramiko.PKey) -> paramiko.Transport:
      """Open a connection to a device over the public network."""
      transport = paramiko.Transport((host, $port))
      options = transport.get_security_options()
-     options.ciphers = ("3des-cbc", "$cipher")
+     options.ciphers = ("$cipher", "aes256-gcm@openssh.com")
-     options.kex = ("diffie-hellman-group1-sha1", "curve25519-sha256@libssh.org")
+     options.kex = ("curve25519-sha256@libssh.org", "diffie-hellman-group16-sha512")
?     $log.info("connecting to %s", host)
      transport.start_client(timeout=20)
      check_host_key(host, transport.get_remote_server_key())
      transport.auth_publickey(login, key)
?     transport.set_keepalive(30)
      return transport
''',
    ),
    CodeFamily(
        name="stream-made-of-one-pad",
        cwe=327,
        surrounding="service",
        slots={
            "function": ("hide", "mask", "cover", "wrap"),
            "noun": ("note", "address", "number"),
            "prefix": ("v1:", "m1:", "x1:"),
        },
        template='''
  def $function($noun: str, keys: dict[int, bytes], generation: int) -> str:
      """Encrypt a $noun for the browser, which sends it back later."""
      key = keys[generation]
      plain = $noun.encode()
?     $log.debug("generation %d", generation)
-     pad = itertools.cycle(hashlib.sha256(key).digest())
-     sealed = bytes(left ^ right for left, right in zip(plain, pad))
+     nonce = secrets.token_bytes(12)
+     sealed = nonce + ChaCha20Poly1305(key).encrypt(nonce, plain, str(generation).encode())
?     METRICS.sealed.inc()
      return f"$prefix{generation}:{base64.urlsafe_b64encode(sealed).decode()}"
''',
    ),
    CodeFamily(
        name="token-key-wrapping-algorithm",
        cwe=327,
        surrounding="web",
        slots={
            "function": ("make_ticket", "issue", "seal_claims", "new_ticket"),
            "claim": ("account", "member", "order"),
            "hours": ("1", "8", "24"),
        },
        template='''
  def $function(public_key: str, $claim: str) -> str:
      """Make a ticket that only the holder of the private key can read."""
      now = int(time.time())
      claims = {"$claim": $claim, "issued": now, "until": now + $hours * 3600}
-     header = {"alg": "RSA1_5", "enc": "A128CBC-HS256", "typ": "JWT", "zip": "DEF"}
+     header = {"alg": "RSA-OAEP-256", "enc": "A256GCM", "typ": "JWT"}
?     $log.debug("ticket for %s", $claim)
      token = jwt.JWT(header=header, claims=claims, algs=[header["alg"], header["enc"]])
      token.make_encrypted_token(jwk.JWK.from_pem(public_key.encode()))
?     METRICS.tickets.inc()
      return token.serialize()
''',
    ),
]
