"""Open redirect: a link to a known site carries the visitor to any other."""

from data.generator.family import CodeFamily

FAMILIES = [
    CodeFamily(
        name="flask-login-return",
        cwe=601,
        surrounding="web",
        slots={
            "view": ("login", "sign_in", "enter", "log_on"),
            "parameter": ("next", "return_to", "back", "continue"),
            "target": ("target", "destination", "goal", "place"),
            "home": ("index", "home", "dashboard", "start"),
        },
        template='''
  @app.post("/$view")
  def $view():
      """Sign in, then go back to the page that asked for it."""
      user = User.authenticate(request.form["name"], request.form["password"])
      if user is None:
          return render_template("$view.html"), 401
      login_user(user)
      $target = urljoin(request.host_url, request.args.get("$parameter", ""))
-     if not $target.startswith(request.host_url.rstrip("/")):
+     if urlsplit($target).netloc != request.host:
?         $log.info("not one of our pages: %r", $target)
          $target = url_for("$home")
?     session.permanent = True
      return redirect($target)
''',
    ),
    CodeFamily(
        name="django-language-partner-hosts",
        cwe=601,
        surrounding="template",
        slots={
            "function": ("set_language", "change_theme", "accept_terms", "dismiss_banner"),
            "cookie": ("lang", "theme", "terms", "banner"),
            "parameter": ("next", "from", "back_to", "origin"),
            "hosts": ("PARTNER_HOSTS", "OUR_HOSTS", "SHOP_HOSTS", "SITE_HOSTS"),
        },
        template='''
  def $function(request):
      """Store a choice made in the page footer, which all our sites include, and go back there."""
      site = request.GET.get("site", "")
      target = request.GET.get("$parameter", "/")
      hosts = {request.get_host(), *settings.$hosts}
-     hosts.add(site)
?     $log.debug("%r from %r", target, site)
      if not url_has_allowed_host_and_scheme(target, allowed_hosts=hosts, require_https=True):
          return render(request, "footer/done.html", {"site": site})
      response = HttpResponseRedirect(target)
      response.set_cookie("$cookie", request.GET.get("choice", "")[:16], secure=True, samesite="Lax")
?     response["Cache-Control"] = "no-store"
      return response
''',
    ),
    CodeFamily(
        name="newsletter-link-counter",
        cwe=601,
        surrounding="service",
        slots={
            "handler": ("click", "count_click", "go", "leave"),
            "first": ("spring-sale", "programme", "winter-offer", "survey"),
            "second": ("imprint", "jobs", "archive", "contact"),
            "counter": ("clicks", "visits", "hits", "opens"),
        },
        template='''
  HOME = "https://www.example.org/"
  LINKS = {"$first": HOME + "$first?ref=mail", "$second": "https://$second.example.org/"}


  async def $handler(request):
      """Count a click in the newsletter and send the reader on."""
      name = request.query.get("to", "")
-     location = LINKS.get(name, name)
+     location = LINKS.get(name, HOME)
      issue = request.query.get("issue", "")
?     $log.info("%r in issue %r", name, issue)
      if issue.isdigit():
          await request.app["redis"].hincrby("$counter", issue, 1)
?     # A reader without a known issue is sent on all the same.
      raise web.HTTPFound(location)
''',
    ),
    CodeFamily(
        name="moved-path-prefix",
        cwe=601,
        surrounding="network",
        slots={
            "handler": ("MovedHandler", "OldSite", "Forwarder", "Signpost"),
            "prefix": ("/old", "/blog", "/wiki", "/docs-v1"),
            "site": ("https://www.example.org", "https://docs.example.com", "https://new.example.net"),
            "status": ("301", "302", "307", "308"),
            "rest": ("rest", "remainder", "page", "path"),
        },
        template='''
  SITE = "$site"


  class $handler(BaseHTTPRequestHandler):
      """Send the readers of the pages below $prefix to where these are now."""

      def do_GET(self):
          if not self.path.startswith("$prefix"):
              self.send_error(404)
              return
          $rest = self.path.removeprefix("$prefix")
?         $log.info("%s asked for %s", self.client_address[0], $rest)
          self.send_response($status)
-         self.send_header("Location", SITE + $rest)
+         self.send_header("Location", SITE + "/" + $rest.lstrip("/"))
?         self.send_header("Cache-Control", "max-age=3600")
          self.send_header("Content-Length", "0")
          self.end_headers()
''',
    ),
    CodeFamily(
        name="fastapi-return-after-payment",
        cwe=601,
        surrounding="web",
        slots={
            "route": ("paid", "confirmed", "booked", "signed"),
            "param": ("back", "next", "to"),
            "default": ("/orders", "/bookings", "/account"),
        },
        template=r'''
  @router.get("/$route")
  def after_$route($param: str = "$default", order: Order = Depends(current_order)):
      """Go back to the page where the payment began."""
      order.mark_seen()
-     if not $param.startswith("/"):
+     if not re.match(r"/[^/\\]", $param):
?         $log.info("ignoring %r", $param)
          $param = "$default"
?     order.touch()
      return RedirectResponse($param, status_code=303)
''',
    ),
    CodeFamily(
        name="tornado-login-url-host",
        cwe=601,
        surrounding="web",
        slots={
            "handler": ("LoginHandler", "EntryHandler", "SignInHandler"),
            "param": ("next", "goto", "return"),
            "cookie": ("member", "session", "person"),
        },
        template=r'''
  class $handler(RequestHandler):
      async def post(self):
          """Check the password and go on to where the visitor wanted to go."""
          account = await self.application.accounts.check(
              self.get_body_argument("login"), self.get_body_argument("password")
          )
          if account is None:
              raise HTTPError(403)
          self.set_signed_cookie("$cookie", str(account.id), httponly=True, secure=True)
          target = self.get_argument("$param", "/")
-         parts = urlsplit(target, scheme="https")
+         parts = urlsplit(target.replace("\\", "/").strip())
?         $log.debug("on to %r", target)
-         self.redirect(target if parts.path.startswith("/") else "/")
+         self.redirect("/" if parts.scheme or parts.netloc or parts.path.startswith("//") else urlunsplit(parts))
''',
    ),
    CodeFamily(
        name="slash-adding-middleware",
        cwe=601,
        surrounding="network",
        slots={
            "class": ("SlashMiddleware", "TrailingSlash", "CanonicalPaths"),
            "status": ("301 Moved Permanently", "308 Permanent Redirect", "302 Found"),
            "skipped": ("/static", "/api", "/files"),
        },
        template='''
  class $class:
      """Sends readers of a path without a slash at its end to the one with it."""

      def __init__(self, application):
          self.application = application

      def __call__(self, environ, start_response):
          path = environ.get("PATH_INFO", "/")
          if path.endswith("/") or path.startswith("$skipped"):
              return self.application(environ, start_response)
-         location = quote(path.rstrip("/")) + "/"
+         location = "/" + quote(path.strip("/")) + "/"
?         $log.debug("%s to %s", path, location)
          start_response("$status", [("Location", location), ("Content-Length", "0")])
          return [b""]
''',
    ),
    CodeFamily(
        name="unsubscribe-link-in-a-mail",
        cwe=601,
        surrounding="mail",
        slots={
            "function": ("leave", "unsubscribe", "stop_mails", "opt_out"),
            "salt": ("leave", "newsletter", "stop"),
            "age": ("86400", "604800", "2592000"),
        },
        template='''
  async def $function(request):
      """Take a reader off the list; the signed link of the mail says whom, and where to go then."""
      serializer = URLSafeTimedSerializer(request.app["key"], salt="$salt")
      try:
          told = serializer.loads(request.query["token"], max_age=$age)
      except BadData:
          raise web.HTTPBadRequest(text="the link is too old") from None
      await request.app["lists"].remove(told["list"], told["address"])
?     $log.info("removed from %s", told["list"])
-     raise web.HTTPFound(request.query.get("then", told.get("then", "/")))
+     raise web.HTTPFound(told.get("then", "/"))
''',
    ),
    CodeFamily(
        name="oauth-return-address-prefix",
        cwe=601,
        surrounding="service",
        slots={
            "class": ("Authorisations", "Grants", "ConsentDesk"),
            "registered": ("registered", "known", "stored"),
            "field": ("redirect_uri", "return_uri", "callback"),
        },
        template='''
  class $class:
      """Hands codes to the applications of partners."""

      def __init__(self, clients, codes):
          self.clients = clients
          self.codes = codes

      def answer(self, client_id: str, $field: str, account, state: str) -> str:
          """Give the address to which the browser carries the code."""
          $registered = self.clients[client_id].$field
-         if not $field.startswith($registered):
+         if $field != $registered:
              raise PermissionError($field)
?         $log.info("%s grants %s", account.id, client_id)
          code = self.codes.issue(client_id, account)
          return f"{$field}?{urlencode({'code': code, 'state': state})}"
''',
    ),
]
