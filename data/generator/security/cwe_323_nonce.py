"""Reuse of a nonce: two messages are sealed under one key and one number."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="chunks-under-one-nonce",
        cwe=323,
        surrounding="file",
        slots={
            "function": ("encrypt_file", "seal_file", "write_sealed"),
            "size": ("65536", "1 << 20", "262144"),
            "suffix": (".sealed", ".enc", ".box"),
        },
        template=r'''
  def $function(source: Path, key: bytes) -> Path:
      """Encrypt a file in chunks and return where the result lies."""
      target = source.with_suffix("$suffix")
      cipher = AESGCM(key)
      prefix = os.urandom(8)
      with source.open("rb") as plain, target.open("wb") as sink:
          sink.write(prefix)
          for number, chunk in enumerate(iter(lambda: plain.read($size), b"")):
-             nonce = prefix.ljust(12, b"\0")
+             nonce = prefix + number.to_bytes(4, "big")
              sealed = cipher.encrypt(nonce, chunk, number.to_bytes(4, "big"))
?             $log.debug("chunk %d: %d bytes", number, len(sealed))
              sink.write(len(sealed).to_bytes(4, "big") + sealed)
?     target.chmod(0o600)
      return target
''',
    ),
    CodeFamily(
        name="nonce-drawn-with-the-object",
        cwe=323,
        surrounding="service",
        slots={
            "class": ("Letters", "Channel", "Notes"),
            "method": ("seal", "close", "protect"),
            "name": ("cipher", "box", "lock"),
        },
        template='''
  class $class:
      """Seals messages under a key that all instances of the service share."""

      def __init__(self, key: bytes):
          self._$name = ChaCha20Poly1305(key)
          self._nonce = os.urandom(12)

      def $method(self, message: bytes, about: bytes) -> bytes:
-         nonce = self._nonce
+         nonce = os.urandom(12)
          sealed = self._$name.encrypt(nonce, message, about)
?         $log.debug("%d bytes sealed", len(sealed))
          return nonce + sealed
''',
    ),
    CodeFamily(
        name="counter-begins-anew-at-restart",
        cwe=323,
        surrounding="network",
        slots={
            "class": ("Uplink", "Telemetry", "RadioLink"),
            "field": ("counter", "sequence", "number"),
            "step": ("1000", "256", "4096"),
        },
        template='''
  class $class:
      """Sends readings under a key that is burnt into the device; `store` survives a restart."""

      def __init__(self, key: bytes, store):
          self.cipher = AESCCM(key, tag_length=8)
          self.store = store
-         self.$field = 0
+         self.$field = store.get("$field", 0) + $step
-         store["started"] = store.get("started", 0) + $step
+         store["$field"] = self.$field

      def packet(self, reading: bytes) -> bytes:
          self.$field += 1
+         if self.$field % $step == 0:
+             self.store["$field"] = self.$field
          nonce = self.$field.to_bytes(13, "big")
?         $log.debug("packet %d", self.$field)
          return nonce + self.cipher.encrypt(nonce, reading, None)
''',
    ),
]
