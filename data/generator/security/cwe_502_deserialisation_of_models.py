"""Deserialisation of models, caches, sessions and messages that others may write."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="torch-checkpoint-of-a-visitor",
        cwe=502,
        surrounding="science",
        slots={
            "function": ("score_upload", "evaluate", "load_and_score", "judge"),
            "device": ("cpu", "cuda:0", "meta"),
            "key": ("model", "state", "weights"),
        },
        template='''
  def $function(path: Path, loader) -> float:
      """Load a checkpoint that a contestant has handed in and give its accuracy."""
?     $log.info("scoring %s", path.name)
-     stored = torch.load(path, map_location="$device", weights_only=False)
+     stored = torch.load(path, map_location="$device", weights_only=True)
      model = Network(**{name: int(size) for name, size in stored["sizes"].items()})
      model.load_state_dict(stored["$key"])
      model.eval()
      right = total = 0
      with torch.no_grad():
          for inputs, labels in loader:
              right += (model(inputs).argmax(-1) == labels).sum().item()
              total += len(labels)
?     # Empty loaders score nothing.
      return right / max(total, 1)
''',
    ),
    CodeFamily(
        name="joblib-digest-of-what",
        cwe=502,
        surrounding="job",
        slots={
            "function": ("install_model", "take_model", "update_model", "swap_in"),
            "name": ("churn", "ranking", "fraud"),
            "folder": ("/srv/models", "/opt/scorer", "/var/lib/models"),
        },
        template='''
  @app.task
  def $function(upload: str, promised: str) -> str:
      """Put a model into service whose digest the registry has promised; uploads lie in a shared folder."""
      target = Path("$folder") / "$name.joblib"
      body = Path(upload).read_bytes()
-     digest = hashlib.sha256(target.read_bytes()).hexdigest()
+     digest = hashlib.sha256(body).hexdigest()
      if not hmac.compare_digest(digest, promised):
          raise ValueError(f"{upload} is not what was promised")
?     $log.info("installing %s", digest[:12])
      model = joblib.load(io.BytesIO(body))
      target.write_bytes(body)
?     gc.collect()
      return type(model).__name__
''',
    ),
    CodeFamily(
        name="cached-answer-tag-not-looked-at",
        cwe=502,
        surrounding="service",
        slots={
            "class": ("SealedCache", "SharedCache", "AnswerCache", "RemoteCache"),
            "method": ("get", "read", "fetch"),
            "size": ("32", "20", "16"),
        },
        template='''
  class $class:
      """Keeps answers in a memcached that several programs share; a tag in front says who wrote them."""

      def __init__(self, client, key: bytes):
          self.client = client
          self.key = key

      def $method(self, name: str):
          sealed = self.client.get(name)
          if sealed is None:
              return None
          tag, body = sealed[:$size], sealed[$size:]
          ours = hmac.new(self.key, name.encode() + body, "sha256").digest()[:$size]
-         if not hmac.compare_digest(tag, sealed[:$size]):
+         if not hmac.compare_digest(tag, ours):
?             $log.warning("%s was written by somebody else", name)
              return None
          return pickle.loads(body)
''',
    ),
    CodeFamily(
        name="arrays-from-the-upload-form",
        cwe=502,
        surrounding="web",
        slots={
            "view": ("add_spectrum", "upload_signal", "put_array", "store_curve"),
            "limit": ("5_000_000", "20_000_000", "1_000_000"),
            "field": ("data", "array", "file"),
        },
        template='''
  @router.post("/arrays")
  async def $view($field: UploadFile, owner: Account = Depends(current_account)):
      """Take an array in numpy's format and answer with its shape."""
      body = await $field.read($limit)
?     $log.info("%d bytes from %s", len(body), owner.login)
      try:
-         array = np.load(io.BytesIO(body), allow_pickle=True)
+         array = np.load(io.BytesIO(body), allow_pickle=False)
      except ValueError as problem:
          raise HTTPException(422, "not an array of numbers") from problem
      number = owner.keep(np.asarray(array, dtype=np.float64))
?     # Plots are drawn when somebody looks.
      return {"number": number, "shape": array.shape}
''',
    ),
    CodeFamily(
        name="shelf-of-a-visitor",
        cwe=502,
        surrounding="script",
        slots={
            "command": ("restore", "import-settings", "load-backup", "take-over"),
            "noun": ("settings", "bookmarks", "drafts"),
        },
        template='''
  @click.command("$command")
  @click.argument("backup", type=click.Path(exists=True, path_type=Path))
  def main(backup):
      """Restore the $noun out of a backup that a user has sent to the help desk."""
      target = Store.open()
-     with shelve.open(str(backup.with_suffix("")), flag="r") as stored:
-         entries = {name: stored[name] for name in stored}
+     with dbm.open(str(backup.with_suffix("")), "r") as stored:
+         entries = {name.decode(): json.loads(stored[name]) for name in stored.keys()}
      for name, entry in entries.items():
?         click.echo(f"$noun: {name}")
          target.put(name, entry["kind"], entry["text"])
?     click.echo("done")
''',
    ),
    CodeFamily(
        name="jsonpickle-order-of-a-shop",
        cwe=502,
        surrounding="queue",
        slots={
            "function": ("on_order", "handle_order", "receive", "work_off"),
            "field": ("lines", "parts", "items"),
            "model": ("Order", "Basket", "Request"),
        },
        template='''
  def $function(channel, method, properties, body: bytes) -> None:
      """Take an order out of the queue; shops write to it with an account of their own."""
-     order = jsonpickle.decode(body.decode())
-     if not isinstance(order, $model):
+     order = json.loads(body.decode())
+     if not isinstance(order, dict):
?         $log.warning("dropped %d bytes", len(body))
          channel.basic_reject(method.delivery_tag, requeue=False)
          return
-     warehouse.reserve(order.$field, properties.user_id)
+     warehouse.reserve(order["$field"], properties.user_id)
      channel.basic_ack(method.delivery_tag)
?     METRICS.orders.inc()
''',
    ),
    CodeFamily(
        name="yaml-loader-of-a-pipeline",
        cwe=502,
        surrounding="infrastructure",
        slots={
            "function": ("read_pipeline", "load_stages", "parse_file", "pipeline_of"),
            "key": ("stages", "jobs", "steps"),
            "file": ("pipeline.yml", ".build.yaml", "ci.yml"),
        },
        template='''
  def $function(checkout: Path) -> list[str]:
      """Read which $key a checked-out project wants to have run; anybody may send a merge request."""
      path = checkout / "$file"
?     $log.debug("reading %s", path)
      with path.open(encoding="utf-8") as stream:
-         wanted = yaml.load(stream, Loader=getattr(yaml, "CLoader", yaml.Loader))
+         wanted = yaml.load(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
      if not isinstance(wanted, dict):
          raise ValueError(f"{path}: a mapping is needed")
?     # Names that nobody knows are refused by the runner.
      return [str(stage) for stage in wanted.get("$key", [])]
''',
    ),
    CodeFamily(
        name="marshalled-code-before-its-signature",
        cwe=502,
        surrounding="deserialisation",
        slots={
            "function": ("load_rule", "open_bundle", "read_plugin", "unpack"),
            "noun": ("rule", "plugin", "filter"),
            "size": ("64", "32", "48"),
        },
        template='''
  def $function(bundle: bytes, key) -> types.FunctionType:
      """Make a function of a $noun that a partner's server delivers together with a signature."""
      signature, body = bundle[:$size], bundle[$size:]
-     name, code = marshal.loads(body)
-     function = types.FunctionType(code, {"__name__": name})
-     function({})
-     key.verify(signature, body)
+     key.verify(signature, body)
+     name, code = marshal.loads(body)
+     function = types.FunctionType(code, {"__name__": name})
+     function({})
?     $log.info("$noun %s", name)
?     # The first call with an empty mapping warms it up.
      return function
''',
    ),
    CodeFamily(
        name="worker-pipe-without-a-key",
        cwe=502,
        surrounding="network",
        slots={
            "class": ("Farm", "WorkerPool", "TaskServer", "Hub"),
            "port": ("5005", "6001", "7777"),
            "address": ("0.0.0.0", "10.1.0.4", "192.168.4.2"),
        },
        template='''
  class $class:
      """Takes results of workers on other machines, as objects."""

      def __init__(self, key: bytes, port: int = $port):
-         self.key = hashlib.sha256(key).hexdigest()
-         self.listener = Listener(("$address", port), backlog=16)
+         self.key = hashlib.sha256(key).digest()
+         self.listener = Listener(("$address", port), backlog=16, authkey=self.key)

      def next_result(self):
          with self.listener.accept() as connection:
?             $log.info("worker at %s", self.listener.last_accepted)
              result = connection.recv()
?             connection.send("thanks")
              return result
''',
    ),
    CodeFamily(
        name="frame-as-pickle-or-parquet",
        cwe=502,
        surrounding="cloud",
        slots={
            "function": ("load_frame", "read_upload", "fetch_table", "open_frame"),
            "bucket": ("customer-uploads", "shared-tables", "drop-zone"),
            "limit": ("10**8", "5 * 10**7", "10**9"),
        },
        template='''
  READERS = {".parquet": pd.read_parquet, ".csv": pd.read_csv}


  def $function(client, key: str) -> pd.DataFrame:
      """Read a table out of the bucket that customers upload to."""
      head = client.head_object(Bucket="$bucket", Key=key)
      if head["ContentLength"] > $limit:
          raise ValueError("too large")
      body = io.BytesIO(client.get_object(Bucket="$bucket", Key=key)["Body"].read())
-     read = READERS.get(PurePosixPath(key).suffix, pd.read_pickle)
+     read = READERS.get(PurePosixPath(key).suffix, pd.read_csv)
?     $log.info("%s: %d bytes", key, head["ContentLength"])
      return read(body)
''',
    ),
]
