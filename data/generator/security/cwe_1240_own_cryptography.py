"""Risky implementation of a cryptographic primitive: home-made tags, padding and streams."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="tag-is-a-hash-of-key-and-text",
        cwe=1240,
        surrounding="web",
        slots={
            "function": ("check_callback", "is_from_partner", "verified"),
            "header": ("X-Signature", "X-Partner-Tag", "X-Check"),
            "name": ("SHARED_KEY", "PARTNER_KEY", "HOOK_KEY"),
        },
        template='''
  @bp.before_request
  def $function():
      """Let only calls through that the partner has signed."""
      body = request.get_data()
      key = current_app.config["$name"]
-     ours = hashlib.sha256(key + body).hexdigest()
+     ours = hmac.new(key, body, hashlib.sha256).hexdigest()
      theirs = request.headers.get("$header", "")
      if not hmac.compare_digest(ours, theirs):
?         $log.info("%d bytes with a wrong tag", len(body))
          abort(403)
?     g.verified = True
      return None
''',
    ),
    CodeFamily(
        name="key-encrypted-by-bare-numbers",
        cwe=1240,
        surrounding="crypto",
        slots={
            "function": ("wrap_key", "send_key", "lock_key"),
            "size": ("32", "24", "16"),
            "name": ("recipient", "partner", "reader"),
        },
        template='''
  def $function(key: bytes, $name: rsa.RSAPublicKey) -> bytes:
      """Encrypt a key of $size bytes for the holder of an RSA key."""
      if len(key) != $size:
          raise ValueError("$size bytes are needed")
      numbers = $name.public_numbers()
?     $log.debug("modulus of %d bits", numbers.n.bit_length())
-     sealed = pow(int.from_bytes(key, "big"), numbers.e, numbers.n)
-     return sealed.to_bytes((numbers.n.bit_length() + 7) // 8, "big")
+     scheme = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
+     return $name.encrypt(key, scheme)
''',
    ),
    CodeFamily(
        name="own-stream-of-digests",
        cwe=1240,
        surrounding="service",
        slots={
            "class": ("Stream", "Scrambler", "SessionBox"),
            "method": ("encrypt", "scramble", "seal"),
            "about": ("session", "state", "browser"),
        },
        template='''
  class $class:
      """Encrypts what goes to the browser and comes back with its next request."""

      def __init__(self, key: bytes):
          self.key = key

      def $method(self, plain: bytes) -> bytes:
          nonce = os.urandom(12)
?         # The browser keeps at most four kilobytes.
-         counters = (number.to_bytes(4, "big") for number in range(len(plain) // 32 + 1))
-         stream = b"".join(hashlib.sha256(self.key + nonce + counter).digest() for counter in counters)
-         sealed = bytes(left ^ right for left, right in zip(plain, stream))
+         sealed = AESGCM(self.key).encrypt(nonce, plain, b"$about")
?         $log.debug("%d bytes", len(sealed))
          return nonce + sealed
''',
    ),
]
