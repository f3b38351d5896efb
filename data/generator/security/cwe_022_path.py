"""Path traversal: a file is named by a path that may lead out of its folder."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="flask-check-before-resolve",
        cwe=22,
        surrounding="web",
        slots={
            "folder": ("reports", "manuals", "invoices", "minutes", "drawings"),
            "view": ("download", "fetch", "show_file", "read_one"),
            "param": ("file", "name", "path", "document"),
        },
        template='''
  ROOT = Path("/srv/portal/$folder").resolve()


  @app.get("/$folder/$view")
  def ${view}_$folder():
      """Send one stored file to the browser."""
      $value = request.args.get("$param", "")
-     target = ROOT / $value
+     target = (ROOT / $value).resolve()
?     $log.info("asked for %s", target)
      if not target.is_relative_to(ROOT) or not target.is_file():
          abort(404)
?     # The browser decides whether it shows or saves the file.
      return send_file(target, conditional=True)
''',
    ),
    CodeFamily(
        name="django-base-name-only-for-show",
        cwe=22,
        surrounding="web",
        slots={
            "view": ("HandoutView", "StatementDownload", "ProtocolView", "AttachmentView", "LeafletDownload"),
            "folder": ("handouts", "statements", "protocols", "shared", "archive"),
            "param": ("name", "doc", "file", "which"),
            "suffix": (".pdf", ".csv", ".log", ".xml", ".txt"),
        },
        template='''
  class $view(LoginRequiredMixin, View):
      """Hand out what the office has put into the shared folder."""

      folder = Path(settings.MEDIA_ROOT) / "$folder"

      def get(self, request):
          $value = request.GET.get("$param", "")
          name = os.path.basename($value)
?         $log.info("%s wants %s", request.user, name)
          if not name.endswith("$suffix"):
              raise Http404
-         path = self.folder / $value
+         path = self.folder / name
          if not path.is_file():
              raise Http404("no such file")
?         DOWNLOADS.labels("$folder").inc()
          return FileResponse(path.open("rb"), as_attachment=True, filename=name)
''',
    ),
    CodeFamily(
        name="tar-members-of-a-customer",
        cwe=22,
        surrounding="file",
        slots={
            "task": ("unpack_bundle", "import_archive", "take_delivery", "open_parcel", "restore_upload"),
            "prefix": ("bundle", "delivery", "import", "parcel", "restore"),
            "wanted": ("wanted", "chosen", "accepted", "members"),
            "limit": ("2000", "5000", "800", "10000"),
        },
        template='''
  @shared_task(bind=True, max_retries=2)
  def $task(self, archive_path):
      """Unpack the archive that a customer has sent and return where it lies."""
      destination = tempfile.mkdtemp(prefix="$prefix-")
      $wanted = []
      with tarfile.open(archive_path) as archive:
          for member in archive:
              name = PurePosixPath(member.name)
-             if member.isfile() and not name.is_absolute():
+             if member.isfile() and not name.is_absolute() and ".." not in name.parts:
                  $wanted.append(member)
?             # Folders come into being together with their files.
          if len($wanted) > $limit:
              raise ValueError("too many files for one delivery")
?         $log.info("%s: %d files", archive_path, len($wanted))
          archive.extractall(destination, members=$wanted, filter="fully_trusted")
      return destination
''',
    ),
    CodeFamily(
        name="zip-written-by-hand",
        cwe=22,
        surrounding="script",
        slots={
            "command": ("unpack", "extract_photos", "receive", "import_scans", "inflate"),
            "noun": ("parcel", "shipment", "dossier", "scan", "collection"),
            "folder": ("inbox", "incoming", "pictures", "unsorted"),
            "suffixes": ('(".jpg", ".png")', '(".pdf", ".tif")', '(".csv", ".json")', '(".xml", ".txt", ".md")'),
        },
        template='''
  @click.command()
  @click.argument("archive", type=click.Path(exists=True, dir_okay=False))
  @click.option("--into", default="$folder", show_default=True, help="Folder for the files.")
  def $command(archive, into):
      """Unpack a $noun that somebody has mailed to us."""
      with zipfile.ZipFile(archive) as bundle:
          for $item in bundle.infolist():
              if $item.is_dir() or not $item.filename.lower().endswith($suffixes):
                  continue
?             click.echo(f"{$item.filename}: {$item.file_size} bytes")
-             target = os.path.join(into, $item.filename)
-             os.makedirs(os.path.dirname(target), exist_ok=True)
-             with open(target, "wb") as sink:
-                 sink.write(bundle.read($item))
+             bundle.extract($item, into)
?     click.echo("done")
''',
    ),
    CodeFamily(
        name="fastapi-upload-keeps-its-name",
        cwe=22,
        surrounding="web",
        slots={
            "route": ("members", "pets", "boats", "houses", "players"),
            "noun": ("picture", "badge", "portrait", "logo", "cover"),
            "verb": ("store", "replace", "upload", "put"),
            "suffixes": ('{".png", ".jpg"}', '{".jpeg", ".jpg", ".gif"}', '{".webp", ".png"}', '{".bmp", ".png"}'),
        },
        template='''
  @router.post("/$route/{owner}/$noun")
  async def ${verb}_$noun(owner: int, upload: UploadFile):
      """Keep the $noun that somebody has chosen."""
      folder = STORE / str(owner)
      folder.mkdir(parents=True, exist_ok=True)
      suffix = Path(upload.filename or "").suffix.lower()
      if suffix not in $suffixes:
          raise HTTPException(415, "this kind of file is not supported")
?     $log.info("new $noun for %d: %s", owner, upload.content_type)
-     target = folder / upload.filename
+     target = folder / f"{uuid4().hex}{suffix}"
      target.write_bytes(await upload.read(MAX_BYTES))
?     UPLOADS.inc()
      return {"stored": target.name, "bytes": target.stat().st_size}
''',
    ),
    CodeFamily(
        name="socket-normalised-request-line",
        cwe=22,
        surrounding="network",
        slots={
            "handler": ("MenuHandler", "SpoolHandler", "FirmwareHandler", "GopherHandler", "MirrorHandler"),
            "root": ("/var/spool/menu", "/srv/firmware", "/srv/gopher", "/var/lib/mirror", "/opt/share"),
            "missing": ('b"missing"', 'b"not here"', 'b"3 nothing found"', 'b"?"'),
        },
        template='''
  class $handler(socketserver.StreamRequestHandler):
      """Reads one line, the selector, and answers with the file of that name."""

      root = "$root"
      timeout = 10

      def handle(self):
          $value = self.rfile.readline(1024).decode("utf-8", "replace").strip()
-         selector = posixpath.normpath($value).lstrip("/")
+         selector = posixpath.normpath("/" + $value).lstrip("/")
?         $log.debug("%s asks for %s", self.client_address[0], selector)
          path = os.path.join(self.root, selector)
          if not os.path.isfile(path):
              self.wfile.write($missing)
              return
?         # Files are small here, one read is enough.
          with open(path, "rb") as source:
              self.wfile.write(source.read())
''',
    ),
]
