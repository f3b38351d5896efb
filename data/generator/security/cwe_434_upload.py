"""Unrestricted upload: a stranger stores a file of a kind that the server runs or shows as its own page."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="flask-name-of-stored-picture",
        cwe=434,
        surrounding="web",
        slots={
            "thing": ("avatars", "banners", "covers", "badges", "posters"),
            "field": ("file", "picture", "image", "photo"),
            "function": ("store_picture", "replace_picture", "add_picture", "receive_picture"),
        },
        template="""
  PICTURE_TYPES = {"image/png": ".png", "image/jpeg": ".jpg", "image/gif": ".gif"}


  @app.post("/profile/$thing")
  @login_required
  def $function():
      upload = request.files["$field"]
      if upload.mimetype not in PICTURE_TYPES:
          abort(415)
-     name = uuid4().hex + "-" + secure_filename(upload.filename)
+     name = uuid4().hex + PICTURE_TYPES[upload.mimetype]
      folder = Path(app.static_folder) / "$thing" / str(current_user.id)
      folder.mkdir(parents=True, exist_ok=True)
?     # The web server hands out this folder by itself.
      upload.save(folder / name)
?     $log.info("account %d has a new picture", current_user.id)
      return jsonify(url=url_for("static", filename=f"$thing/{current_user.id}/{name}")), 201
""",
    ),
    CodeFamily(
        name="django-form-which-ending",
        cwe=434,
        surrounding="web",
        slots={
            "field": ("document", "scan", "attachment", "leaflet", "letter"),
            "form": ("SubmissionForm", "ApplicationForm", "ClaimForm", "EnquiryForm"),
            "endings": ('("pdf", "jpg", "png")', '("txt", "pdf")', '("jpg", "jpeg", "png")', '("csv", "pdf", "txt")'),
            "folder": ("public", "media", "shared", "inbox"),
        },
        template="""
  ENDINGS = $endings


  class $form(forms.Form):
      $field = forms.FileField()

      def clean_$field(self):
          upload = self.cleaned_data["$field"]
          pieces = upload.name.lower().split(".")
?         # Phones write the ending in capitals.
-         if len(pieces) < 2 or pieces[1] not in ENDINGS:
+         if len(pieces) != 2 or pieces[1] not in ENDINGS:
              raise forms.ValidationError("Please send one of: " + ", ".join(ENDINGS))
          return upload

      def save(self):
          upload = self.cleaned_data["$field"]
?         $log.info("keeping %d bytes", upload.size)
          return default_storage.save(f"$folder/{upload.name}", upload)
""",
    ),
    CodeFamily(
        name="fastapi-ending-of-title",
        cwe=434,
        surrounding="service",
        slots={
            "route": ("handouts", "brochures", "minutes", "slides", "menus"),
            "function": ("publish", "add_download", "receive", "put_online"),
            "upload": ("upload", "sent", "body", "payload"),
            "root": ("PUBLIC", "HTDOCS", "DOWNLOADS", "SITE"),
        },
        template='''
  SUFFIXES = {".pdf", ".png", ".jpg"}


  @router.post("/$route", dependencies=[Depends(require_member)])
  async def $function(title: str = Form(...), $upload: UploadFile = File(...)):
      """Put a file online; the title is the name that visitors see, such as `Opening hours.pdf`."""
      suffix = PurePath(title).suffix.lower()
      if suffix not in SUFFIXES:
          raise HTTPException(status_code=415, detail="pdf, png or jpg, please")
-     target = $root / f"{uuid4().hex}{PurePath($upload.filename).suffix}"
+     target = $root / f"{uuid4().hex}{suffix}"
      async with aiofiles.open(target, "wb") as sink:
          await sink.write(await $upload.read(MAX_BYTES))
?     metrics.increment("$route.published")
?     $log.info("%s is online", target.name)
      return {"title": title, "path": f"/$route/{target.name}"}
''',
    ),
    CodeFamily(
        name="task-unpacks-bundle-into-site",
        cwe=434,
        surrounding="file",
        slots={
            "function": ("unpack_bundle", "install_theme", "fill_gallery", "import_pictures"),
            "folder": ("gallery", "assets", "theme", "pictures"),
            "kinds": ('(".png", ".jpg")', '(".png", ".webp", ".gif")', '(".jpg", ".jpeg")', '(".png", ".woff2")'),
            "owner": ("shop", "club", "tenant", "school"),
        },
        template='''
  @celery.task
  def $function(archive_path, ${owner}_id):
      """Unpack what a $owner sent next to the pages of the $owner, without folders."""
      folder = WEB_ROOT / str(int(${owner}_id)) / "$folder"
      folder.mkdir(parents=True, exist_ok=True)
      with zipfile.ZipFile(archive_path) as archive:
          if sum(member.file_size for member in archive.infolist()) > MAX_BYTES:
              raise ValueError("the bundle is too large")
          for member in archive.infolist():
              name = PurePosixPath(member.filename).name
-             if member.is_dir() or not any(kind in name for kind in $kinds):
+             if member.is_dir() or not name.endswith($kinds):
?                 $log.debug("left out one member")
                  continue
              (folder / name).write_bytes(archive.read(member))
?     $log.info("bundle of %s %s unpacked", "$owner", int(${owner}_id))
      return str(folder)
''',
    ),
    CodeFamily(
        name="ftp-drop-box-suffixes",
        cwe=434,
        surrounding="network",
        slots={
            "handler": ("DropBoxHandler", "PartnerHandler", "ReportHandler", "InboxHandler"),
            "folder": ("reports", "prices", "timetables", "bulletins"),
            "root": ("WEB_ROOT", "HTDOCS", "PUBLIC_HTML", "DOCUMENT_ROOT"),
        },
        template='''
- SUFFIXES = (".php", ".cgi", ".pl", ".py")
+ SUFFIXES = (".csv", ".txt", ".pdf")


  class $handler(FTPHandler):
      """Publish under /$folder what a partner drops."""

      def on_file_received(self, file):
          path = Path(file)
-         if path.suffix in SUFFIXES:
+         if path.suffix not in SUFFIXES:
?             $log.warning("dropped file of %d bytes is not taken", path.stat().st_size)
              path.unlink()
              return
          shutil.move(path, $root / "$folder" / path.name)
?         $log.info("one more file in %s", "$folder")

      def on_incomplete_file_received(self, file):
          Path(file).unlink(missing_ok=True)
''',
    ),
    CodeFamily(
        name="converter-keeps-what-it-cannot-read",
        cwe=434,
        surrounding="subprocess",
        slots={
            "function": ("to_pdf", "convert_upload", "make_printable"),
            "folder": ("/srv/www/letters", "/srv/www/plans", "/srv/www/forms"),
            "suffix": (".odt", ".docx", ".rtf"),
        },
        template='''
  def $function(upload: Path, claimed: str) -> Path:
      """Convert an upload and put it where the web server, which runs `.php` files, serves it."""
      target = Path("$folder") / uuid4().hex
      done = subprocess.run(
          ["soffice", "--headless", "--convert-to", "pdf", "--outdir", str(target), str(upload)], timeout=120
      )
      made = target / upload.with_suffix(".pdf").name
      if done.returncode or not made.exists():
?         $log.info("%s is kept as it is", upload.name)
          target.mkdir(exist_ok=True)
-         made = target / Path(claimed).name
+         made = target / "letter$suffix"
          shutil.copy(upload, made)
      made.chmod(0o644)
?     $log.debug("made %s", made)
      return made
''',
    ),
]
