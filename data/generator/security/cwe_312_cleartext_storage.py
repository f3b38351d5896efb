"""Cleartext storage: a secret is kept so that whoever reads the store reads the secret."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="repository-row-and-event",
        cwe=312,
        surrounding="database",
        slots={
            "repository": ("CardRepository", "AccountBook", "PatientFile", "Registry"),
            "secret": ("number", "iban", "passport", "insurance_number"),
            "table": ("cards", "payees", "guests", "members"),
            "method": ("add", "register", "insert", "remember"),
        },
        template='''
  class $repository:
      def __init__(self, connection, bus, key):
          self._db = connection
          self._bus = bus
          self._box = Fernet(key)

      def $method(self, owner, $secret):
          """Keep the $secret and tell the other services about it."""
          sealed = self._box.encrypt($secret.encode())
          self._bus.publish("$table.added", {"owner": owner, "$secret": sealed})
          statement = "INSERT INTO $table (owner, $secret) VALUES (?, ?)"
-         cursor = self._db.execute(statement, (owner, $secret))
+         cursor = self._db.execute(statement, (owner, sealed))
?         $log.info("row %s added for %s", cursor.lastrowid, owner)
          self._db.commit()
          return cursor.lastrowid
''',
    ),
    CodeFamily(
        name="command-line-login",
        cwe=312,
        surrounding="script",
        slots={
            "command": ("login", "sign_in", "connect", "setup"),
            "secret": ("password", "token", "passphrase", "pin"),
            "tool": ("shipit", "notes", "deployer", "timesheet", "fieldkit"),
            "file": ("profile.json", "settings.json", "account.json", "session.json"),
        },
        template='''
  @cli.command()
  @click.option("--user", prompt=True)
  @click.option("--$secret", prompt=True, hide_input=True)
  def $command(user, $secret):
      """Remember who you are for the next commands."""
      Client(SERVER).verify(user, $secret)
      profile = {"user": user, "server": SERVER}
-     profile["$secret"] = $secret
+     keyring.set_password(SERVER, user, $secret)
      path = Path(click.get_app_dir("$tool")) / "$file"
      path.parent.mkdir(parents=True, exist_ok=True)
?     # The file belongs to the user alone.
      path.touch(mode=0o600)
      path.write_text(json.dumps(profile))
?     click.echo(f"Signed in as {user}.")
''',
    ),
    CodeFamily(
        name="flask-session-payment",
        cwe=312,
        surrounding="web",
        slots={
            "route": ("checkout", "order", "basket", "booking"),
            "view": ("payment", "pay", "card_details", "choose_card"),
            "field": ("number", "card_number", "account_number", "pan"),
            "next": ("shop.confirm", "shop.review", "shop.summary", "shop.overview"),
        },
        template='''
  @shop.route("/$route/payment", methods=["GET", "POST"])
  def $view():
      """Take the card; the page after this one shows which card it was."""
      form = PaymentForm(request.form)
      if request.method == "GET" or not form.validate():
          return render_template("payment.html", form=form)
      session["reference"] = gateway.tokenize(form.$field.data, form.expiry.data)
      session["holder"] = form.holder.data
-     session["$field"] = form.$field.data
+     session["$field"] = form.$field.data[-4:]
?     $log.info("card accepted for %s", session["reference"])
?     session.modified = True
      return redirect(url_for("$next"))
''',
    ),
    CodeFamily(
        name="draft-signed-or-sealed",
        cwe=312,
        surrounding="service",
        slots={
            "function": ("park", "keep_draft", "save_draft", "suspend"),
            "field": ("diagnosis", "income", "religion", "criminal_record"),
            "namespace": ("drafts", "applications", "intake", "forms"),
            "hours": ("12", "24", "48", "72"),
        },
        template='''
  KEY = base64.urlsafe_b64encode(bytes.fromhex(os.environ["DRAFT_KEY"]))


  async def $function(redis, visitor, form):
      """Keep the half-filled application until the applicant is back."""
      draft = {"step": form.step, "name": form.name, "$field": form.$field}
      packed = zlib.compress(json.dumps(draft).encode())
?     $log.debug("draft of %d bytes", len(packed))
-     stored = Signer(KEY).sign(packed)
+     stored = Fernet(KEY).encrypt(packed)
      await redis.set(f"$namespace:{visitor}", stored, ex=$hours * 3600)
?     $log.info("step %s kept for %s", form.step, visitor)
      return form.step
''',
    ),
    CodeFamily(
        name="password-in-the-queue-message",
        cwe=312,
        surrounding="queue",
        slots={
            "function": ("request_account", "order_mailbox", "ask_for_login"),
            "queue": ("accounts", "mailboxes", "logins"),
            "host": ("broker", "queue", "mq"),
        },
        template='''
  def $function(channel, login: str, password: str) -> str:
      """Ask the worker to create a login; messages stay on the broker's disk until it is done."""
      number = uuid4().hex
      digest = HASHER.hash(password)
?     $log.info("%s asks for %s", number, login)
-     body = {"id": number, "login": login, "password": password}
+     body = {"id": number, "login": login, "digest": digest}
      properties = pika.BasicProperties(delivery_mode=2, message_id=number, app_id="$host")
      channel.basic_publish("", "$queue", json.dumps(body).encode(), properties)
?     METRICS.asked.inc()
      return number
''',
    ),
    CodeFamily(
        name="settings-of-a-connector",
        cwe=312,
        surrounding="cloud",
        slots={
            "class": ("ConnectorStore", "AccountsOfOthers", "Links"),
            "field": ("refresh_token", "api_key", "password"),
            "table": ("connectors", "links", "bridges"),
        },
        template='''
  class $class:
      """Keeps what we need to act for a customer at another service."""

      def __init__(self, table, vault: Fernet):
          self.table = table
          self.vault = vault

      def put(self, customer: str, login: str, $field: str) -> None:
          sealed = self.vault.encrypt($field.encode())
?         $log.info("$table: %s, %d bytes", customer, len(sealed))
-         item = {"customer": customer, "login": login, "$field": $field}
+         item = {"customer": customer, "login": login, "$field": sealed}
          self.table.put_item(Item=item, ConditionExpression="attribute_not_exists(customer)")
''',
    ),
]
