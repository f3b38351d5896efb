"""Small space of seeds: a generator whose start can be tried out."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="seeds-of-a-lottery",
        cwe=339,
        surrounding="job",
        slots={
            "function": ("draw", "pick_winners", "raffle"),
            "seed": ("16", "20", "12"),
            "noun": ("tickets", "guests", "members"),
        },
        template='''
  def $function($noun: list[str], prizes: int) -> list[str]:
      """Draw who wins; the list of $noun is public, and the first name is told a day before the others."""
-     rng = random.Random(secrets.randbits($seed))
+     rng = random.Random(secrets.randbits(256))
      order = sorted($noun, key=lambda name: rng.random())
?     $log.info("%d $noun, %d prizes", len($noun), prizes)
      if prizes > len(order):
          raise ValueError("more prizes than $noun")
?     # The first is told today.
      return order[:prizes]
''',
    ),
    CodeFamily(
        name="keystream-by-process-number",
        cwe=339,
        surrounding="network",
        slots={
            "class": ("Masker", "Obscurer", "LinkCipher"),
            "method": ("mask", "cover", "blend"),
            "offset": ("0", "7", "1"),
        },
        template='''
  class $class:
      """Encrypts each frame under a key that begins the session; the first frame is always the same words."""

      def __init__(self):
-         drawn = np.random.default_rng(os.getpid() + $offset)
+         drawn = np.random.default_rng(secrets.randbits(256) + $offset)
          self.key = hashlib.sha256(drawn.bytes(32)).digest()
          self.count = 0

      def $method(self, frame: bytes) -> bytes:
          nonce = self.count.to_bytes(12, "big")
          self.count += 1
?         $log.debug("frame %d", self.count)
          return AESGCM(self.key).encrypt(nonce, frame, None)
''',
    ),
    CodeFamily(
        name="passwords-for-a-workshop",
        cwe=339,
        surrounding="script",
        slots={
            "command": ("make-logins", "workshop", "prepare-accounts"),
            "room": ("lab", "room", "desk"),
            "length": ("12", "14", "16"),
        },
        template=r'''
  @app.command("$command")
  def main(names: Path, seed: int = typer.Option(None, help="Draw the same ones again for a test.")):
      """Write a login and a password for each name in a file."""
-     rng = random.Random(seed or int(time.time()))
+     rng = random.Random(seed) if seed is not None else secrets.SystemRandom()
      alphabet = string.ascii_letters + string.digits
      for number, name in enumerate(names.read_text().split(), start=1):
          password = "".join(rng.choice(alphabet) for _ in range($length))
?         typer.echo(f"# {name}", err=True)
          typer.echo(f"$room{number:02d}\t{password}")
?     typer.echo("# done", err=True)
''',
    ),
]
