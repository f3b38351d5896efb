"""Missing authentication: a critical function runs for anybody who asks."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="flask-delete-decorator-order",
        cwe=306,
        surrounding="web",
        slots={
            "area": ("admin", "office", "backstage", "manage"),
            "thing": ("account", "invoice", "project", "contract"),
            "function": ("remove", "delete_for_good", "purge_one", "drop_row"),
        },
        template='''
- @login_required
  @app.route("/$area/$thing/<int:number>", methods=["DELETE"])
+ @login_required
  def $function(number):
      """Remove one $thing and what hangs on it."""
      row = db.get_or_404(MODELS["$thing"], number)
?     $log.info("removing %s", number)
      db.session.delete(row)
      db.session.commit()
?     # There is no bin: the nightly dump is the only copy.
      response = make_response("", 204)
      response.headers["Cache-Control"] = "no-store"
      return response
''',
    ),
    CodeFamily(
        name="fastapi-optional-key",
        cwe=306,
        surrounding="service",
        slots={
            "job": ("purge", "suspend", "reset", "rotate_keys"),
            "tenant": ("tenant", "customer", "workspace", "project"),
            "header": ("X-Api-Key", "X-Admin-Key", "X-Service-Key", "X-Control"),
        },
        template='''
  api_key = APIKeyHeader(name="$header", auto_error=False)


  @router.post("/{$tenant}/$job", status_code=202)
  async def $job($tenant: str, key: str | None = Security(api_key)):
      """Queue a job that changes everything a $tenant has."""
      expected = settings.control_key.get_secret_value().encode()
-     if key is not None and not secrets.compare_digest(key.encode(), expected):
+     if key is None or not secrets.compare_digest(key.encode(), expected):
          raise HTTPException(status_code=403, detail="wrong key")
?     $log.info("$job queued for %s", $tenant)
      job = await jobs.enqueue("$job", $tenant)
?     # The caller polls the job by its number.
      return {"job": job.id}
''',
    ),
    CodeFamily(
        name="control-socket-verbs",
        cwe=306,
        surrounding="network",
        slots={
            "class": ("ControlHandler", "ConsoleHandler", "ManageHandler", "CommandHandler"),
            "verb": ("DROP", "WIPE", "RELOAD", "FAILOVER"),
            "method": ("drop", "apply", "execute", "carry_out"),
            "known": ("known", "trusted", "proven", "logged_in"),
        },
        template=r'''
  class $class(socketserver.StreamRequestHandler):
      """The control port: AUTH with the token, STATUS for everybody, $verb for the operator."""

      def handle(self):
          $known = False
          for line in self.rfile:
              verb, _, rest = line.strip().partition(b" ")
              if verb == b"AUTH":
                  $known = hmac.compare_digest(rest, self.server.token)
              elif verb == b"STATUS":
                  self.wfile.write(self.server.status())
-             elif verb == b"$verb":
+             elif verb == b"$verb" and $known:
                  self.server.$method(rest.decode())
?                 $log.info("$verb from %s", self.client_address[0])
                  self.wfile.write(b"done\n")
              else:
                  self.wfile.write(b"no, known: %d\n" % $known)
''',
    ),
    CodeFamily(
        name="aiohttp-open-paths",
        cwe=306,
        surrounding="file",
        slots={
            "public": ("PUBLIC", "OPEN_PATHS", "WITHOUT_LOGIN", "FREE"),
            "probe": ("health", "ready", "ping", "version"),
            "route": ("dump", "backup", "export/all", "snapshot"),
            "function": ("newest_dump", "download", "send_backup", "give_snapshot"),
        },
        template='''
- $public = frozenset({"/login", "/$probe", "/$route"})
+ $public = frozenset({"/login", "/$probe"})


  @web.middleware
  async def sessions(request, handler):
      session = await get_session(request)
      if request.path not in $public and "user" not in session:
          raise web.HTTPUnauthorized()
      return await handler(request)


  @routes.get("/$route")
  async def $function(request):
      """Send the newest dump of the whole database."""
      newest = max(DUMPS.glob("*.sql.gz"), key=lambda path: path.stat().st_mtime)
?     $log.info("%s goes to %s", newest.name, request.remote)
      return web.FileResponse(newest)
''',
    ),
    CodeFamily(
        name="installer-ticket-and-owner",
        cwe=306,
        surrounding="database",
        slots={
            "route": ("setup", "install", "first-run", "claim"),
            "function": ("claim_instance", "install", "create_owner", "finish_setup"),
            "table": ("owners", "admins", "keepers", "masters"),
            "taken": ("taken", "owned", "claimed", "present"),
        },
        template='''
  TICKET = os.environ["SETUP_TICKET"].encode()


  @route("/$route", method="POST")
  def $function():
      """Make the account that rules this instance, from the form of the installer."""
      form = request.forms
      $taken = connection.execute("SELECT count(*) FROM $table").fetchone()[0] > 0
      fits = hmac.compare_digest(form.get("ticket", "").encode(), TICKET)
-     if not $taken and not fits:
+     if $taken or not fits:
?         $log.warning("setup refused for %s", request.remote_addr)
          abort(403)
      hashed = argon2.hash(form.get("password"))
      connection.execute("INSERT INTO $table (name, password) VALUES (?, ?)", (form.get("name"), hashed))
?     connection.commit()
      redirect("/login")
''',
    ),
    CodeFamily(
        name="notebook-server-token",
        cwe=306,
        surrounding="subprocess",
        slots={
            "function": ("start_notebook", "launch_lab", "serve_class", "open_workspace"),
            "port": ("port", "lab_port", "number", "listen_on"),
            "folder": ("workspace", "folder", "course_dir", "home"),
            "log_file": ("notebook.log", "lab.log", "server.log", "jupyter.log"),
        },
        template='''
  def $function($port, $folder):
      """Start a notebook server that the class reaches over the network and return its process."""
      command = [
          "jupyter",
          "lab",
          "--no-browser",
          "--ip=0.0.0.0",
          f"--port={$port}",
          f"--ServerApp.root_dir={$folder}",
-         "--IdentityProvider.token=",
?         "--ServerApp.shutdown_no_activity_timeout=7200",
      ]
?     $log.info("starting on port %s", $port)
      with (Path($folder) / "$log_file").open("ab") as sink:
          return subprocess.Popen(command, stdout=sink, stderr=subprocess.STDOUT)
''',
    ),
    CodeFamily(
        name="channels-console-guest",
        cwe=306,
        surrounding="web",
        slots={
            "class": ("DeviceConsole", "MachineConsumer", "PlantConsole", "OperatorSocket"),
            "group": ("device", "machine", "valve", "drive"),
            "handler": ("device.command", "plant.order", "control.message", "operator.step"),
            "field": ("command", "order", "setting", "action"),
        },
        template='''
  class $class(AsyncJsonWebsocketConsumer):
      """Lets an operator steer the $group whose name is in the URL."""

      async def connect(self):
          self.target = self.scope["url_route"]["kwargs"]["$group"]
          if self.scope["user"].is_anonymous:
-             $log.info("console of %s opened by a guest", self.target)
+             await self.close(code=4401)
+             return
          await self.accept()
?         await self.channel_layer.group_add("consoles", self.channel_name)

      async def receive_json(self, content, **kwargs):
          event = {"type": "$handler", "$field": content["$field"]}
?         # Numbers outside of the range are cut off by the $group itself.
          await self.channel_layer.group_send(f"$group.{self.target}", event)
''',
    ),
]
