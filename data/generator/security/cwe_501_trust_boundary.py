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
]
