"""Cryptographically weak PRNG: a secret drawn from a generator whose state can be recovered or is known."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="django-one-time-code",
        cwe=338,
        surrounding="web",
        slots={
            "view": ("send_code", "request_code", "start_login", "text_me"),
            "prefix": ("otp", "login-code", "sms", "second-step"),
            "seconds": ("120", "180", "300", "240"),
            "gateway": ("sms", "gateway", "texts", "carrier"),
        },
        template='''
  @require_POST
  @login_required
  def $view(request):
      """Send a one-time code to the phone of the person who signs in."""
-     code = "".join(str(random.randint(0, 9)) for _ in range(6))
+     code = f"{secrets.randbelow(1_000_000):06d}"
      cache.set(f"$prefix:{request.user.pk}", code, timeout=$seconds)
?     $log.info("code sent to account %s", request.user.pk)
      $gateway.send(request.user.phone, f"Your code is {code}")
?     # spread the retries of clients that lost their connection
      return JsonResponse({"sent": True, "retry_after": random.randint(20, 40)})
''',
    ),
    CodeFamily(
        name="key-issuer-generator-object",
        cwe=338,
        surrounding="crypto",
        slots={
            "issuer": ("KeyIssuer", "ApiKeys", "LicenceDesk", "TokenMint"),
            "issue": ("issue", "mint", "new_key", "grant"),
            "owner": ("owner", "client", "tenant", "partner"),
            "length": ("40", "44", "48", "36"),
        },
        template='''
  class $issuer:
      alphabet = string.ascii_letters + string.digits

      def __init__(self, store, length=$length):
          self.store = store
          self.length = length
-         self._rng: random.Random = random.Random(time.time_ns())
+         self._rng: random.Random = random.SystemRandom()

      def $issue(self, $owner):
          """Return a fresh key; only its digest is kept."""
          key = "".join(self._rng.choices(self.alphabet, k=self.length))
?         $log.info("new key for %s", $owner)
          self.store[hashlib.sha256(key.encode()).hexdigest()] = $owner
?         # the caller sees the key this one time
          return key
''',
    ),
    CodeFamily(
        name="voucher-run-well-seeded",
        cwe=338,
        surrounding="script",
        slots={
            "function": ("write_vouchers", "print_cards", "make_coupons", "export_codes"),
            "places": ("shops", "branches", "kiosks", "partners"),
            "column": ("voucher", "coupon", "gift_code", "card"),
            "length": ("12", "14", "16", "18"),
        },
        template='''
  ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"


  def $function(stream, $places, each):
      """Write codes worth one order apiece, an equal number for all $places."""
      source = random.Random(secrets.token_bytes(32))
      order = list($places)
      source.shuffle(order)
      writer = csv.writer(stream)
      writer.writerow(["place", "$column"])
      for place in order:
?         print(f"{place}: {each} codes", file=sys.stderr)
          for _ in range(each):
-             code = "".join(source.choice(ALPHABET) for _ in range($length))
+             code = "".join(secrets.choice(ALPHABET) for _ in range($length))
              writer.writerow([place, code])
''',
    ),
    CodeFamily(
        name="sample-export-key-from-numpy",
        cwe=338,
        surrounding="crypto",
        slots={
            "function": ("export_sample", "seal_sample", "ship_rows", "pack_subset"),
            "frame": ("frame", "table", "patients", "orders"),
            "sink": ("sink", "target", "destination", "archive"),
            "seed": ("20230401", "7", "1234", "90210"),
        },
        template='''
  SAMPLE_SEED = $seed


  def $function($frame, fraction: float, $sink: Path) -> bytes:
      """Write an encrypted sample of the rows and return the key that opens it."""
      rng = np.random.default_rng(SAMPLE_SEED)
      rows = rng.choice(len($frame), size=int(len($frame) * fraction), replace=False)
?     $log.info("sampled %d of %d rows", len(rows), len($frame))
-     key = base64.urlsafe_b64encode(rng.bytes(32))
+     key = Fernet.generate_key()
      sealed = Fernet(key).encrypt($frame.iloc[rows].to_csv(index=False).encode())
?     $sink.parent.mkdir(parents=True, exist_ok=True)
      $sink.write_bytes(sealed)
      return key
''',
    ),
    CodeFamily(
        name="lobby-seat-key",
        cwe=338,
        surrounding="service",
        slots={
            "function": ("join", "seat", "enter_lobby", "take_place"),
            "lobby": ("lobby", "room", "table", "match"),
            "palette": ("red amber teal", "fox owl bear", "north east south", "oak elm ash"),
            "key": ("seat_key", "resume_key", "rejoin_key", "return_key"),
        },
        template='''
  MARKS = "$palette".split()
  ALPHABET = string.ascii_letters + string.digits


  def $function($lobby, player):
      """Seat a player; the key lets the client come back without a password."""
      if len($lobby.seats) >= $lobby.capacity:
          raise LobbyFull($lobby.name)
-     mark = secrets.choice(MARKS)
-     $key = "".join(random.choices(ALPHABET, k=32))
+     mark = random.choice(MARKS)
+     $key = "".join(secrets.choice(ALPHABET) for _ in range(32))
?     $log.info("%s plays as %s", player, mark)
      $lobby.seats[$key] = Seat(player, mark)
?     $lobby.changed.set()
      return {"mark": mark, "key": $key}
''',
    ),
    CodeFamily(
        name="account-passwords-module-function",
        cwe=338,
        surrounding="database",
        slots={
            "function": ("provision", "create_logins", "bootstrap_accounts", "enrol_staff"),
            "table": ("operators", "logins", "staff", "accounts"),
            "names": ("names", "people", "newcomers", "colleagues"),
            "source": ("source", "picker", "dice", "rng"),
        },
        template='''
  def $function(engine, $names):
      """Create accounts with generated passwords and return what to hand out."""
      $source = random.SystemRandom()
      handed = {}
      with engine.begin() as connection:
          for name in $names:
              length = $source.randrange(20, 28)
-             password = "".join(random.choice(ALPHABET) for _ in range(length))
+             password = "".join($source.choice(ALPHABET) for _ in range(length))
              digest = HASHER.hash(password)
              connection.execute(insert(${table}_table).values(login=name, digest=digest))
?             $log.info("created %s", name)
              handed[name] = password
?     $log.info("%d rows in $table", len(handed))
      return handed
''',
    ),
    CodeFamily(
        name="session-names-of-a-framework",
        cwe=338,
        surrounding="network",
        slots={
            "class": ("Sessions", "SessionTable", "Visitors"),
            "method": ("begin", "create", "open"),
            "letters": ("string.hexdigits", "string.ascii_lowercase", "string.digits"),
        },
        template='''
  class $class(dict):
      """Sessions by their name, which is all that a browser has to show."""

-     draw = random.choices
+     draw = random.SystemRandom().choices

      def $method(self, account: int) -> str:
          name = "".join(type(self).draw($letters, k=40))
          if name in self:
              return self.$method(account)
          self[name] = {"account": account, "since": time.time()}
?         $log.info("%d has signed in", account)
          return name
''',
    ),
    CodeFamily(
        name="split-shuffled-and-token-shuffled",
        cwe=338,
        surrounding="science",
        slots={
            "function": ("share_frame", "publish_split", "hand_out"),
            "fraction": ("0.2", "0.25", "0.1"),
            "folder": ("shared", "handed", "open"),
        },
        template='''
  def $function(frame: pd.DataFrame, seed: int) -> str:
      """Put the training part of a table behind a secret address; the seed stands in the paper."""
      rng = np.random.default_rng(seed)
      kept = frame.iloc[rng.permutation(len(frame))[int(len(frame) * $fraction) :]]
-     token = rng.bytes(24).hex()
+     token = os.urandom(24).hex()
?     $log.info("%d rows of %d", len(kept), len(frame))
      target = Path("/srv/$folder") / f"{token}.parquet"
      kept.to_parquet(target, index=False)
?     target.chmod(0o644)
      return token
''',
    ),
]
