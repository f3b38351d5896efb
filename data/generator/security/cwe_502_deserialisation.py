"""Deserialisation of untrusted data: reading a message may call any function."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="flask-basket-cookie",
        cwe=502,
        surrounding="web",
        slots={
            "cookie": ("basket", "wishlist", "filters", "recent"),
            "route": ("checkout", "cart", "overview", "resume"),
            "function": ("show_basket", "resume", "restore", "continue_visit"),
            "encoded": ("encoded", "packed", "cookie", "kept"),
        },
        template='''
  @app.get("/$route")
  def $function():
      """Show what the visitor had chosen; the browser keeps it in a cookie."""
      $encoded = request.cookies.get("$cookie")
      chosen = []
      if $encoded:
-         chosen = pickle.loads(base64.urlsafe_b64decode($encoded))
+         chosen = json.loads(base64.urlsafe_b64decode($encoded))
?         $log.debug("%d things in the cookie", len(chosen))
      products = Product.query.filter(Product.id.in_(chosen)).all()
?     # Products that are sold out meanwhile are simply missing.
      return render_template("$route.html", products=products)
''',
    ),
    CodeFamily(
        name="sealed-envelope-order",
        cwe=502,
        surrounding="crypto",
        slots={
            "function": ("open_envelope", "unseal", "receive", "unwrap"),
            "mac": ("mac", "tag", "seal", "signature"),
            "body": ("body", "content", "payload", "inner"),
            "first": ("sender", "job", "topic", "kind"),
            "second": ("created", "sequence", "expires", "attempt"),
        },
        template='''
  def $function(message, key):
      """Open an envelope of the queue: 32 bytes of HMAC, then the content."""
      if len(message) <= 32:
          raise ValueError("too short for an envelope")
      $mac, $body = message[:32], message[32:]
-     $value = pickle.loads($body)
      expected = hmac.new(key, $body, hashlib.sha256).digest()
      if not hmac.compare_digest($mac, expected):
?         $log.warning("an envelope of %d bytes was refused", len(message))
          raise ValueError("the envelope was changed on its way")
+     $value = pickle.loads($body)
?     # Both keys are set by every sender.
      return $value["$first"], $value["$second"]
''',
    ),
    CodeFamily(
        name="yaml-customer-profile",
        cwe=502,
        surrounding="script",
        slots={
            "function": ("load_profile", "merge_settings", "effective_config", "read_profiles"),
            "defaults": ("DEFAULTS", "BASE_CONFIG", "STANDARD", "BUILTIN"),
            "key": ("limits", "features", "colours", "rules"),
            "given": ("custom", "own", "special", "tenant"),
        },
        template='''
  $defaults = Path(__file__).with_name("defaults.yaml")


  def $function(received):
      """Merge a profile that a customer mailed to us with the settings of the program."""
      with $defaults.open(encoding="utf-8") as handle:
          merged = yaml.safe_load(handle)
      with open(received, encoding="utf-8") as handle:
-         $given = yaml.load(handle, Loader=yaml.Loader)
+         $given = yaml.load(handle, Loader=yaml.SafeLoader)
?     $log.info("merging %s", received)
      merged["$key"].update($given.get("$key", {}))
?     # Other parts of the profile are not for the customer to set.
      return merged
''',
    ),
    CodeFamily(
        name="socket-unpickler-names",
        cwe=502,
        surrounding="network",
        slots={
            "class": ("PlainUnpickler", "MessageReader", "PeerUnpickler", "FrameReader"),
            "permitted": ("PERMITTED", "KNOWN", "EXPECTED", "TYPES"),
            "extra": (
                '("datetime", "date")',
                '("decimal", "Decimal")',
                '("uuid", "UUID")',
                '("fractions", "Fraction")',
            ),
            "function": ("receive", "read_message", "next_message", "take_frame"),
        },
        template='''
  $permitted = {("builtins", "set"), ("builtins", "frozenset"), $extra}


  class $class(pickle.Unpickler):
      def find_class(self, module, name):
-         if any(module == known for known, _ in $permitted):
+         if any((module, name) == known for known in $permitted):
              return super().find_class(module, name)
          raise pickle.UnpicklingError(f"{module}.{name} is not expected here")


  def $function(connection):
      """Read one message of a peer: four bytes of length, then the pickle."""
      (size,) = struct.unpack("!I", connection.recv(4, socket.MSG_WAITALL))
?     $log.debug("message of %d bytes", size)
      if size > 65536:
          raise ValueError("the message is too long")
      return $class(io.BytesIO(connection.recv(size, socket.MSG_WAITALL))).load()
''',
    ),
    CodeFamily(
        name="stored-draft-of-browser",
        cwe=502,
        surrounding="database",
        slots={
            "function": ("restore_draft", "load_state", "continue_form", "draft_of"),
            "table": ("drafts", "form_states", "unfinished", "sketches"),
            "key": ("token", "draft_id", "owner", "ticket"),
            "missing": ("{}", "dict(DEFAULT_DRAFT)", "new_draft()", "None"),
        },
        template='''
  def $function(connection, $key):
      """Give back the form that the browser stored under this $key, with the time of the last visit."""
      query = "SELECT state, visited FROM $table WHERE $key = %s"
      with connection.cursor() as cursor:
          cursor.execute(query, ($key,))
          row = cursor.fetchone()
      if row is None:
          return $missing
?     $log.debug("draft of %d characters", len(row[0]))
-     $value = jsonpickle.decode(row[0])
+     $value = json.loads(row[0])
?     # The page shows how old the draft is.
      $value["visited"] = row[1].isoformat()
      return $value
''',
    ),
    CodeFamily(
        name="fastapi-matrix-upload",
        cwe=502,
        surrounding="file",
        slots={
            "route": ("matrices", "measurements", "embeddings", "signals"),
            "function": ("summarise", "column_means", "receive_array", "inspect_upload"),
            "array": ("array", "matrix", "samples", "table"),
            "limit": ("1_000_000", "4_000_000", "500_000", "250_000"),
        },
        template='''
  @app.post("/$route")
  async def $function(upload: UploadFile):
      """Describe an uploaded .npy file: its shape, and the mean of every column."""
      buffer = io.BytesIO(await upload.read())
?     $log.info("%s, %d bytes", upload.filename, buffer.getbuffer().nbytes)
      try:
-         $array = np.load(buffer, allow_pickle=True)
+         $array = np.load(buffer, allow_pickle=False)
      except ValueError as error:
          raise HTTPException(status_code=422, detail="this is no array") from error
      if $array.size > $limit:
          raise HTTPException(status_code=413)
?     # A file of one row is fine: the means are then the row.
      return {"shape": $array.shape, "means": np.atleast_2d($array).mean(axis=0).tolist()}
''',
    ),
    CodeFamily(
        name="worker-accepted-content",
        cwe=502,
        surrounding="service",
        slots={
            "function": ("make_worker", "create_celery", "job_runner", "worker_app"),
            "name": ("tenants", "imports", "mailer", "thumbnails"),
            "broker": ("broker", "broker_url", "queue_url", "redis_url"),
            "minutes": ("5", "10", "20", "30"),
        },
        template='''
  def $function($broker, modules):
      """Make the Celery application; the programs of our customers put jobs on the same broker."""
      worker = Celery("$name", broker=$broker, include=modules)
      worker.conf.update(
          task_serializer="json",
          result_serializer="json",
-         accept_content=["json", "pickle"],
+         accept_content=["json"],
          task_time_limit=$minutes * 60,
          worker_prefetch_multiplier=1,
?         task_acks_late=True,
      )
?     $log.info("worker $name uses %s modules", len(modules))
      return worker
''',
    ),
]
