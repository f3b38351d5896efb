"""OS command injection: a shell reads text that a caller may extend."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="flask-probe-joined-line",
        cwe=78,
        surrounding="web",
        slots={
            "probe": ('"ping", "-c", "3"', '"traceroute", "-m", "12"', '"host", "-t", "A"', '"dig", "+short"'),
            "area": ("tools", "admin", "status", "support", "ops"),
            "view": ("reachable", "probe", "diagnose", "check_host"),
        },
        template='''
  PROBE = [$probe]


  @app.route("/$area/$view")
  def $view():
      """Probe the host named by the operator and show what the tool printed."""
      host = request.args.get("host", "localhost")
      if host.startswith("-"):
          abort(400)
?     $log.info("probing %s", host)
-     command = " ".join([*PROBE, host])
-     $result = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=20)
+     command = [*PROBE, host]
+     $result = subprocess.run(command, capture_output=True, text=True, timeout=20)
?     metrics.increment("$view.runs")
      return render_template("$view.html", host=host, lines=$result.stdout.splitlines())
''',
    ),
    CodeFamily(
        name="manifest-archive-quoting",
        cwe=78,
        surrounding="script",
        slots={
            "function": ("pack_delivery", "bundle", "archive_listed", "collect_parts"),
            "key": ("files", "documents", "members", "contents"),
            "folder": ("/srv/deliveries", "/var/spool/partner", "/data/inbound", "/home/ftp/drop"),
            "place": ("archive", "bundle_path", "tarball", "package"),
        },
        template='''
  FOLDER = "$folder"


  def $function(manifest, target):
      """Pack the files that a partner lists in the manifest of a delivery."""
      listing = json.loads(Path(manifest).read_text(encoding="utf-8"))
      $place = shlex.quote(str(target))
      for $item in listing["$key"]:
          name = Path($item).name
?         # A missing file is reported by tar and does not stop the others.
-         status = os.system(f"tar -C {FOLDER} --append --file={$place} -- {name}")
+         status = os.system(f"tar -C {FOLDER} --append --file={$place} -- {shlex.quote(name)}")
          print(name, "ok" if status == 0 else "failed")
?     $log.info("packed %d files", len(listing["$key"]))
''',
    ),
    CodeFamily(
        name="preview-pipeline-positional",
        cwe=78,
        surrounding="subprocess",
        slots={
            "function": ("make_preview", "thumbnail", "shrink_picture", "render_small"),
            "size": ("320x240", "640x480", "200x200", "128x128"),
            "uploads": ("UPLOADS", "INCOMING", "ORIGINALS", "PICTURES"),
            "previews": ("PREVIEWS", "THUMBS", "SMALL", "CACHE"),
        },
        template='''
  async def $function(original_name):
      """Make a small copy of an uploaded picture, which keeps its original name, and return the path of the copy."""
      source = $uploads / Path(original_name).name
      target = $previews / f"{uuid.uuid4().hex}.png"
?     $log.debug("shrinking %s", source)
      process = await asyncio.create_subprocess_exec(
          "bash",
          "-c",
-         f'convert "{source}" -resize $size png:- | pngquant - > "$$1"',
+         'convert "$$2" -resize $size png:- | pngquant - > "$$1"',
          "bash",
          str(target),
+         str(source),
      )
?     # pngquant ends with 99 when it cannot reach the quality; the picture is then kept as it is.
      if await process.wait() not in (0, 99):
          raise RuntimeError("no preview was made")
      return target
''',
    ),
    CodeFamily(
        name="task-maintenance-table",
        cwe=78,
        surrounding="service",
        slots={
            "unit": ("nginx", "haproxy", "postfix", "dovecot", "redis-server"),
            "function": ("run_maintenance", "service_action", "handle_action", "maintain"),
            "action": ("action", "wish", "order", "step"),
            "queue": ("maintenance", "ops", "nightly", "control"),
        },
        template='''
  COMMANDS = {
      "status": "systemctl is-active $unit",
      "reload": "systemctl reload $unit",
      "rotate": "logrotate --force /etc/logrotate.d/$unit",
  }


  @app.task(bind=True, max_retries=2, queue="$queue")
  def $function(self, $action, requested_by):
      """Carry out what a user of the dashboard asked for and report how it ended."""
?     $log.info("%s wants %s", requested_by, $action)
-     command = COMMANDS.get($action, $action)
+     command = COMMANDS.get($action, COMMANDS["status"])
      status = os.system(command)
      if status != 0 and self.request.retries < self.max_retries:
          raise self.retry(countdown=30)
?     statsd.gauge("$queue.status", status)
      return {"command": command, "status": status}
''',
    ),
    CodeFamily(
        name="line-server-name-pattern",
        cwe=78,
        surrounding="network",
        slots={
            "handler": ("LookupHandler", "AgentHandler", "NameHandler", "QueryHandler"),
            "tool": ("host -t MX", "whois", "dig +short", "getent hosts"),
            "pattern": ("NAME", "DOMAIN", "LABELS", "ACCEPTED"),
            "refusal": ("refused", "bad name", "no", "error 1"),
        },
        template=r'''
  $pattern = re.compile(r"[a-z0-9][a-z0-9.-]*")


  class $handler(socketserver.StreamRequestHandler):
      """Answers one lookup a line for the monitoring agents."""

      def handle(self):
          for line in self.rfile:
              name = line.decode("ascii", "replace").strip().lower()
-             if not $pattern.match(name):
+             if not $pattern.fullmatch(name):
                  self.wfile.write(b"$refusal\n")
                  continue
?             $log.info("%s asks for %s", self.client_address[0], name)
              with os.popen(f"$tool {name}") as pipe:
                  self.wfile.write(pipe.read().encode())
?             self.wfile.flush()
''',
    ),
    CodeFamily(
        name="django-upload-stored-name",
        cwe=78,
        surrounding="file",
        slots={
            "function": ("store_document", "receive_pdf", "add_to_index", "upload_paper"),
            "field": ("document", "paper", "attachment", "contract"),
            "root": ("INBOX", "DOCUMENTS", "LIBRARY", "PAPERS"),
            "option": ("-layout", "-raw", "-q", "-nopgbrk"),
        },
        template='''
  $root = Path("/srv/app/documents")


  @login_required
  @require_POST
  def $function(request):
      """Keep an uploaded document and extract its words for the search index."""
      upload = request.FILES["$field"]
-     stored = $root / upload.name
+     stored = $root / f"{uuid.uuid4().hex}.pdf"
      with stored.open("wb") as handle:
          for chunk in upload.chunks():
              handle.write(chunk)
?     $log.info("%s stored, %d bytes", upload.name, upload.size)
      words = stored.with_suffix(".txt")
      status = os.system(f"pdftotext $option {stored} {words}")
?     # An empty file of words is fine: scans hold pictures only.
      return JsonResponse({"name": upload.name, "indexed": status == 0})
''',
    ),
    CodeFamily(
        name="remote-dump-known-names",
        cwe=78,
        surrounding="database",
        slots={
            "class": ("RemoteDumps", "BackupFleet", "DumpSource", "Replicas"),
            "method": ("stream", "lines_of", "dump", "fetch"),
            "tool": ("pg_dump --no-owner", "mysqldump --single-transaction", "pg_dump --schema-only", "mariadb-dump"),
            "name": ("name", "database", "schema", "catalog"),
        },
        template='''
  class $class:
      """Dumps of databases on other hosts, fetched through SSH for the people who ask for them."""

      def __init__(self, clients, known):
          self.clients = clients
          self.known = known

      def $method(self, host, $name):
          """Yield the dump of one database line by line; host and $name are parts of the requested URL."""
-         if host not in self.known or not $name:
+         if host not in self.known or $name not in self.known[host]:
              raise LookupError(f"nothing to dump at {host}/{$name}")
?         $log.info("dumping %s from %s", $name, host)
          _, stdout, stderr = self.clients[host].exec_command(f"$tool {$name}")
          yield from stdout
          if stdout.channel.recv_exit_status() != 0:
              raise RuntimeError(stderr.read().decode())
''',
    ),
]
