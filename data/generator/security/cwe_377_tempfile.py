"""Insecure temporary file: a name that another local user can foresee or take before the file is made."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="editor-round-trip",
        cwe=377,
        surrounding="script",
        slots={
            "function": ("edit", "compose", "revise", "ask_in_editor"),
            "ext": ("txt", "md", "yaml", "rst"),
            "fallback": ("vi", "nano", "ed", "emacs"),
            "path": ("path", "draft", "filename", "scratch"),
        },
        template='''
  def $function($value):
      """Show the text in the user's editor and return what was saved."""
-     $path = tempfile.mktemp(suffix=".$ext")
-     with open($path, "w", encoding="utf-8") as handle:
+     descriptor, $path = tempfile.mkstemp(suffix=".$ext")
+     with open(descriptor, "w", encoding="utf-8") as handle:
          handle.write($value)
      try:
?         $log.debug("editing %s", $path)
          subprocess.run([os.environ.get("EDITOR", "$fallback"), $path], check=True)
          with open($path, encoding="utf-8") as handle:
              return handle.read()
      finally:
?         # nothing stays behind, not even after a failed edit
          os.unlink($path)
''',
    ),
    CodeFamily(
        name="database-dump-beside-scratch-folder",
        cwe=377,
        surrounding="database",
        slots={
            "function": ("back_up", "dump", "snapshot", "archive_database"),
            "prefix": ("dump", "backup", "nightly", "pg"),
            "bucket": ("bucket", "storage", "vault", "remote"),
            "suffix": ("dump", "pgdump", "bak", "backup"),
        },
        template='''
  def $function(database: str, $bucket):
      """Upload a dump of one database and return the key it is stored under."""
      with tempfile.TemporaryDirectory(prefix="$prefix-") as scratch:
          messages = Path(scratch) / "messages.txt"
-         target = Path(tempfile.gettempdir()) / f"{database}.$suffix"
+         target = Path(scratch) / f"{database}.$suffix"
          command = ["pg_dump", "--format=custom", f"--file={target}", database]
?         $log.info("running %s", command)
          with messages.open("wb") as stderr:
              subprocess.run(command, stderr=stderr, check=True)
          key = f"{date.today():%Y/%m}/{target.name}"
          $bucket.upload_file(str(target), key)
          $bucket.upload_file(str(messages), f"{key}.txt")
          target.unlink()
?     metrics.increment("dumps")
      return key
''',
    ),
    CodeFamily(
        name="flask-upload-with-extension",
        cwe=377,
        surrounding="web",
        slots={
            "route": ("convert", "extract", "inspect", "preview"),
            "field": ("document", "file", "attachment", "scan"),
            "ext": ("pdf", "docx", "tiff", "odt"),
            "worker": ("read_pages", "count_words", "extract_tables", "list_fonts"),
        },
        template='''
  @app.post("/$route")
  @login_required
  def $route():
      """Answer with what the converter finds in the uploaded $field."""
      upload = request.files["$field"]
-     descriptor, base = tempfile.mkstemp(prefix="$route-")
-     path = f"{base}.$ext"
+     descriptor, path = tempfile.mkstemp(prefix="$route-", suffix=".$ext")
      os.close(descriptor)
      try:
          upload.save(path)
?         $log.info("stored %d bytes", os.path.getsize(path))
          # the converter goes by the ending of the name
          return jsonify($worker(path))
      finally:
          os.unlink(path)
''',
    ),
    CodeFamily(
        name="task-spool-open-flags",
        cwe=377,
        surrounding="service",
        slots={
            "task": ("spool.day", "reports.spool", "billing.stage", "feeds.collect"),
            "function": ("spool_rows", "stage_day", "collect", "write_spool"),
            "prefix": ("ledger", "usage", "orders", "meter"),
            "day": ("day", "stamp", "period", "batch"),
        },
        template='''
  @queue.task(name="$task")
  def $function(rows, $day: date):
      """Spool rows for the uploader, which looks for this very name."""
      path = f"/var/tmp/$prefix-{$day:%Y%m%d}.csv"
-     flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
+     flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
      descriptor = os.open(path, flags, 0o600)
      with open(descriptor, "w", newline="", encoding="utf-8") as handle:
          writer = csv.writer(handle)
          writer.writerow(["id", "amount", "unit"])
          writer.writerows(rows)
?     $log.info("spooled %s", path)
?     metrics.increment("$prefix.spooled")
      return path
''',
    ),
    CodeFamily(
        name="feed-parsed-from-reused-name",
        cwe=377,
        surrounding="deserialisation",
        slots={
            "function": ("load_feed", "fetch_entries", "read_catalogue", "pull_prices"),
            "feed": ("feed", "supplier", "channel", "source"),
            "tag": ("product", "offer", "record", "price"),
            "timeout": ("10", "20", "30", "15"),
        },
        template='''
  PARSER = etree.XMLParser(resolve_entities=False, no_network=True)


  def $function($feed):
      """Fetch the XML of a configured $feed and return its ${tag} nodes as dictionaries."""
      response = requests.get($feed.url, timeout=$timeout)
      response.raise_for_status()
      with tempfile.NamedTemporaryFile(suffix=".xml") as handle:
          path = handle.name
?         # the parser wants a file for its error messages
-     Path(path).write_bytes(response.content)
-     tree = etree.parse(path, PARSER)
+         handle.write(response.content)
+         handle.flush()
+         tree = etree.parse(path, PARSER)
?     $log.info("%s: %d bytes", $feed.name, len(response.content))
      return [dict($item.attrib) for $item in tree.iter("$tag")]
''',
    ),
    CodeFamily(
        name="step-script-by-process-number",
        cwe=377,
        surrounding="subprocess",
        slots={
            "runner": ("StepRunner", "Recipe", "BuildShell", "Pipeline"),
            "run": ("run", "execute", "perform", "play"),
            "steps": ("steps", "commands", "stages", "lines"),
            "tool": ("stepper", "kiln", "forge", "brew"),
        },
        template=r'''
  class $runner:
      def __init__(self):
          self.home = Path.home() / ".$tool"
          self.home.mkdir(mode=0o700, exist_ok=True)

      def $run(self, $steps):
          """Write the trusted $steps of the recipe to a script, run it and return its exit status."""
-         script = Path("/tmp") / f"$tool-{os.getpid()}.sh"
+         script = self.home / f"$tool-{os.getpid()}.sh"
          script.write_text("\n".join(["set -e", *$steps]))
          try:
?             $log.info("%d $steps in %s", len($steps), script)
              with (self.home / "last.log").open("wb") as sink:
                  done = subprocess.run(["/bin/sh", str(script)], stdout=sink, stderr=subprocess.STDOUT)
          finally:
              script.unlink()
?         # the output of the last run is kept for the support desk
          return done.returncode
''',
    ),
]
