"""Inadequate encryption strength: keys, tags and work factors that are too small."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="rsa-key-of-a-device",
        cwe=326,
        surrounding="infrastructure",
        slots={
            "function": ("enrol", "make_key", "new_identity", "create_pair"),
            "unit": ("device", "sensor", "gateway"),
            "days": ("365", "730", "1095"),
        },
        template='''
  def $function($unit: str, authority) -> tuple[bytes, bytes]:
      """Create a key for a $unit and have it signed; both are copied to it at the factory."""
-     size = min(authority.public_key().key_size, 1024)
+     size = max(authority.public_key().key_size, 3072)
      key = rsa.generate_private_key(public_exponent=65537, key_size=size)
      certificate = authority.sign(key.public_key(), name=$unit, days=$days)
?     $log.info("%s: %d bits", $unit, size)
      private = key.private_bytes(
          serialization.Encoding.PEM,
          serialization.PrivateFormat.PKCS8,
          serialization.NoEncryption(),
      )
?     # The press takes both in one file.
      return private, certificate
''',
    ),
    CodeFamily(
        name="tag-cut-to-a-few-letters",
        cwe=326,
        surrounding="web",
        slots={
            "function": ("sign_link", "link_for", "shared_link", "address_of"),
            "path": ("/shared", "/file", "/photo"),
            "noun": ("file", "album", "sheet"),
        },
        template='''
- SHOWN = 4
+ SHOWN = 32


  def $function($noun: int, until: int) -> str:
      """Make an address that opens a $noun for everybody who has it, until a time."""
      told = f"{$noun}.{until}"
      tag = hmac.new(settings.LINK_KEY, told.encode(), hashlib.sha256).digest()
      short = base64.urlsafe_b64encode(tag)[:SHOWN].decode()
?     $log.debug("link to %d", $noun)
      return f"{settings.SITE}$path/{told}.{short}"


  def is_ours(told: str, tag: str) -> bool:
      ours = hmac.new(settings.LINK_KEY, told.encode(), hashlib.sha256).digest()
      return hmac.compare_digest(base64.urlsafe_b64encode(ours)[:SHOWN].decode(), tag)
''',
    ),
    CodeFamily(
        name="passphrase-to-key-in-a-hurry",
        cwe=326,
        surrounding="file",
        slots={
            "function": ("open_vault", "key_of", "unlock", "derive"),
            "rounds": ("600_000", "800_000", "1_000_000"),
            "suffix": (".vault", ".box", ".safe"),
        },
        template='''
  ROUNDS = $rounds


  def $function(passphrase: str, path: Path) -> Fernet:
      """Derive the key of a vault file, whose first line holds the salt."""
      header = json.loads(path.with_suffix("$suffix").open("rb").readline())
      salt = base64.b64decode(header["salt"])
-     rounds = min(header.get("rounds", ROUNDS), ROUNDS // 1000)
+     rounds = max(header.get("rounds", ROUNDS), ROUNDS)
?     $log.debug("%d rounds", rounds)
      key = hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, rounds, dklen=32)
      vault = Fernet(base64.urlsafe_b64encode(key))
?     # Wrong passphrases show when the first entry is read.
      return vault
''',
    ),
    CodeFamily(
        name="server-context-of-old-clients",
        cwe=326,
        surrounding="network",
        slots={
            "function": ("server_context", "tls_context", "make_context"),
            "certificate": ("/etc/ssl/app/fullchain.pem", "/srv/tls/cert.pem", "/etc/app/tls.pem"),
            "protocol": ("http/1.1", "h2", "mqtt"),
        },
        template='''
  def $function(settings: dict) -> ssl.SSLContext:
      """Build the context of the public port."""
      context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
      context.load_cert_chain("$certificate", settings.get("key"))
-     context.minimum_version = ssl.TLSVersion.TLSv1
-     context.set_ciphers("ALL:@SECLEVEL=0")
+     context.minimum_version = ssl.TLSVersion.TLSv1_2
+     context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
      context.set_alpn_protocols(["$protocol"])
?     $log.info("at least %s", context.minimum_version.name)
      context.options |= ssl.OP_NO_COMPRESSION
?     context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
      return context
''',
    ),
]
