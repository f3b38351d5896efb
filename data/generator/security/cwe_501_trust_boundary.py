"""Trust boundary violation: a caller's data lands where later code takes it for the system's own."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="django-switch-tenant",
        cwe=501,
        surrounding="web",
        slots={
            "tenant": ("tenant", "company", "school", "clinic", "branch"),
            "function": ("switch", "change", "select", "move_to"),
            "model": ("Membership", "Assignment", "Employment", "Seat"),
            "next": ("home", "dashboard", "start", "overview"),
        },
        template='''
  @login_required
  @require_POST
  def ${function}_$tenant(request):
      """Let the user work for another $tenant; the views trust what the session says."""
      current = request.session.get("$tenant", "")
      wanted = request.POST.get("$tenant", "")
?     $log.info("%s leaves %r for %r", request.user.pk, current, wanted)
-     if not $model.objects.filter(user=request.user, ${tenant}__slug=current).exists():
+     if not $model.objects.filter(user=request.user, ${tenant}__slug=wanted).exists():
          raise PermissionDenied
      request.session["$tenant"] = wanted
?     messages.info(request, "Changed.")
      return redirect("$next")
''',
    ),
    CodeFamily(
        name="gateway-identity-header",
        cwe=501,
        surrounding="network",
        slots={
            "function": ("forward", "pass_on", "relay", "proxy"),
            "header": ("X-User-Id", "X-Account", "X-Auth-Subject", "X-Principal"),
            "upstream": ("http://orders.internal/v1", "http://ledger.internal/api", "http://crm.internal/rpc"),
            "client": ("client", "upstream", "backend", "pool"),
        },
        template='''
  UPSTREAM = "$upstream"


  async def $function(request):
      """Pass a request to the inner service, which believes the header $header."""
      user = await request.app["sessions"].authenticate(request)
      headers = CIMultiDict(request.headers)
      headers.popall("Host", None)
-     headers.setdefault("$header", str(user.id))
+     headers["$header"] = str(user.id)
?     $log.info("%s %s", user.id, request.method)
      call = request.app["$client"].post(UPSTREAM, headers=headers, data=await request.read())
      async with call as inner:
          body = await inner.read()
?     $log.debug("%d bytes back", len(body))
      return web.Response(status=inner.status, body=body, content_type=inner.content_type)
''',
    ),
    CodeFamily(
        name="claims-and-request-body",
        cwe=501,
        surrounding="deserialisation",
        slots={
            "function": ("caller_context", "build_context", "identify", "context_of"),
            "audience": ("orders", "archive", "billing", "console"),
            "flag": ("admin", "staff", "auditor", "operator"),
            "key": ("arguments", "wishes", "body", "params"),
        },
        template='''
  AUDIENCE = "$audience"


  def $function(token, payload):
      """Collect what the handlers need; they rely on sub and $flag without asking again."""
      context = jwt.decode(token, PUBLIC_KEY, algorithms=["RS256"], audience=AUDIENCE)
      context.setdefault("$flag", False)
      $value = json.loads(payload or "{}")
      if not isinstance($value, dict):
          raise ValueError("an object was expected")
?     $log.debug("%s sent %d keys", context["sub"], len($value))
-     context.update($value)
+     context["$key"] = $value
?     $log.info("request of %s", context["sub"])
      return MappingProxyType(context)
''',
    ),
    CodeFamily(
        name="checkout-settings-to-environment",
        cwe=501,
        surrounding="script",
        slots={
            "function": ("run_checks", "check_style", "lint", "review"),
            "prefix": ("STYLE_", "LINT_", "CHECK_", "RULES_"),
            "file": (".stylerc", ".lintenv", "checks.env", "rules.conf"),
            "tool": ("/opt/style/bin/check", "/usr/local/bin/lint", "/srv/tools/review", "/opt/ci/rules"),
        },
        template='''
  PREFIX = "$prefix"


  def $function(checkout):
      """Read the wishes in a contributor's checkout, then run our checker over it."""
      for line in (Path(checkout) / "$file").read_text().splitlines():
          name, equals, wish = line.partition("=")
          if not equals or not name.strip().isidentifier():
?             $log.debug("skipped: %r", line)
              continue
-         os.environ[name.strip()] = wish.strip()
+         os.environ[PREFIX + name.strip()] = wish.strip()
      taken = sorted(name for name in os.environ if name.startswith(PREFIX))
      print(f"{len(taken)} wishes: {', '.join(taken)}")
?     $log.info("checking %s", checkout)
      return subprocess.run(["$tool", str(checkout)]).returncode
''',
    ),
    CodeFamily(
        name="register-stores-the-whole-form",
        cwe=501,
        surrounding="web",
        slots={
            "view": ("step", "save_page", "next_page"),
            "keys": ('("name", "city", "phone")', '("title", "size", "colour")', '("guests", "day", "wish")'),
            "key": ("verified", "discount", "role"),
        },
        template='''
  KEYS = $keys


  @bp.post("/wizard/<int:page>")
  def $view(page):
      """Keep what was filled in on a page; the last page reads it, and whether the person is `$key`."""
      session.setdefault("$key", None)
      for key, $value in request.form.items():
-         if not key.isidentifier():
+         if key not in KEYS:
              continue
          session[key] = $value[:200]
?     $log.debug("page %d: %s", page, sorted(request.form))
      session.modified = True
?     g.page = page
      return redirect(url_for(".show", page=page + 1))
''',
    ),
    CodeFamily(
        name="headers-copied-to-the-inner-call",
        cwe=501,
        surrounding="network",
        slots={
            "class": ("InnerCalls", "Bridge", "Backends"),
            "prefix": ("x-account-", "x-user-", "x-scope-"),
            "seconds": ("4", "8", "15"),
        },
        template='''
  class $class:
      """Passes requests on to services that believe every header which begins with $prefix."""

      def __init__(self, client: httpx.AsyncClient):
          self.client = client

      async def forward(self, request, account, target: str):
          facts = {"${prefix}id": str(account.id), "${prefix}role": account.role}
-         headers = {name.lower(): text for name, text in request.headers.items() if name.lower() != "host"}
-         headers = facts | headers
+         headers = {name: text for name, text in request.headers.items() if not name.lower().startswith("$prefix")}
+         headers = headers | facts
?         $log.debug("%s: %d headers", target, len(headers))
          return await self.client.request(
              request.method, target, headers=headers, content=await request.body(), timeout=$seconds
          )
''',
    ),
    CodeFamily(
        name="chat-state-of-the-client",
        cwe=501,
        surrounding="service",
        slots={
            "class": ("Chat", "Assistant", "Dialogue"),
            "field": ("history", "turns", "messages"),
            "limit": ("20", "40", "12"),
        },
        template='''
  class $class:
      """Talks with visitors; turns of the role `system` hold our orders to the model."""

      def __init__(self, model, orders: str):
          self.model = model
          self.orders = orders

      async def answer(self, body: dict) -> str:
          said = body.get("$field", [])[-$limit:]
          turns = [{"role": "system", "content": self.orders}]
          for turn in said:
-             role = turn.get("role", "user")
+             role = "assistant" if turn.get("role") == "assistant" else "user"
              turns.append({"role": role, "content": str(turn["content"])[:4000]})
?         $log.debug("%d turns", len(turns))
          return await self.model.complete(turns)
''',
    ),
    CodeFamily(
        name="message-stamped-by-its-sender",
        cwe=501,
        surrounding="queue",
        slots={
            "function": ("wrap", "envelope", "to_event", "stamp"),
            "source": ("partner", "kiosk", "device"),
            "key": ("trusted", "internal", "checked"),
        },
        template='''
  def $function(body: bytes, sender: str) -> dict:
      """Make an event for the inner queue, where `$key` means that our own staff wrote it."""
      told = json.loads(body)
      if not isinstance(told, dict):
          raise ValueError("an object is needed")
-     event = {"$key": False, "sender": sender, "source": "$source", **told}
+     event = {**told, "$key": False, "sender": sender, "source": "$source"}
?     $log.debug("event of %s", sender)
      event["size"] = len(body)
?     event.setdefault("stamp", time.time())
      return event
''',
    ),
]
