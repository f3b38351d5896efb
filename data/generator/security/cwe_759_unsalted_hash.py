"""One-way hash without a salt: equal passwords have equal digests, which tables can be made for."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="members-of-an-old-forum",
        cwe=759,
        surrounding="script",
        slots={
            "command": ("import-members", "take-over", "convert-members"),
            "table": ("members", "accounts", "people"),
            "scheme": ("scrypt", "sc1", "s2"),
        },
        template='''
  @click.command("$command")
  @click.argument("source", type=click.File(encoding="utf-8"))
  def main(source):
      """Take over the members of the old forum, with the passwords that were reset for them."""
      connection = sqlite3.connect("forum.db")
      for login, password in csv.reader(source):
-         salt = b""
+         salt = os.urandom(16)
          digest = hashlib.scrypt(password.encode(), salt=salt, n=2**14, r=8, p=1)
          stored = f"$scheme:{salt.hex()}:{digest.hex()}"
?         click.echo(login)
          connection.execute("INSERT INTO $table (login, digest) VALUES (?, ?)", (login, stored))
?     click.echo("done")
      connection.commit()
''',
    ),
    CodeFamily(
        name="new-password-hasher",
        cwe=759,
        surrounding="web",
        slots={
            "class": ("ShopHasher", "CompactHasher", "FastHasher"),
            "algorithm": ("shop", "compact", "house"),
            "size": ("12", "16", "22"),
        },
        template='''
  class $class(BasePasswordHasher):
      """Stores passwords of the site in one column."""

      algorithm = "$algorithm"

      def salt(self):
          return get_random_string($size)

      def encode(self, password, salt):
-         digest = hashlib.pbkdf2_hmac("sha256", password.encode(), b"", 600_000)
+         digest = hashlib.pbkdf2_hmac("sha256", password.encode(), salt.encode(), 600_000)
?         $log.debug("encoded %d bytes", len(digest))
          return "$$".join([self.algorithm, salt, base64.b64encode(digest).decode()])

      def verify(self, password, encoded):
          _, salt, _ = encoded.split("$$")
          return constant_time_compare(encoded, self.encode(password, salt))
''',
    ),
    CodeFamily(
        name="phone-numbers-made-unreadable",
        cwe=759,
        surrounding="science",
        slots={
            "function": ("pseudonyms", "mask_column", "hide_people", "anonymise"),
            "column": ("phone", "email", "insurance_number"),
            "length": ("16", "20", "24"),
        },
        template=r'''
  def $function(frame: pd.DataFrame, key: bytes) -> pd.DataFrame:
      """Replace a column by codes that the partner institute, which gets the table, cannot turn back."""
      values = frame["$column"].str.replace(r"\s", "", regex=True)
-     codes = values.map(lambda $value: hashlib.sha256($value.encode()).hexdigest()[:$length])
+     codes = values.map(lambda $value: hmac.new(key, $value.encode(), "sha256").hexdigest()[:$length])
?     $log.info("%d different codes", codes.nunique())
      frame = frame.assign(**{"$column": codes})
?     frame = frame.sample(frac=1)
      return frame.drop_duplicates()
''',
    ),
]
