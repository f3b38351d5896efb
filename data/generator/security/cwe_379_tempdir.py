"""Temporary file in a directory with wrong permissions: others can list, read or replace what is put there."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="sqlite-merge-folder-mode",
        cwe=379,
        surrounding="database",
        slots={
            "function": ("merge_exports", "total_by_account", "combine", "sum_exports"),
            "workdir": ("workdir", "staging", "scratch", "workspace"),
            "name": ("merge", "totals", "combined", "interim"),
            "key": ("account", "patient", "employee", "customer"),
        },
        template='''
  def $function(sources, $workdir: Path):
      """Total the exports per $key with the help of an on-disk table."""
-     $workdir.mkdir(mode=0o777)
+     $workdir.mkdir(mode=0o700)
      try:
          with contextlib.closing(sqlite3.connect($workdir / "$name.db")) as connection:
              connection.execute("CREATE TABLE lines ($key TEXT, amount REAL)")
              for source in sources:
?                 $log.info("reading %s", source)
                  with open(source, newline="") as handle:
                      connection.executemany("INSERT INTO lines VALUES (?, ?)", csv.reader(handle))
?             connection.commit()
              return connection.execute("SELECT $key, SUM(amount) FROM lines GROUP BY $key").fetchall()
      finally:
          shutil.rmtree($workdir)
''',
    ),
    CodeFamily(
        name="staged-uploads-opened-up",
        cwe=379,
        surrounding="service",
        slots={
            "function": ("stage", "lay_out", "prepare_job", "hand_over"),
            "prefix": ("job", "stage", "render", "intake"),
            "uploads": ("uploads", "documents", "files", "scans"),
            "queue": ("queue", "pool", "workers", "backlog"),
        },
        template='''
  def $function($queue, $uploads, priority=5):
      """Lay the $uploads out for a worker process of this account and queue the job."""
      folder = Path(tempfile.mkdtemp(prefix="$prefix-"))
-     folder.chmod(0o755)
      names = []
      for number, upload in enumerate($uploads):
          target = folder / f"{number:04d}.bin"
          target.write_bytes(upload.read())
?         $log.debug("%s holds %s", target, upload.filename)
          target.chmod(0o644)
          names.append(target.name)
      (folder / "manifest.json").write_text(json.dumps(names))
?     metrics.histogram("$prefix.files", len(names))
      $queue.put(priority, str(folder))
      return folder
''',
    ),
    CodeFamily(
        name="statement-under-static-folder",
        cwe=379,
        surrounding="web",
        slots={
            "route": ("statement", "payslip", "history", "extract"),
            "columns": ('["day", "amount"]', '["date", "text", "sum"]', '["month", "total"]', '["when", "what"]'),
            "mailer": ("mailer", "post", "outbound", "courier"),
            "load": ("rows_of", "load_rows", "entries_of", "collect_rows"),
        },
        template='''
  @app.post("/$route")
  @login_required
  def send_$route():
      """Mail the signed-in person a CSV file; it is on disk only while the message is built."""
-     folder = Path(current_app.static_folder) / "tmp"
+     folder = Path(current_app.instance_path) / "tmp"
      folder.mkdir(mode=0o700, exist_ok=True)
      path = folder / f"$route-{current_user.id}.csv"
      try:
          with path.open("w", newline="", encoding="utf-8") as handle:
              writer = csv.writer(handle)
              writer.writerow($columns)
              writer.writerows($load(current_user.id))
?         $log.info("$route of %s built", current_user.id)
          $mailer.send(current_user.email, attachment=path)
      finally:
          path.unlink(missing_ok=True)
?     flash("The message is on its way.")
      return redirect(url_for("home"))
''',
    ),
    CodeFamily(
        name="archive-unpacked-under-umask",
        cwe=379,
        surrounding="file",
        slots={
            "function": ("unpack", "restore_into", "open_archive", "expand"),
            "parent": ("parent", "data_root", "store", "base"),
            "suffix": ("partial", "incoming", "unpacking", "wip"),
            "check": ("check_manifest", "verify_layout", "validate_tree", "compare_sums"),
        },
        template='''
  def $function(archive: Path, $parent: Path) -> Path:
      """Unpack a customer archive into a working folder, check it there, then move it in place."""
-     previous = os.umask(0o000)
+     previous = os.umask(0o077)
      try:
          working = $parent / f"{archive.stem}.$suffix"
          working.mkdir()
          with tarfile.open(archive) as tar:
?             $log.info("unpacking %s", archive.name)
              tar.extractall(working, filter="data")
      finally:
          os.umask(previous)
      $check(working)
?     # a rename within one file system is atomic
      return working.rename($parent / archive.stem)
''',
    ),
    CodeFamily(
        name="stream-spool-checks-owner",
        cwe=379,
        surrounding="network",
        slots={
            "function": ("spool", "receive", "save_stream", "take_in"),
            "folder": ("folder", "spool_dir", "landing", "inbox"),
            "size": ("65536", "32768", "131072", "16384"),
            "suffix": (".part", ".chunk", ".rx", ".in"),
        },
        template='''
  async def $function(reader: asyncio.StreamReader, $folder: Path) -> str:
      """Spool an incoming stream to disk; the place must belong to us alone."""
      descriptor, path = tempfile.mkstemp(dir=$folder, suffix="$suffix")
-     info = os.fstat(descriptor)
+     info = os.stat($folder)
      with open(descriptor, "wb") as handle:
          if info.st_uid != os.getuid() or info.st_mode & 0o077:
?             $log.error("refusing to write below %s", $folder)
              os.unlink(path)
              raise PermissionError(f"{$folder} is open to others")
          while chunk := await reader.read($size):
              handle.write(chunk)
?     $log.debug("stream ended")
      return path
''',
    ),
    CodeFamily(
        name="throw-away-keyring-folder",
        cwe=379,
        surrounding="subprocess",
        slots={
            "function": ("signature_ok", "verify_bundle", "check_release", "is_signed"),
            "prefix": ("gpg", "keyring", "verify", "trust"),
            "bundle": ("bundle", "release", "package", "download"),
            "ending": (".asc", ".sig", ".sign", ".gpg"),
        },
        template='''
  def $function($bundle: Path, keyring: Path) -> bool:
      """Check a detached signature with a key ring made for the occasion."""
      home = Path("/tmp") / f"$prefix-{$bundle.stem}"
-     home.mkdir(mode=0o700, exist_ok=True)
+     home.mkdir(mode=0o700, exist_ok=False)
      gpg = ["gpg", "--batch", "--homedir", str(home)]
      try:
          subprocess.run([*gpg, "--import", str(keyring)], check=True)
?         $log.info("checking %s", $bundle.name)
          signature = $bundle.with_name($bundle.name + "$ending")
          done = subprocess.run([*gpg, "--verify", str(signature), str($bundle)])
          return done.returncode == 0
      finally:
?         # agents may still hold a socket there
          shutil.rmtree(home, ignore_errors=True)
''',
    ),
    CodeFamily(
        name="chunks-of-an-upload-in-a-shared-folder",
        cwe=379,
        surrounding="job",
        slots={
            "class": ("ChunkStore", "PartStore", "Assembler"),
            "name": ("chunks", "parts", "pieces"),
            "limit": ("500", "2000", "10000"),
        },
        template='''
  class $class:
      """Puts the chunks of an upload together; on this host other people's programs run as well."""

      def __init__(self):
-         self.folder = Path(tempfile.gettempdir()) / "$name"
-         self.folder.mkdir(mode=0o777, exist_ok=True)
+         self.folder = Path(tempfile.mkdtemp(prefix="$name-"))
+         self.folder.chmod(0o700)

      def add(self, number: int, body: bytes) -> None:
          if not 0 <= number < $limit:
              raise ValueError(number)
?         $log.debug("chunk %d", number)
          (self.folder / f"{number:05d}").write_bytes(body)

      def whole(self) -> bytes:
          return b"".join(path.read_bytes() for path in sorted(self.folder.iterdir()))
''',
    ),
]
