"""Path traversal where files come from stores, mails, archives and queues."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="fastapi-prefix-of-a-sibling",
        cwe=22,
        surrounding="web",
        slots={
            "folder": ("exports", "models", "plans", "letters"),
            "route": ("files", "download", "raw"),
        },
        template='''
  ROOT = Path("/srv/$folder").resolve()


  @router.get("/$route/{name:path}")
  def read_file(name: str):
      """Hand out a file from below the folder of $folder; $folder-internal beside it is for the office."""
      target = (ROOT / name).resolve()
-     if not str(target).startswith(str(ROOT)):
+     if not target.is_relative_to(ROOT):
?         $log.info("outside: %s", name)
          raise HTTPException(404)
      if not target.is_file():
          raise HTTPException(404)
?     DOWNLOADS.inc()
      return FileResponse(target)
''',
    ),
    CodeFamily(
        name="delivery-unpacked-by-filter",
        cwe=22,
        surrounding="job",
        slots={
            "function": ("unpack", "take_in", "open_delivery", "expand"),
            "folder": ("deliveries", "bundles", "drops"),
            "limit": ("500", "2000", "100"),
        },
        template='''
  @app.task(acks_late=True)
  def $function(archive: str, number: int) -> int:
      """Unpack a tar file that a supplier has sent, and count what was in it."""
      target = Path("/srv/$folder") / f"{int(number):08d}"
      target.mkdir(parents=True)
-     shutil.unpack_archive(archive, target, format="gztar", filter="fully_trusted")
+     shutil.unpack_archive(archive, target, format="gztar", filter="data")
?     $log.info("%s unpacked", archive)
      files = [path for path in target.rglob("*") if path.is_file()]
      if len(files) > $limit:
          shutil.rmtree(target)
          raise ValueError("too many files")
?     os.unlink(archive)
      return len(files)
''',
    ),
    CodeFamily(
        name="bucket-keys-become-files",
        cwe=22,
        surrounding="cloud",
        slots={
            "function": ("pull", "sync_down", "fetch_prefix", "download_all"),
            "bucket": ("partner-drop", "customer-files", "field-data"),
            "prefix": ("incoming/", "to-us/", "batch/"),
        },
        template='''
  def $function(client, folder: Path) -> list[Path]:
      """Fetch everything below a prefix of the bucket that partners write to."""
      fetched = []
      pages = client.get_paginator("list_objects_v2").paginate(Bucket="$bucket", Prefix="$prefix")
      for page in pages:
          for entry in page.get("Contents", []):
              target = folder / entry["Key"].removeprefix("$prefix")
-             if not target.is_relative_to(folder) or target.name == "":
+             if not target.resolve().is_relative_to(folder.resolve()):
?                 $log.warning("left out %s", entry["Key"])
                  continue
              target.parent.mkdir(parents=True, exist_ok=True)
              client.download_file("$bucket", entry["Key"], str(target))
              fetched.append(target)
?     $log.info("%d files", len(fetched))
      return fetched
''',
    ),
    CodeFamily(
        name="cleaned-name-is-only-answered",
        cwe=22,
        surrounding="web",
        slots={
            "view": ("add_scan", "upload_sheet", "put_plan", "attach"),
            "folder": ("scans", "sheets", "plans"),
            "field": ("file", "upload", "document"),
        },
        template='''
  @bp.post("/$folder")
  @login_required
  def $view():
      """Keep an uploaded file for the person who is signed in."""
      upload = request.files["$field"]
      folder = Path(current_app.config["STORE"]) / "$folder" / str(current_user.id)
      folder.mkdir(parents=True, exist_ok=True)
      cleaned = secure_filename(upload.filename)
      if not cleaned:
          abort(400)
-     upload.save(os.path.join(folder, upload.filename))
+     upload.save(os.path.join(folder, cleaned))
?     $log.info("stored %s", cleaned)
      return jsonify(stored=cleaned), 201
''',
    ),
    CodeFamily(
        name="attachments-of-a-mailbox",
        cwe=22,
        surrounding="mail",
        slots={
            "function": ("save_attachments", "keep_parts", "file_away", "collect"),
            "suffix": (".pdf", ".csv", ".xml"),
        },
        template='''
  def $function(message: EmailMessage, folder: Path) -> list[str]:
      """Save the attachments of a mail that came in, and return their names."""
      saved = []
      for part in message.iter_attachments():
-         name = part.get_filename() or "unnamed$suffix"
-         if not Path(name).name.lower().endswith("$suffix"):
+         name = Path(part.get_filename() or "unnamed$suffix").name
+         if not name.lower().endswith("$suffix"):
              continue
?         $log.debug("%s of %s", name, message["from"])
          (folder / name).write_bytes(part.get_payload(decode=True))
          saved.append(name)
?     # Mails without any are answered by hand.
      return saved
''',
    ),
    CodeFamily(
        name="tornado-decoded-after-the-check",
        cwe=22,
        surrounding="web",
        slots={
            "handler": ("PageHandler", "HelpHandler", "DocHandler", "GuideHandler"),
            "root": ("/srv/pages", "/opt/help", "/srv/guides"),
            "suffix": (".html", ".md", ".txt"),
        },
        template='''
  class $handler(RequestHandler):
      """Shows one page of the handbook; names may hold blanks and umlauts."""

      root = "$root"

      def get(self):
          name = self.request.path.rpartition("/page/")[2]
+         name = urllib.parse.unquote(name)
          if ".." in name or name.startswith("/"):
?             $log.info("odd name %r", name)
              raise HTTPError(404)
-         name = urllib.parse.unquote(name)
          path = os.path.join(self.root, name + "$suffix")
          if not os.path.isfile(path):
              raise HTTPError(404)
?         self.set_header("Cache-Control", "max-age=600")
          with open(path, encoding="utf-8") as page:
              self.finish(page.read())
''',
    ),
    CodeFamily(
        name="workspace-removed-by-name",
        cwe=22,
        surrounding="job",
        slots={
            "function": ("drop_workspace", "clean_project", "remove_space", "wipe"),
            "base": ("/srv/workspaces", "/data/projects", "/var/lib/spaces"),
            "noun": ("project", "space", "notebook"),
        },
        template='''
  def $function($noun: str) -> bool:
      """Delete the folder of a $noun that its owner has closed."""
      base = Path("$base")
      folder = base / $noun
-     if not $noun or $noun.startswith("/") or not folder.is_dir():
+     if folder.resolve().parent != base.resolve() or not folder.is_dir():
?         $log.info("nothing to delete for %r", $noun)
          return False
      shutil.rmtree(folder)
?     $log.info("deleted %s", folder)
      return True
''',
    ),
    CodeFamily(
        name="arrays-by-experiment-name",
        cwe=22,
        surrounding="science",
        slots={
            "function": ("load_run", "read_array", "open_result", "fetch_matrix"),
            "root": ("RESULTS", "ARRAYS", "RUNS"),
            "key": ("weights", "signal", "spectrum"),
        },
        template=r'''
  $root = Path(os.environ["LAB_DATA"]).resolve()


  def $function(name: str, run: int) -> np.ndarray:
      """Load one array of a run; the name comes with the request of the plotting page."""
-     folder = $root.joinpath(*name.split(".."))
+     folder = $root.joinpath(*re.findall(r"\w+", name))
      path = folder / f"{int(run):04d}.npz"
      if not path.is_file():
          raise FileNotFoundError(f"no run {run} of {name}")
?     $log.debug("loading %s", path)
      with np.load(path, allow_pickle=False) as arrays:
          return arrays["$key"]
''',
    ),
    CodeFamily(
        name="node-identifier-decoded",
        cwe=22,
        surrounding="graphql",
        slots={
            "class": ("DocumentNode", "SheetNode", "ScanNode", "FileNode"),
            "root": ("DOCUMENTS", "SHEETS", "STORE"),
            "limit": ("65536", "200_000", "1_000_000"),
        },
        template='''
  class $class(ObjectType):
      """A stored text, whose identifier is its name in base64."""

      id = ID(required=True)
      body = String()

      @staticmethod
      def resolve_body(parent, info):
-         if "/" in parent.id or "." in parent.id:
+         name = base64.urlsafe_b64decode(parent.id).decode()
+         if "/" in name or name.startswith("."):
              raise GraphQLError("no such node")
-         name = base64.urlsafe_b64decode(parent.id).decode()
?         $log.debug("reading %s", name)
          with open(os.path.join($root, name), encoding="utf-8") as stream:
              return stream.read($limit)
''',
    ),
    CodeFamily(
        name="spool-file-named-by-message",
        cwe=22,
        surrounding="queue",
        slots={
            "class": ("SpoolConsumer", "LetterConsumer", "JobWriter", "PrintQueue"),
            "spool": ("/var/spool/letters", "/var/spool/jobs", "/srv/print"),
            "field": ("job_id", "message_id", "number"),
        },
        template='''
  class $class:
      """Writes what comes over the queue to files, which another program prints."""

      spool = Path("$spool")

      def on_message(self, channel, method, properties, body):
          order = json.loads(body)
-         target = self.spool / f"{order['$field']}.txt"
+         target = self.spool / f"{uuid.UUID(order['$field'])}.txt"
          target.write_text(order["text"], encoding="utf-8")
?         $log.info("%s: %d characters", target.name, len(order["text"]))
          channel.basic_ack(method.delivery_tag)
?         self.written += 1
''',
    ),
]
