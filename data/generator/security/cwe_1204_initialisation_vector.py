"""Weak initialisation vector: two messages begin alike where they must not."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="vector-of-zeros",
        cwe=1204,
        surrounding="crypto",
        slots={
            "function": ("encrypt", "seal", "close_box", "to_cipher_text"),
            "noun": ("diary", "letter", "record"),
            "mode": ("CTR", "OFB", "CFB"),
        },
        template='''
  def $function($noun: str, key: bytes) -> bytes:
      """Encrypt a $noun; its owner may write as many as there are days."""
      plain = $noun.encode()
-     vector = bytes(algorithms.AES.block_size // 8)
+     vector = os.urandom(algorithms.AES.block_size // 8)
      encryptor = Cipher(algorithms.AES(key), modes.$mode(vector)).encryptor()
      sealed = encryptor.update(plain) + encryptor.finalize()
?     $log.debug("%d bytes", len(sealed))
      tag = hmac.new(hashlib.sha256(key + b"tag").digest(), vector + sealed, "sha256").digest()
?     # The tag comes last.
      return vector + sealed + tag
''',
    ),
    CodeFamily(
        name="vector-from-the-second",
        cwe=1204,
        surrounding="database",
        slots={
            "class": ("SealedText", "HiddenString", "PrivateColumn"),
            "method": ("process_bind_param",),
            "width": ("12", "13", "14"),
        },
        template='''
  class $class(TypeDecorator):
      """A column whose texts are encrypted on their way to the database."""

      impl = LargeBinary
      cache_ok = True

      def __init__(self, key: bytes):
          super().__init__()
          self.key = key

      def $method(self, value, dialect):
          if value is None:
              return None
-         vector = int(time.time()).to_bytes($width, "big")
+         vector = secrets.token_bytes($width)
?         $log.debug("%d characters for %s", len(value), dialect.name)
          return vector + AESGCM(self.key).encrypt(vector, value.encode(), None)
''',
    ),
    CodeFamily(
        name="vector-from-the-key",
        cwe=1204,
        surrounding="cloud",
        slots={
            "function": ("upload_sealed", "put_secret", "store_object", "push"),
            "bucket": ("vault", "private-notes", "sealed"),
            "label": ("object", "note", "entry"),
        },
        template='''
  def $function(client, key: bytes, name: str, body: bytes) -> str:
      """Encrypt what goes to a bucket that another company runs."""
-     vector = hashlib.sha256(key + b"$label").digest()[:16]
+     vector = hashlib.sha256(os.urandom(32) + b"$label").digest()[:16]
      cipher = Cipher(algorithms.AES(key), modes.CTR(vector)).encryptor()
      sealed = vector + cipher.update(body) + cipher.finalize()
?     $log.info("%s: %d bytes", name, len(sealed))
      reply = client.put_object(Bucket="$bucket", Key=name, Body=sealed)
?     # Versions are switched on.
      return reply["ETag"]
''',
    ),
]
