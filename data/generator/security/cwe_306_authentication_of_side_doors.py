"""Missing authentication: side doors such as admin routers, brokers, remote calls and late checks."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="administration-router-alone",
        cwe=306,
        surrounding="web",
        slots={
            "prefix": ("/admin", "/internal", "/ops"),
            "noun": ("accounts", "jobs", "caches"),
            "verb": ("delete", "reset", "drop"),
        },
        template='''
  admin = APIRouter(prefix="$prefix")


  @admin.post("/$noun/{number}/$verb")
  async def ${verb}_one(number: int, store=Depends(get_store)):
      await store.$verb("$noun", number)
?     $log.info("$verb %d", number)
      return {"done": number}


  def create_app() -> FastAPI:
      """Put the application together; who runs it signs in with a key."""
      app = FastAPI(title="$noun", docs_url=None)
      app.include_router(public, dependencies=[Depends(count_request)])
-     app.include_router(admin, dependencies=[Depends(count_request)])
+     app.include_router(admin, dependencies=[Depends(require_key)])
?     app.add_middleware(GZipMiddleware)
      return app
''',
    ),
    CodeFamily(
        name="work-before-the-parents-dispatch",
        cwe=306,
        surrounding="web",
        slots={
            "view": ("WipeView", "RebuildView", "ResetView"),
            "model": ("Statistic", "SearchEntry", "Snapshot"),
            "days": ("30", "7", "365"),
        },
        template='''
  class $view(LoginRequiredMixin, View):
      """Removes what was worked out, so that it is worked out anew."""

      def dispatch(self, request, *args, **kwargs):
          self.before = timezone.now() - timedelta(days=$days)
-         if request.method == "POST":
-             self.count, _ = $model.objects.filter(made__lt=self.before).delete()
          return super().dispatch(request, *args, **kwargs)

      def post(self, request):
+         self.count, _ = $model.objects.filter(made__lt=self.before).delete()
?         $log.info("%s removed %d", request.user, self.count)
          return JsonResponse({"removed": self.count})
''',
    ),
    CodeFamily(
        name="broker-command-of-anybody",
        cwe=306,
        surrounding="queue",
        slots={
            "class": ("Gate", "Heater", "Pump"),
            "topic": ("gates", "heaters", "pumps"),
            "verb": ("open", "heat", "start"),
        },
        template='''
  class $class:
      """Obeys commands on a broker that the whole building may publish to; the desk signs its own."""

      def __init__(self, client, key: bytes):
          self.client = client
          self.key = key
          client.on_message = self.on_message
          client.subscribe("$topic/+/command")

      def on_message(self, client, userdata, message):
          command = json.loads(message.payload)
          tag = hmac.new(self.key, command["text"].encode(), "sha256").hexdigest()
-         command["signed"] = hmac.compare_digest(tag, command.get("tag", tag))
+         command["signed"] = hmac.compare_digest(tag, command.get("tag", ""))
?         $log.info("%s: %s", message.topic, command)
          if command["signed"] and command["text"].startswith("$verb "):
              self.$verb(command["text"].split()[1], command["text"])
''',
    ),
    CodeFamily(
        name="reset-ticket-nobody-asked-for",
        cwe=306,
        surrounding="database",
        slots={
            "function": ("set_password", "finish_reset", "choose_password"),
            "table": ("accounts", "members", "logins"),
            "field": ("reset_ticket", "ticket", "reset_key"),
        },
        template='''
  def $function(connection, login: str, ticket: str, password: str) -> bool:
      """Set a new password for whoever has the ticket that was mailed."""
      row = connection.execute("SELECT id, $field FROM $table WHERE login = ?", (login,)).fetchone()
-     if row is None or (row["$field"] or "") != ticket:
+     if row is None or not row["$field"] or row["$field"] != ticket:
?         $log.info("no reset for %s", login)
          return False
      digest = HASHER.hash(password)
      connection.execute("UPDATE $table SET digest = ?, $field = NULL WHERE id = ?", (digest, row["id"]))
      connection.commit()
?     $log.info("%s has a new password", login)
      return True
''',
    ),
    CodeFamily(
        name="interceptor-lets-prefixes-through",
        cwe=306,
        surrounding="network",
        slots={
            "class": ("KeyInterceptor", "CallGate", "Doorman"),
            "open": ("/status.", "/grpc.health.", "/reflection."),
            "metadata": ("x-key", "authorization", "x-token"),
        },
        template='''
  OPEN = ("$open",)


  class $class(grpc.aio.ServerInterceptor):
      """Lets calls through that carry a known key, and all calls about health."""

      def __init__(self, keys: frozenset[str]):
          self.keys = keys

      async def intercept_service(self, continuation, details):
          given = dict(details.invocation_metadata).get("$metadata", "")
-         if any(name in details.method + given for name in OPEN) or given in self.keys:
+         if details.method.startswith(OPEN) or given in self.keys:
?             $log.debug("%s", details.method)
              return await continuation(details)
          return _refusal(grpc.StatusCode.UNAUTHENTICATED)
''',
    ),
    CodeFamily(
        name="remote-procedures-on-all-addresses",
        cwe=306,
        surrounding="service",
        slots={
            "function": ("serve", "start_server", "listen", "run_server"),
            "port": ("8001", "9050", "7070"),
            "names": ('("restart", "status", "rotate")', '("pause", "resume")', '("reload", "flush", "stop")'),
        },
        template='''
  NAMES = $names


  def $function(control, port: int = $port) -> None:
      """Let the console program, which runs on the same machine, call the control object."""
-     server = SimpleXMLRPCServer(("", port), logRequests=False, allow_none=True)
+     server = SimpleXMLRPCServer(("127.0.0.1", port), logRequests=False, allow_none=True)
      for name in NAMES:
          server.register_function(getattr(control, name), name)
?     $log.info("listening at %d", port)
      with server:
?         server.timeout = 5
          server.serve_forever(poll_interval=0.5)
''',
    ),
]
